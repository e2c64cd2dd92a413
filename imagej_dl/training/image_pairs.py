"""Find pairs of images: one folder has the images, another the targets of the same names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.images.reading import images_in

LAYOUTS = (("low", "high"), ("low", "GT"), ("inputs", "targets"))
"""Names of the two folders in the folder of a training: images, and what is learnt of them."""
_NAMED = 3


def find(folder: Path, targets: Path | None = None) -> list[tuple[Path, Path]]:
    """Find the images of a folder, and the target of each, sorted by name.

    Parameters
    ----------
    folder : has the two folders of one of the :data:`LAYOUTS`; or with `targets` the images.
    targets : the folder of the targets. Files belong together that have the same name, whatever
        their formats. Or both are files, which are one pair.

    Raises
    ------
    UserError : when there is no such folder, or a file has no partner, or two; it names them.
    """
    if targets is not None and folder.is_file() and targets.is_file():
        return [(folder, targets)]
    inputs, targets = _folders(folder, targets)
    first, second = _by_name(inputs), _by_name(targets)
    if not first:
        raise UserError("holds no image", path=inputs)
    alone = {
        inputs: [path for key, path in first.items() if key not in second],
        targets: [path for key, path in second.items() if key not in first],
    }
    words = [
        f"no file in {other} is called as {_listed(paths)}"
        for paths, other in zip(alone.values(), (targets, inputs), strict=True)
        if paths
    ]
    if words:
        raise UserError(
            "; ".join(words),
            path=next(place for place, paths in alone.items() if paths),
            remedy="An image and its target have the same name, such as low/a.tif and high/a.tif: "
            "rename them, or move those without partner to another folder.",
        )
    return [(path, second[key]) for key, path in first.items()]


def _folders(folder: Path, targets: Path | None) -> tuple[Path, Path]:
    """Return the folders of the images and of the targets."""
    for place in (folder, targets):
        if place is not None and not place.is_dir():
            problem = "is no folder" if place.exists() else "there is no such folder"
            raise UserError(problem, path=place)
    if targets is not None:
        if targets.resolve() == folder.resolve():
            raise UserError(
                "is the folder of the images, and cannot be that of their targets", path=targets
            )
        return folder, targets
    for one, other in LAYOUTS:
        found = names.find(folder, one), names.find(folder, other)
        if all(place.is_dir() for place in found):
            return found
    layouts = ", ".join(f"{one} and {other}" for one, other in LAYOUTS)
    raise UserError(
        "holds no two folders with images and their targets",
        path=folder,
        remedy=f"Name them as one of these: {layouts}; or name the targets' folder with --targets.",
    )


def _by_name(folder: Path) -> dict[str, Path]:
    """Return the images of a folder by their names without suffix."""
    found: dict[str, Path] = {}
    for path in images_in(folder):
        if (other := found.setdefault(_stem(path), path)) != path:
            raise UserError(
                f"has the same name as {other.name}, so that its partner is not certain",
                path=path,
                remedy="Rename one of them, and its partner.",
            )
    return found


def _stem(path: Path) -> str:
    stem = names.same(path.stem)
    # As ImageJ's Bio-Formats exporter and others name them.
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def _listed(paths: Sequence[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:_NAMED])
    more = len(paths) - _NAMED
    return shown + (f" and {more} more" if more > 0 else "")
