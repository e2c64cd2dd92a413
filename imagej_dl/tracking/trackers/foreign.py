"""Trackers of other programs, each of which works in a Python of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from imagej_dl.foreign.program import Program
from imagej_dl.progress import Progress
from imagej_dl.tracking.trackers.base import Detected, Tracker

_RUNNERS = Path(__file__).with_name("runners")


class ForeignTracker(Tracker):
    """A tracker whose library runs in a process of its own.

    Attributes
    ----------
    engine : name of the engine, and of the library's Python package.
    install : how to install it, as a sentence; `{environment}` stands for how to install it into
        an environment of its own.
    extra : the extra of imagej-dl that installs it; empty if there is none.
    homepage : its address, for the documentation.
    runner : the script that the other Python runs; see :mod:`imagej_dl.tracking.trackers`.
    """

    engine: ClassVar[str]
    install: ClassVar[str] = "Install it, or make {environment}."
    extra: ClassVar[str] = ""
    homepage: ClassVar[str] = ""

    def __init__(self) -> None:
        self.engines = (self.engine,)

    @property
    def runner(self) -> Path:
        return _RUNNERS / f"run_{self.engine}.py"

    @property
    def program(self) -> Program:
        """The library in its own Python."""
        return Program(self.engine, self.install, self.runner)

    def run(
        self,
        arrays: dict[str, np.ndarray],
        settings: dict[str, Any],
        detected: Detected,
        progress: Progress,
    ) -> dict[str, np.ndarray]:
        """Run the library on arrays and settings; return its arrays.

        Raises
        ------
        UserError : when the library is not installed, or fails.
        Cancelled : when `progress` raises it.
        """
        return self.program.run(arrays, settings, detected.python, progress)

    def diagnose(self) -> tuple[bool, str]:
        """Return whether the library loads; and its version and place, or how to install it."""
        return self.program.diagnose()
