"""The folders of a project: what is in them, what is to be drawn next, and its RoiSets."""

from imagej_dl.project.annotation_queue import Next, Sheet, next_to_draw, prepare, sheet, sheets
from imagej_dl.project.folders import (
    BACKUPS,
    FOLDERS,
    RESULTS,
    Drawn,
    Pair,
    create,
    drawn,
    fitting,
    pairs,
    processed,
    visible,
)
from imagej_dl.project.preparing import Prepared, prepare_all
from imagej_dl.project.roisets import Saved, backup, save_rois

__all__ = [
    "BACKUPS",
    "FOLDERS",
    "RESULTS",
    "Drawn",
    "Next",
    "Pair",
    "Prepared",
    "Saved",
    "Sheet",
    "backup",
    "create",
    "drawn",
    "fitting",
    "next_to_draw",
    "pairs",
    "prepare",
    "prepare_all",
    "processed",
    "save_rois",
    "sheet",
    "sheets",
    "visible",
]
