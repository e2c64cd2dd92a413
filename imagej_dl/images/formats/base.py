"""The interface of a file format, and what the readers of microscopes' files share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from imagej_dl.errors import UserError, warn
from imagej_dl.images.array import make


class Format(ABC):
    """A format of image files.

    Attributes
    ----------
    name : as users know it, such as "TIFF"; a class without one is a base of others.
    position : its place in lists; formats of the same place are sorted by name.
    suffixes : of its files, in lower case with the dot.
    folder_suffixes : those of `suffixes` whose "file" is a folder.
    raw_only : files are looked for in the Raw folder of a project only, not in any folder.
    uploadable : the web page accepts its files; False for a reader that is not fit for files of
        strangers.
    multi_scene : a file may hold several scenes.
    lossless : the ids of a label map survive in it.
    writable : :func:`imagej_dl.images.write` writes it.
    picture : made for the eye; one grey channel may stand for red, green and blue.
    library, install : the optional library that reads it and how to install it; "" where none is
        needed.
    """

    name: ClassVar[str] = ""
    position: ClassVar[int] = 100
    suffixes: ClassVar[tuple[str, ...]]
    folder_suffixes: ClassVar[tuple[str, ...]] = ()
    raw_only: ClassVar[bool] = False
    uploadable: ClassVar[bool] = True
    multi_scene: ClassVar[bool] = False
    lossless: ClassVar[bool] = True
    writable: ClassVar[bool] = False
    picture: ClassVar[bool] = False
    library: ClassVar[str] = ""
    install: ClassVar[str] = ""

    @abstractmethod
    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        """Read an image; parameters and errors as of :func:`imagej_dl.images.read`.

        `scene` is 1 or None unless the format is `multi_scene`.
        """

    def read_label_map(self, path: Path, axes: str | None = None) -> xr.DataArray:
        """Read an image as the numbers that are in the file; of a palette these are its indices."""
        return self.read(path, axes)

    def scene_names(self, path: Path) -> list[str]:
        """Return the name of each scene of a file, "" for a scene without; [] for one scene."""
        return []

    def place(self, path: Path, scene: int | None = None) -> Path:
        """Return the file or folder that holds a scene, the first where none is named."""
        return path

    def nbytes(self, path: Path) -> int:
        """Return the memory in bytes that the pixels of the first scene take."""
        return int(self.read(path).nbytes)

    def may_be_coloured(self, path: Path) -> bool:
        """Return True unless the header of a file rules out that it has three channels."""
        return True

    def unnamed_planes(self, path: Path, scene: int = 1) -> int:
        """Return the length of an axis that the file does not name; 0 where it names all."""
        return 0

    def opens_in_imagej(self, path: Path) -> bool:
        """Return True if ImageJ opens the file itself with the pixels and axes that it has."""
        return False


def warn_unnamed_planes(path: Path, count: int) -> None:
    """Warn that a file does not name the axis of its planes."""
    warn(
        f"does not name the axis of its {count} planes; they are read as slices (Z). If "
        "they are frames, pass --axes TYX",
        path=path,
    )


def labelled(path: Path, array: np.ndarray, names: str, attrs: dict[str, Any]) -> xr.DataArray:
    """Make the image of an array; axes of length 1 are dropped, Y and X excepted.

    Parameters
    ----------
    names : of all axes, or of those longer than 1.
    attrs : see :func:`imagej_dl.images.make`; the title is the name of the file.

    Raises
    ------
    UserError : when the names do not fit the array, or are no axes of an image.
    """
    if len(names) != array.ndim:
        array = array.squeeze()
    if len(names) != array.ndim:
        raise UserError(
            f"has the shape {array.shape}, to which the axes {names} do not fit", path=path
        )
    keep = [i for i, name in enumerate(names) if array.shape[i] > 1 or name in "YX"]
    array = array.reshape([array.shape[i] for i in keep])
    try:
        return make(array, "".join(names[i] for i in keep), title=path.name, **attrs)
    except UserError as error:
        raise error.at(path) from error
