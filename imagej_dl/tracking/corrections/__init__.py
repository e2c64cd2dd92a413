"""Tracks corrected by hand in TrackMate, as objects again: which pixels, and what was changed."""

from imagej_dl.tracking.corrections.automatic_result import manner as layout_of
from imagej_dl.tracking.corrections.automatic_result import read as read_automatic
from imagej_dl.tracking.corrections.corrected_tracks import Corrected, correct

__all__ = ["Corrected", "correct", "layout_of", "read_automatic"]
