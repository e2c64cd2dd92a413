"""What would end a training as soon as it has begun, found before TensorFlow is loaded."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.training import fit, state
from imagej_dl.training.given import Given


def look(source: Path | Given, out: Path, resume: bool, overwrite: bool) -> None:
    """Raise UserError where there is no such folder, nothing to resume, or no room."""
    if not resume:
        fit._make_room(out, overwrite)
    elif not state.kept(out / state.FOLDER):
        state.content(out / state.FOLDER)
    if isinstance(source, Path) and not source.exists():
        fit._given(source)
