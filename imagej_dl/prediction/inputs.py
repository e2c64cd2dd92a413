"""The files to predict, and the names of their results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.images.formats import registry
from imagej_dl.images.scenes import wanted
from imagej_dl.images.tiff import file_sets
from imagej_dl.suite import data

_IMAGE = "image"
"""The name of the image in a folder NAME, which is called NAME then."""


@dataclass(frozen=True)
class Source:
    """An image file and the name its results get, without suffix.

    `image` is there when it was put together of several files; `scene` is the number from 1 of
    the one that is meant of a file with several.
    """

    path: Path
    name: str
    image: xr.DataArray | None = None
    scene: int | None = None


def find(
    given: Iterable[Path],
    *,
    recurrent: bool = False,
    videos: Path | None = None,
    scenes: str | None = None,
) -> list[Source]:
    """Return the images among files and folders.

    A folder stands for the images in it; one that holds folders NAME/image.tif, or is such a
    folder, for these; one with `inputs` for the images in that. Those of folders NAME are named
    after their folder, and so is any file called "image"; others after themselves. An OME-Zarr
    called "image" that is named itself keeps its name, unless there are several of these.

    Parameters
    ----------
    recurrent : whether single frames of a folder with `inputs` become videos, by the table
        videos2im_relation.csv of the folder, or `videos`.
    scenes : of files with several, "all" or one by its number from 1, each called NAME_SCENE;
        left out, the first is meant and called NAME.

    Raises
    ------
    UserError : for a path that is not there, a folder without an image, two images of one name,
        whose results would overwrite each other, and a scene that a file has not.
    """
    found: list[Path | Source] = []
    alone: set[Path] = set()
    for path in given:
        if not registry.is_folder_image(path) and data.is_suite(path):
            items = data.items(path, labelled=False, recurrent=recurrent, relation=videos)
            found += [_source(path, item) for item in items]
        else:
            found += _files(path)
            if registry.is_folder_image(path) and registry.stem(path) == _IMAGE:
                alone.add(path)
    own = alone if len({path.resolve() for path in alone}) == 1 else set()
    # Of files that are one image, as a shell names each of them, the first stands for all.
    single = set(file_sets.one_per_image([one for one in found if isinstance(one, Path)]))
    sources: list[Source] = []
    for one in found:
        if isinstance(one, Source):
            sources.append(one)
        elif one in single:
            sources += _scenes(one, _IMAGE if one in own else _name(one), scenes)
    known: dict[str, Source] = {}
    for source in sources:
        # Some file systems do not tell capitals, or how accents are written.
        other = known.setdefault(names.folded(source.name), source)
        if other is not source and not _same(other, source):
            raise UserError(
                f"has the same name as {other.path}, so their results would overwrite each other",
                path=source.path,
                remedy="Rename one, or predict them into different folders.",
            )
    return list(known.values())


def _same(one: Source, other: Source) -> bool:
    """Return whether two are one image, which was named twice."""
    in_files = one.image is None and other.image is None
    return in_files and one.path.resolve() == other.path.resolve() and one.scene == other.scene


def _scenes(file: Path, name: str, which: str | None) -> list[Source]:
    if which is None:
        return [Source(file, name)]
    found = images.scenes_of(file)
    chosen = wanted(file, found, which)
    if len(found) == 1:
        return [Source(file, name)]
    return [Source(file, name + s.suffix, scene=s.number) for s in chosen]


def _source(folder: Path, item: data.Item) -> Source:
    if isinstance(item.image, xr.DataArray):
        return Source(folder / item.name, item.name, item.image)
    return Source(Path(item.image), item.name)


def _files(path: Path) -> list[Path]:
    if registry.is_plain_folder(path):
        if own := _image(path):
            return [own]
        nested = [_image(folder) for folder in _folders(path)]
        if any(nested) and not _has_images(path):
            return [file for file in nested if file is not None]
    return images.find([path])


def _folders(path: Path) -> list[Path]:
    return list(filter(registry.is_plain_folder, names.visible(path)))


def _image(folder: Path) -> Path | None:
    """Return the file called image.tif (or another known suffix) in a folder."""
    suffixes = *registry.image_suffixes(), *(f".ome{s}" for s in registry.folder_suffixes())
    found = (folder / f"{_IMAGE}{suffix}" for suffix in suffixes)
    return next((file for file in found if registry.is_image(file)), None)


def _has_images(folder: Path) -> bool:
    return bool(names.visible(folder, registry.image_suffixes()))


def _name(file: Path) -> str:
    stem = registry.stem(file)
    if stem == _IMAGE:
        return file.resolve().parent.name or stem
    return stem
