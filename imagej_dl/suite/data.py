"""The suite's folders: `inputs` with `labels`, and beside them `contours` and `weights`."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import names
from imagej_dl.images.reading import images_in
from imagej_dl.suite.videos import RELATION, assemble, read_relation

_INPUTS, _LABELS = ("inputs", "input"), ("labels", "label")
_RAW, _IDS = re.compile(r"raw_(\d+)"), re.compile(r"instance_ids_(\d+)(?:_weight)?")


Source = str | Path | xr.DataArray


@dataclass(frozen=True)
class Item:
    """An image, its label map, and what is there of contours and weights: files, or in memory.

    Labels of some frames of a video only have the coordinate T: which ones, from 0.
    """

    name: str
    image: Source
    labels: Source | None = None
    contours: Source | None = None
    weights: Source | None = None


def is_suite(folder: Path) -> bool:
    """Return True for a folder with the suite's `inputs`."""
    return any(os.path.isdir(folder / name) for name in _INPUTS)  # whatever its name is


def is_labelled(folder: Path) -> bool:
    """Return True for a folder with the suite's `labels` and an image in it."""
    place = _folder(folder, _LABELS)
    return place is not None and bool(_files(place))


def items(
    folder: Path,
    *,
    labelled: bool | Literal["some"] = True,
    recurrent: bool = False,
    relation: Path | None = None,
    own_first: bool = False,
) -> list[Item]:
    """Find the images of a folder, with what belongs to them.

    Pairs are `inputs/raw_NNN.tif` with `labels/instance_ids_NNN.tif`, or files of equal names.

    Parameters
    ----------
    labelled : whether each image needs a label map; "some": those that are there need an image.
    recurrent : whether single frames are put together to videos, by `videos2im_relation.csv`.
    relation : that table, where it is not in the folder or `stack2im` in it.
    own_first : whether the folder's own table goes before `relation`, which may be another
        folder's: frames of two folders often have the same names. Then `relation` is taken for
        a folder without a table only, and never where it lies in another folder with `inputs`.

    Raises
    ------
    UserError : when there is no image, `relation` is not there, an input or a label has no partner
        (each is named), or two files are the same image by their number or name.

    Warns
    -----
    DataWarning : for videos of the table that lack a frame here, which are left out, and for a
        table from elsewhere that is taken for a folder without one.
    """
    inputs = _folder(folder, _INPUTS)
    if inputs is None:
        raise UserError("has no folder inputs", path=folder)
    if relation is not None and not relation.is_file():
        raise UserError("there is no such table of videos", path=relation)
    pictures = _files(inputs)
    if not pictures:
        raise UserError("holds no image", path=inputs)
    place = _folder(folder, _LABELS)
    labels = _files(place) if place else {}
    if labelled:
        _check(pictures, labels, inputs, place or folder / "labels", labelled is True)
    contours, weights = _files(folder / "contours"), _files(folder / "weights")
    found = [
        Item(file.stem, file, labels.get(key), contours.get(key), weights.get(key))
        for key, file in pictures.items()
    ]
    return _videos(found, folder, relation, labelled == "some", own_first) if recurrent else found


def table_of(folder: Path, relation: Path | None = None, *, own_first: bool = False) -> Path | None:
    """Return the table that says which videos the single frames of a folder are of.

    It is `relation`, or else `videos2im_relation.csv` in the folder, in `stack2im` in it, or beside
    it: the first that knows all the frames. None where none does, or all images are videos. With
    `own_first`, see :func:`items`.
    """
    inputs = _folder(folder, _INPUTS)
    files = _files(inputs).values() if inputs else ()
    single = [names.same(file.name) for file in files if _is_frame(file)]
    return _table(folder, relation, single, own_first) if single else None


def _table(
    folder: Path, relation: Path | None, frames: Collection[str], own_first: bool
) -> Path | None:
    known = (path for path in _tables(folder, relation, own_first) if path.is_file())
    return next((path for path in known if not _unknown(path, frames)), None)


def _tables(folder: Path, relation: Path | None, own_first: bool) -> list[Path]:
    """Return where a folder's table may be, the likeliest first."""
    own = [folder / RELATION, folder / "stack2im" / RELATION, folder.parent / RELATION]
    if relation is None:
        return own
    if not own_first:
        return [relation, *own]
    return own if _is_anothers(relation, folder) else [*own, relation]


def _is_anothers(table: Path, folder: Path) -> bool:
    """Return whether a table lies in a folder with `inputs` that is not this one."""
    place = table.resolve().parent
    home = place.parent if place.name == "stack2im" else place
    return is_suite(home) and home != folder.resolve()


def _unknown(table: Path, frames: Collection[str]) -> list[str]:
    """Return the frames that a table does not know."""
    known = {frame for own in read_relation(table).values() for frame in own}
    return [frame for frame in frames if frame not in known]


def _folder(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _files(folder: Path) -> dict[str, Path]:
    """Return the images of a folder by what pairs them: their number, or their name."""
    files = images_in(folder)
    found: dict[str, Path] = {}
    for file in files:
        other = found.setdefault(_key(file.stem), file)
        if other is not file:
            raise UserError(
                f"holds {other.name} and {file.name}, whose names stand for the same image",
                path=folder,
                remedy="Rename or remove one of them.",
            )
    return found


def _key(stem: str) -> str:
    stem = names.same(stem)
    match = _RAW.fullmatch(stem) or _IDS.fullmatch(stem)
    return f"#{int(match[1])}" if match else stem.removesuffix("_weight")


def _check(
    pictures: dict[str, Path], labels: dict[str, Path], inputs: Path, place: Path, whole: bool
) -> None:
    bare = [file.name for key, file in pictures.items() if key not in labels] if whole else []
    alone = [f"{name} has no label map" for name in bare] + [
        f"{file.parent.name}/{file.name} has no image"
        for key, file in labels.items()
        if key not in pictures
    ]
    if alone:
        raise UserError(
            f"{len(pictures)} images and {len(labels)} label maps in {place.name}: "
            + "; ".join(alone),
            path=inputs,
            remedy="raw_NNN.tif goes with instance_ids_NNN.tif, other files with equal names.",
        )


def _videos(
    found: list[Item], folder: Path, relation: Path | None, some: bool, own_first: bool
) -> list[Item]:
    """Put single frames together to videos; files that are videos stay what they are."""
    single = {
        names.same(item.image.name): item
        for item in found
        if isinstance(item.image, Path) and _is_frame(item.image)
    }
    if not single:
        return [_as_video(item) for item in found]
    path = _table(folder, relation, single, own_first)
    if path is None:
        words = _why_no_table(folder, relation, single, own_first)
        warn(f"{words}; each frame is used by itself", path=folder)
        return found
    table = read_relation(path)
    if path == relation and (words := _beside_own(folder, table, single, own_first)):
        warn(f"{words}; {path} is used", path=folder)
    _name_incomplete(folder, table, single)
    whole = [_as_video(item) for item in found if item not in single.values()]
    return whole + [
        Item(
            video,
            _assembled([single[frame].image for frame in frames]),
            _maybe([single[frame].labels for frame in frames], some, labels=True),
            _maybe([single[frame].contours for frame in frames]),
            _maybe([single[frame].weights for frame in frames]),
        )
        for video, frames in table.items()
        if all(frame in single for frame in frames)
    ]


def _why_no_table(
    folder: Path, relation: Path | None, frames: Collection[str], own_first: bool
) -> str:
    for path in _tables(folder, relation, own_first):
        if path.is_file() and (lacking := _unknown(path, frames)):
            return (
                f"{path} does not list {len(lacking)} of the {len(frames)} frames "
                f"({', '.join(lacking[:3])}{' …' if len(lacking) > 3 else ''})"
            )
    return f"no {RELATION} assigns the frames to videos"


def _beside_own(
    folder: Path, given: dict[str, list[str]], frames: Collection[str], own_first: bool
) -> str:
    """Return what a user should know when a given table is taken, empty when all is clear."""
    own = _table(folder, None, frames, True)
    if own is None:
        return f"has no {RELATION} of its own" if own_first else ""
    here = [video for video in read_relation(own).values() if video[0] in frames]
    there = [video for video in given.values() if video[0] in frames]
    return "" if here == there else f"{own} groups the frames differently"


def _name_incomplete(folder: Path, table: dict[str, list[str]], single: dict[str, Item]) -> None:
    # A table may be that of several folders: a video of which nothing is here is another's.
    for video, frames in table.items():
        missing = [frame for frame in frames if frame not in single]
        if missing and len(missing) < len(frames):
            warn(
                f"{video} is left out with its {len(frames) - len(missing)} "
                f"frames, since {', '.join(missing)} is missing",
                path=folder,
            )


def _is_frame(path: Path) -> bool:
    return not {"T", "Z"} & set(images.read(path, mapped=True).dims)


def _as_video(item: Item) -> Item:
    """Take the planes of a stack that is no video for frames: plain TIFFs do not say."""
    image = images.read(item.image, mapped=True) if isinstance(item.image, Path) else item.image
    if not isinstance(image, xr.DataArray) or "T" in image.dims or "Z" not in image.dims:
        return item
    renamed = image.rename({"Z": "T"})
    return replace(item, image=renamed.transpose(*(a for a in images.AXES if a in renamed.dims)))


def _assembled(files: list[Source]) -> xr.DataArray:
    return assemble([file for file in files if isinstance(file, Path)])


def _maybe(
    files: list[Source | None], some: bool = False, *, labels: bool = False
) -> xr.DataArray | None:
    there = {t: file for t, file in enumerate(files) if isinstance(file, Path)}
    if len(there) == len(files) or (some and there):
        video = assemble(list(there.values()), labels=labels)
        return video if len(there) == len(files) else video.assign_coords(T=list(there))
    return None
