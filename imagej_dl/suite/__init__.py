"""Projects of microscopy-dl-suite-tf: its JSON files, folders and video tables.

Its networks are in :mod:`imagej_dl.models`, its losses and targets in :mod:`imagej_dl.training`.
"""

from imagej_dl.suite.config import SuiteConfig, read
from imagej_dl.suite.convert import predict_values, test_values, train_values
from imagej_dl.suite.ctc_export import write_results as write_ctc_results
from imagej_dl.suite.ctc_export import write_truth as write_ctc_truth
from imagej_dl.suite.ctc_import import read as read_ctc
from imagej_dl.suite.data import Item, is_suite, items, table_of
from imagej_dl.suite.results import CHALLENGE, rebuild, results
from imagej_dl.suite.videos import assemble, read_relation, read_tracks, write_frames

__all__ = [
    "CHALLENGE",
    "Item",
    "SuiteConfig",
    "assemble",
    "is_suite",
    "items",
    "predict_values",
    "read",
    "read_ctc",
    "read_relation",
    "read_tracks",
    "rebuild",
    "results",
    "table_of",
    "test_values",
    "train_values",
    "write_ctc_results",
    "write_ctc_truth",
    "write_frames",
]
