"""Images: files, axes and calibration.

An image is an :class:`xarray.DataArray` whose dims are some of T, C, Z, Y, X, in that order, and
whose attrs are those of :class:`Calibration` and a `title`. All steps hand images on in this form.
"""

from imagej_dl.images.alignment import calibrated_like, stacked_like
from imagej_dl.images.array import AXES, Calibration, as_labels, calibration, make, with_data
from imagej_dl.images.display import coloured
from imagej_dl.images.inputs import image_of, labels_of
from imagej_dl.images.intensities.training_intensities import Far, Seen
from imagej_dl.images.labels.label_lut import glasbey, golden_angle_lut
from imagej_dl.images.normalisation import Levels, Normalisation
from imagej_dl.images.reading import find, read, read_labels, scenes_of
from imagej_dl.images.writing import write, write_labels

__all__ = [
    "AXES",
    "Calibration",
    "Far",
    "Levels",
    "Normalisation",
    "Seen",
    "as_labels",
    "calibrated_like",
    "calibration",
    "coloured",
    "find",
    "glasbey",
    "golden_angle_lut",
    "image_of",
    "labels_of",
    "make",
    "read",
    "read_labels",
    "scenes_of",
    "stacked_like",
    "with_data",
    "write",
    "write_labels",
]
