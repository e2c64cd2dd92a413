"""Reading of image files, whatever their format, and finding them in folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.filesystem import names
from imagej_dl.images import scenes
from imagej_dl.images.checks import lossy_compression
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import label_maps
from imagej_dl.images.tiff import file_sets


def read(
    path: str | Path,
    axes: str | None = None,
    mapped: bool = False,
    *,
    scene: int | None = None,
) -> xr.DataArray:
    """Read an image file.

    Parameters
    ----------
    path : file in one of the formats of :mod:`imagej_dl.images.formats.registry`, such as TIFF
        (ImageJ, OME or plain); some need an extra. Colour images have their colours as C.
    axes : names of the file's axes, such as "TYX", where the file does not state them, or wrongly.
    mapped : allow a read-only memory map, in the byte order of the file, for a TIFF of 256 MiB of
        pixels or more; a compressed one is unpacked into a temporary file.
    scene : number from 1 of the scene (see :func:`scenes_of`); the first where left out.

    Returns
    -------
    image with dims of T, C, Z, Y, X; axes of length 1 are dropped, Y and X excepted.

    Raises
    ------
    UserError : when there is no such file, it is not an image, its axes do not fit, or it has no
        such scene.

    Warns
    -----
    DataWarning : when the file has several scenes and none is chosen.
    """
    path = Path(path)
    source = registry.of_file(path)
    if not source.multi_scene:
        scenes.index(path, (), scene)
    return source.read(path, axes, mapped, scene)


def scenes_of(path: str | Path) -> list[scenes.Scene]:
    """Return the scenes (series, positions) of an image file: at least one.

    Raises
    ------
    UserError : as :func:`read`.
    """
    path = Path(path)
    return scenes.numbered(path, registry.of_file(path).scene_names(path))


def nbytes(path: str | Path) -> int:
    """Return the memory in bytes of the pixels of an image file, if possible without reading them.

    Of a file with several scenes it is that of the first. See :func:`read` for errors.
    """
    path = Path(path)
    return registry.of_file(path).nbytes(path)


def read_labels(
    path: str | Path, axes: str | None = None, *, as_is: bool = False, volumes: bool = False
) -> xr.DataArray:
    """Read a label map as uint16 or uint32: the numbers in the file, or the indices of a palette.

    Parameters
    ----------
    path, axes : see :func:`read`.
    as_is : take the ids as they are, as those of tracks; otherwise the connected components of a
        mask become its objects, see
        :func:`imagej_dl.images.labels.id_semantics.as_objects`.
    volumes : connect components within volumes, not within single slices.

    Raises
    ------
    UserError : as :func:`read`; for lossy files, and for an image that is no label map.

    Warns
    -----
    DataWarning : for assumptions about masks, ids in several pieces, and NaN.
    """
    path = Path(path)
    source = registry.of_file(path)
    lossy_compression.refuse(path)
    image = source.read_label_map(path, axes)
    drawn = not as_is and label_maps.is_made_of_rois(path)
    return label_maps.from_image(image, path, as_is=as_is, volumes=volumes, drawn=drawn)


def find(sources: Iterable[Path]) -> list[Path]:
    """Return the image files among `sources`; a folder stands for the images in it, by name.

    Of several files that are one image (see :mod:`imagej_dl.images.tiff.file_sets`) the first is
    returned.

    Raises
    ------
    UserError : for a path that is not there and a folder without an image.
    """
    files: list[Path] = []
    for source in sources:
        if not source.exists():
            registry.refuse_address(source)
            raise UserError("there is no such file or folder", path=source)
        if not registry.is_plain_folder(source):
            files.append(source)  # refused when it is read, if it is no file
            continue
        inside = names.visible(source, registry.image_suffixes())
        if not inside:
            suffixes = ", ".join(registry.image_suffixes())
            raise UserError(f"holds no image ({suffixes})", path=source)
        files += inside
    return file_sets.one_per_image(files)


def images_in(folder: Path) -> list[Path]:
    """Return the image files in a folder, by name; none where there is no such folder.

    Of several files that are one image the first is returned.
    """
    return file_sets.one_per_image(names.visible(folder, registry.image_suffixes()))
