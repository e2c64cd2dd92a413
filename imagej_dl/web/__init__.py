"""The web page: images in, objects seen, label maps and ROIs out.

Importing this loads neither Flask nor TensorFlow; `application` and `listen` do.
"""

from imagej_dl.web.app import application
from imagej_dl.web.listening import listen

__all__ = ["application", "listen"]
