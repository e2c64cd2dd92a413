"""The Cell Tracking Challenge: its folders, tables and ids, and tracks in its layout.

The scores are in :mod:`imagej_dl.evaluation.ctc_metrics`.
"""

from imagej_dl.ctc.folders import (
    CtcFolder,
    GroundTruth,
    find_result,
    find_sequences,
    is_ctc,
    is_segmentation,
    markers,
    numbered,
    read,
    read_mask,
    read_truth,
    segmented,
    write_masks,
    write_result,
    write_truth,
)
from imagej_dl.ctc.from_tracks import Gaps, layout, table, write
from imagej_dl.ctc.tables import problem_of, read_tracks, write_tracks

__all__ = [
    "CtcFolder",
    "Gaps",
    "GroundTruth",
    "find_result",
    "find_sequences",
    "is_ctc",
    "is_segmentation",
    "layout",
    "markers",
    "numbered",
    "problem_of",
    "read",
    "read_mask",
    "read_tracks",
    "read_truth",
    "segmented",
    "table",
    "write",
    "write_masks",
    "write_result",
    "write_tracks",
    "write_truth",
]
