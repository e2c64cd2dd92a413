"""TrackMate of the user's Fiji, versions 7 and 8: detection, tracking, its file, its window."""

from imagej_dl.fiji.trackmate.engine import track
from imagej_dl.fiji.trackmate.settings import available, version
from imagej_dl.fiji.trackmate.window import open_window, start_window, wait_until_closed

__all__ = ["available", "open_window", "start_window", "track", "version", "wait_until_closed"]
