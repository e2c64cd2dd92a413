"""Other programs that link spots: each a module with `link`, run by a Python that has it."""

from __future__ import annotations

from imagej_dl.tracking.engines.linking import TRACKERS, link
from imagej_dl.tracking.engines.process import find, version

__all__ = ["TRACKERS", "find", "link", "version"]
