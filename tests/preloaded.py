"""What the process has imported from which those of tests fork: as imagej-dl itself does it.

TensorFlow heeds variables such as TF_ENABLE_ONEDNN_OPTS only while it is imported.
"""

import jpype
import scipy.ndimage
import skimage.measure
import xarray

from imagej_dl.models import backend

__all__ = ["jpype", "scipy", "skimage", "xarray"]

backend.keras.__wrapped__()  # each process is to set it up once more, by its own settings
