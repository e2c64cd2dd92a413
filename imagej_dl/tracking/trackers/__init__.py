"""Trackers: each links spots from frame to frame, here or in a program of its own."""

from __future__ import annotations

from imagej_dl.tracking.trackers._subprocess import find, version
from imagej_dl.tracking.trackers.registry import TRACKERS, link

__all__ = ["TRACKERS", "find", "link", "version"]
