"""Training: from images and label maps to a MODEL folder.

Importing this loads no TensorFlow; `train` does.
"""

from imagej_dl.methods.border import border_target
from imagej_dl.methods.shared.class_method import binary_target
from imagej_dl.training.data_sources import Given, Maps, find_pairs
from imagej_dl.training.events import Epoch, Watch
from imagej_dl.training.fit import train
from imagej_dl.training.settings import Settings

__all__ = [
    "Epoch",
    "Given",
    "Maps",
    "Settings",
    "Watch",
    "binary_target",
    "border_target",
    "find_pairs",
    "train",
]
