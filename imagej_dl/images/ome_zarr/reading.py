"""Reading of OME-Zarr: images whose pixels are read when they are needed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from imagej_dl import optional
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import scenes
from imagej_dl.images.array import AXES, Calibration, make
from imagej_dl.images.lazy_arrays import LazyArray
from imagej_dl.images.ome_zarr import INSTALL, layout, multiscales
from imagej_dl.images.ome_zarr.chunks import ChunkedSource
from imagej_dl.images.ome_zarr.layout import Place


@dataclass(frozen=True)
class LazyImage:
    """An image of an OME-Zarr, of which only the metadata have been read.

    Attributes
    ----------
    path : of its group.
    data : its pixels at full size: indexing reads what is named (see
        :class:`imagej_dl.images.lazy_arrays.LazyArray`), `data.chunks` says in which blocks they
        are stored. It can be pickled, and Dask's `from_array` takes it.
    axes : names of the axes of `data`, some of T, C, Z, Y, X in that order. Those of length 1 are
        dropped, Y and X excepted.
    calibration : as ImageJ has it.
    title : the name of the folder.
    attrs : of its display, such as the names of the `channels`.
    """

    path: Path
    data: LazyArray
    axes: str
    calibration: Calibration
    title: str
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each axis."""
        return dict(zip(self.axes, self.data.shape, strict=True))

    def part(self, **places: int | slice) -> LazyImage:
        """Return a part by an index or slice along axes, such as `part(T=3)`; reads nothing."""
        key = [places.get(axis, slice(None)) for axis in self.axes]
        left = "".join(a for a, k in zip(self.axes, key, strict=True) if isinstance(k, slice))
        attrs = {} if "C" in places else self.attrs
        return LazyImage(self.path, self.data.part(*key), left, self.calibration, self.title, attrs)

    def image(self, pixels: NDArray[Any] | None = None) -> xr.DataArray:
        """Return it in the form of all images: with its pixels unread, or those that were read."""
        known = asdict(self.calibration)
        data = self.data if pixels is None else pixels
        return make(data, self.axes, title=self.title, **known, **self.attrs)


def open_lazily(
    path: str | Path, *, scene: int | None = None, axes: str | None = None, labels: bool = False
) -> LazyImage:
    """Open an image of an OME-Zarr without reading its pixels.

    Parameters
    ----------
    path : the folder; or one in it, such as that of a well, a field, or a label map.
    scene : number from 1 of the image, where there are several (the fields of a plate, series);
        the first where left out.
    axes : names of all axes of its arrays, where the file states them wrongly.
    labels : open the label map that belongs to the image, where it is no label map itself.

    Raises
    ------
    UserError : when it is no OME-Zarr of version 0.4 or 0.5, its metadata do not fit its arrays,
        or there is no such scene. When pixels are read: for chunks that are damaged or lost.

    Warns
    -----
    DataWarning : for several scenes of which none is chosen, and what is assumed of the metadata.
    """
    path = Path(path)
    need(path)
    place = _chosen(path, scene)
    if labels:
        place = _label_map(place)
    found = multiscales.read(place.path, place.index, axes)
    source = ChunkedSource(found)
    source.check()
    seen = [
        axis
        for name in AXES
        if (axis := found.axes.find(name)) >= 0 and (source.shape[axis] > 1 or name in "YX")
    ]
    where = [(0, n) if axis in seen else 0 for axis, n in enumerate(source.shape)]
    known = {f.name for f in fields(Calibration)}
    calibration = Calibration(**{k: v for k, v in found.attrs.items() if k in known})
    return LazyImage(
        place.path,
        LazyArray(source, where, seen),
        "".join(found.axes[axis] for axis in seen),
        calibration,
        path.name,
        {k: v for k, v in found.attrs.items() if k not in known},
    )


def scene_names(path: Path) -> list[str]:
    """Return the name of each image of an OME-Zarr."""
    return [place.name for place in layout.places(path)]


def place(path: Path, scene: int) -> Path:
    """Return the group of an image of an OME-Zarr, by its number from 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # said when it is read
        return _chosen(path, scene).path


def label_names(path: Path) -> list[str]:
    """Return the names of the label maps that belong to an image."""
    return [place.name for place in layout.label_places(path)]


def need(path: Path) -> None:
    """Raise UserError when zarr-python is not installed."""
    try:
        optional.need(
            "zarr",
            "is an OME-Zarr, or is to be one, and zarr, which reads and writes them,",
            f"{INSTALL}.",
        )
    except UserError as error:
        raise error.at(path) from error


def _chosen(path: Path, scene: int | None) -> Place:
    places = layout.places(path)
    return places[scenes.index(path, [place.name for place in places], scene)]


def _label_map(place: Place) -> Place:
    """Return the label map of an image; the image itself where it has none, or is one."""
    found: Sequence[Place] = layout.label_places(place.path)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise UserError(
            f"has {len(found)} label maps ({names})",
            path=place.path,
            remedy=f"Name one of them, such as {found[0].path}.",
        )
    return found[0] if found else place
