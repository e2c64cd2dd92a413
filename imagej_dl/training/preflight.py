"""What would end a training as soon as it has begun, found before TensorFlow is loaded."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.training import checkpoint, fit
from imagej_dl.training.data_sources import Given


def look(source: Path | Given, out: Path, resume: bool, overwrite: bool) -> None:
    """Raise UserError where there is no such folder, nothing to resume, or no room."""
    if not resume:
        fit._make_room(out, overwrite)
    elif not checkpoint.kept(out / checkpoint.FOLDER):
        checkpoint.content(out / checkpoint.FOLDER)
    if isinstance(source, Path) and not source.exists():
        fit._given(source)
