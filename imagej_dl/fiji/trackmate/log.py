"""TrackMate's log, its status line and how far it is, while it works."""

from __future__ import annotations

from typing import Any

from imagej_dl.fiji.trackmate.settings import PACKAGE
from imagej_dl.progress import Progress, note

_DONE = "Computation done in"


class Log:
    """TrackMate's messages: a logger of its own that Python can read.

    Its loggers are Java classes that Python cannot extend. The one of its log panel, which works
    without a screen, keeps status and progress in a bar; the one around it keeps every word.
    """

    def __init__(self) -> None:
        from scyjava import jimport

        panel = jimport(f"{PACKAGE}.gui.components.LogPanel")()
        self.logger = jimport(f"{PACKAGE}.util.LogRecorder")(panel.getLogger())
        self._bar = _bar(panel)
        self._said = 0

    @property
    def text(self) -> str:
        return str(self.logger.toString())

    @property
    def percent(self) -> int:
        return int(self._bar.getValue())

    def begin(self) -> None:
        """Forget how far the step before was."""
        self.logger.setProgress(0.0)

    def tell(self, progress: Progress) -> None:
        """Note the last line said since this was called last, if it says more than a time."""
        text = self.text
        said = [line.strip() for line in text[self._said :].splitlines()]
        self._said = len(text)
        if lines := [line for line in said if line and not line.startswith(_DONE)]:
            note(progress, f"TrackMate: {lines[-1]}")


def _bar(panel: Any) -> Any:
    """The progress bar in TrackMate's log panel."""
    kind = "javax.swing.JProgressBar"
    found = [panel]
    for component in found:
        if str(component.getClass().getName()) == kind:
            return component
        found.extend(component.getComponents())
    raise RuntimeError("TrackMate's log panel has no progress bar")
