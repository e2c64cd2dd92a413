"""Evaluation: scores of label maps and of tracks against the ground truth."""

from imagej_dl.evaluation.matching import THRESHOLDS, Matching, match, total
from imagej_dl.evaluation.report import Report, evaluate

__all__ = ["THRESHOLDS", "Matching", "Report", "evaluate", "match", "total"]
