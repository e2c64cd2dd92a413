"""Check what would end a training at once, before TensorFlow is loaded."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment
from imagej_dl.filesystem.atomic import load_json, refuse_existing
from imagej_dl.methods.base import LearnsFrom
from imagej_dl.models import folder as folders
from imagej_dl.training import checkpoint
from imagej_dl.training.data_sources import Given, as_given


def check(
    source: Path | Given,
    out: Path,
    resume: bool,
    overwrite: bool,
    learns_from: LearnsFrom = "labels",
) -> None:
    """Raise UserError for a missing folder, nothing to resume, or an output that exists."""
    if not resume:
        check_output(out, overwrite)
    elif not checkpoint.exists(out / checkpoint.FOLDER):
        checkpoint.load(out / checkpoint.FOLDER)
    if isinstance(source, Path) and not source.exists():
        as_given(source, learns_from)


def check_output(out: Path, overwrite: bool) -> None:
    """Refuse an output folder that exists; with `overwrite` only one that is no model."""
    # A training killed within its first epoch leaves a folder that cannot be resumed.
    bare = out / checkpoint.FOLDER if not checkpoint.exists(out / checkpoint.FOLDER) else None
    if out.is_dir() and all(entry == bare for entry in out.iterdir()):
        return
    if (out / checkpoint.FOLDER).is_dir() and bare is None and not overwrite:
        raise UserError(
            "holds an unfinished training",
            path=out,
            remedy="Continue it with --resume, or start again with --overwrite.",
        )
    refuse_existing(out, overwrite)
    containment.check(out / checkpoint.FOLDER, folder=True)
    if out.exists() and not ((out / checkpoint.FOLDER).is_dir() or _is_replaceable(out)):
        raise UserError(
            "exists and is not a model, so it is not overwritten",
            path=out,
            remedy="Choose another name for the model.",
        )


def _is_replaceable(out: Path) -> bool:
    """Return whether a folder is a model's: ours, or microscopy-dl-suite-tf's with its weights.

    Files in it under other names than ours stay; a config.json of others would be lost.
    """
    path = out / folders.CONFIG
    if not path.is_file():
        return (out / checkpoint.WEIGHTS_FOLDER).is_dir()
    try:
        content = load_json(path)
    except UserError:
        return False
    return isinstance(content, dict) and "format_version" in content
