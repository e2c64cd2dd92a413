"""The bridge to ImageJ and Fiji: gateway, images, ROI Manager, windows, TrackMate.

Java is started by :func:`start` and by nothing else; importing this package starts nothing.
"""

from imagej_dl.fiji.gateway import Gateway, choose, has_display, start

__all__ = ["Gateway", "choose", "has_display", "start"]
