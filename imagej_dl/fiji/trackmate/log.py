"""TrackMate's log and progress while it works."""

from __future__ import annotations

from typing import Any

from imagej_dl.fiji.trackmate.settings import PACKAGE
from imagej_dl.progress import Progress, note

_DONE = "Computation done in"


class Log:
    """A logger of TrackMate that Python can read.

    Its loggers are Java classes that Python cannot extend. The one of its log panel, which works
    without a screen, keeps status and progress in a bar; the one around it keeps the whole log.
    """

    def __init__(self) -> None:
        from scyjava import jimport

        panel = jimport(f"{PACKAGE}.gui.components.LogPanel")()
        self.logger = jimport(f"{PACKAGE}.util.LogRecorder")(panel.getLogger())
        self._bar = _bar(panel)
        self._read = 0

    @property
    def text(self) -> str:
        return str(self.logger.toString())

    @property
    def percent(self) -> int:
        return int(self._bar.getValue())

    def begin(self) -> None:
        """Reset the progress for the next step."""
        self.logger.setProgress(0.0)

    def tell(self, progress: Progress) -> None:
        """Pass on the last line that was logged since the last call, unless it is only a time."""
        text = self.text
        new = [line.strip() for line in text[self._read :].splitlines()]
        self._read = len(text)
        if lines := [line for line in new if line and not line.startswith(_DONE)]:
            note(progress, f"TrackMate: {lines[-1]}")


def _bar(panel: Any) -> Any:
    """Return the progress bar in TrackMate's log panel."""
    kind = "javax.swing.JProgressBar"
    components = [panel]
    for component in components:
        if str(component.getClass().getName()) == kind:
            return component
        components.extend(component.getComponents())
    raise RuntimeError("TrackMate's log panel has no progress bar")
