"""Which images and label maps a folder holds to train on."""

from __future__ import annotations

from pathlib import Path

from imagej_dl import project
from imagej_dl.errors import UserError
from imagej_dl.images.formats import SUFFIXES
from imagej_dl.training.examples import Pair


def find_pairs(folder: str | Path) -> list[Pair]:
    """Find the images with their label maps or ROIs, sorted by name.

    Known are a project or a folder with `images` and `masks` (see
    :func:`imagej_dl.project.pairs`), folders NAME with an image and `labels.tif`, and folders or
    files with RoiSets (see :func:`imagej_dl.project.drawn`).

    Raises
    ------
    UserError : when there is no such folder, or nothing in it to train on.
    """
    folder = Path(folder)
    if not folder.is_dir():
        problem = "is no folder" if folder.exists() else "there is no such folder"
        raise UserError(problem, path=folder)
    if (project.processed(folder) / "masks").is_dir():
        return [(pair.image, pair.labels) for pair in project.pairs(folder)]
    inner = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    found = [pair for place in (folder, *inner) if (pair := _labelled(place))]
    if found:
        return found
    try:
        return [(item.image, item.rois) for item in project.drawn(folder)]
    except UserError as error:
        if Path(error.path or folder) != folder:
            raise
        raise UserError(
            "holds no image with a label map or a RoiSet to train on",
            path=folder,
            remedy="Give it a project after `imagej-dl labels`, a folder with images and masks, "
            "or folders NAME with image.tif and labels.tif or RoiSet.zip.",
        ) from error


def _labelled(folder: Path) -> Pair | None:
    """Return the image and label map of a folder NAME, if it holds these two."""
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != ".")
    labels = [p for p in files if p.stem in project.RESULTS]
    others = [p for p in files if p.stem not in project.RESULTS]
    named = [p for p in others if p.stem in ("image", folder.name)] or others
    return (named[0], labels[0]) if len(labels) == 1 and len(named) == 1 else None
