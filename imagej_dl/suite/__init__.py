"""What users of microscopy-dl-suite-tf bring along: its JSON files, folders and video tables.

Its networks are in :mod:`imagej_dl.models`, its losses and targets in :mod:`imagej_dl.training`.
"""

from imagej_dl.suite.config import SuiteConfig, read
from imagej_dl.suite.convert import predict_values, train_values
from imagej_dl.suite.data import Item, items
from imagej_dl.suite.videos import assemble, read_relation, rebuild, write_frames

__all__ = [
    "Item",
    "SuiteConfig",
    "assemble",
    "items",
    "predict_values",
    "read",
    "read_relation",
    "rebuild",
    "train_values",
    "write_frames",
]
