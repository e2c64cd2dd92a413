"""ROIs: ImageJ's .roi and RoiSet.zip files, and their conversion to label maps and back."""

from imagej_dl.rois.archive import read, write
from imagej_dl.rois.decoder import decode
from imagej_dl.rois.encoder import encode
from imagej_dl.rois.labelling import Labelled, label_map, labelled
from imagej_dl.rois.masks import mask
from imagej_dl.rois.report import LabelReport, LabelRow, read_names, table_path
from imagej_dl.rois.roi import LABEL_KEY, Looks, Roi
from imagej_dl.rois.tracing import trace, trace_marks

__all__ = [
    "LABEL_KEY",
    "LabelReport",
    "LabelRow",
    "Labelled",
    "Looks",
    "Roi",
    "decode",
    "encode",
    "label_map",
    "labelled",
    "mask",
    "read",
    "read_names",
    "table_path",
    "trace",
    "trace_marks",
    "write",
]
