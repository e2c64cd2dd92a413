"""Writing of OME-Zarr: an image or a label map with its pyramid, block by block.

Written is NGFF 0.4 unless 0.5 is asked for. Both are read by Fiji (N5 and MoBIE), napari and
imagej-dl in their present versions; 0.4 also by QuPath and Bio-Formats, whose reader knows Zarr 2
only, and by all that is older than 2025. Chunks are compressed by Blosc with LZ4, as bioformats2raw
does, since readers in Java lack the Zstandard that zarr-python would take.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike, NDArray

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic, atomic_folder, refuse_existing
from imagej_dl.images import display, memory_maps
from imagej_dl.images.array import AXES, Calibration, as_labels, calibration
from imagej_dl.images.ome_zarr import KEY, SUFFIX, documents, pyramid, reading
from imagej_dl.images.ome_zarr.describing import attributes, channels_of
from imagej_dl.images.ome_zarr.multiscales import VERSIONS

Version = Literal["0.4", "0.5"]

_PIXELS = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
_COLOURS = ("FF0000", "00FF00", "0000FF", "FFFFFF", "00FFFF", "FF00FF", "FFFF00")
"""Of channels, in ImageJ's order."""


@dataclass(frozen=True)
class Writer:
    """An OME-Zarr in work, of which the full size is filled block by block.

    Attributes
    ----------
    array : folder of the full size, a Zarr array that other processes may open and fill, too;
        each chunk by one of them.
    shape, dtype, chunks : of it.
    """

    array: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    zarr_format: Literal[2, 3]

    def write(self, where: Sequence[slice], pixels: NDArray[Any]) -> None:
        """Write a block; of whole chunks, as far as the image has them, where it can be.

        Raises
        ------
        ValueError : for pixels that another type would change: ids never wrap.
        """
        pixels = np.asarray(pixels)
        if not np.can_cast(pixels.dtype, self.dtype, "same_kind"):
            raise ValueError(f"{pixels.dtype} pixels are not {self.dtype}")
        if pixels.dtype != self.dtype and pixels.dtype.kind in "iu" and pixels.size:
            limits = np.iinfo(self.dtype) if self.dtype.kind in "iu" else None
            low, high = int(pixels.min()), int(pixels.max())
            if limits is not None and not limits.min <= low <= high <= limits.max:
                raise ValueError(f"{low} to {high} do not fit in {self.dtype}")
        _opened(self.array, self.zarr_format)[tuple(where)] = pixels


@contextmanager
def writer(
    path: str | Path,
    sizes: Mapping[str, int],
    dtype: DTypeLike,
    cal: Calibration | None = None,
    *,
    labels: bool = False,
    source: str | Path | None = None,
    version: Version = "0.4",
    overwrite: bool = False,
    channels: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, Any] | None = None,
) -> Iterator[Writer]:
    """Yield what takes the pixels of a new OME-Zarr; on success the folder is there as a whole.

    Parameters
    ----------
    path : the folder, whose name ends in .zarr.
    sizes : length of each axis: of T, C, Z those that there are, and Y and X.
    dtype : of the pixels: whole numbers and floats; of labels whole numbers.
    cal : calibration; without one the image has none.
    labels, source : whether it is a label map, and the OME-Zarr of its image.
    version : of NGFF.
    channels, facts : see :func:`imagej_dl.images.ome_zarr.describing.attributes`.

    Raises
    ------
    UserError : when the folder is there, cannot be written, or cannot hold such pixels.
    ValueError : at the end, when not all blocks were written.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise UserError(
            "is not the name of an OME-Zarr", path=path, remedy=f"Use the suffix .ome{SUFFIX}."
        )
    reading.need(path)
    refuse_existing(path, overwrite)
    with (
        atomic_folder(path, overwrite=overwrite) as folder,
        _filled(
            folder,
            sizes,
            np.dtype(dtype),
            cal,
            path=path,
            labels=labels,
            source=None if source is None else _from(path, Path(source)),
            version=version,
            channels=channels,
            facts=facts,
        ) as made,
    ):
        yield made


def write(
    image: xr.DataArray,
    path: str | Path,
    overwrite: bool = False,
    *,
    labels: bool = False,
    source: str | Path | None = None,
    version: Version = "0.4",
    **extra: Any,
) -> None:
    """Write an image or a label map as OME-Zarr, block by block.

    Parameters
    ----------
    image : dims of T, C, Z, Y, X; its pixels may be a memory map, or read when they are needed.
    labels, source, version : as for :func:`writer`.
    **extra : `min` and `max`, the range in which the image is shown, and facts about a label map
        (see :mod:`imagej_dl.images.labels.provenance`); others have no place in an OME-Zarr.

    Raises
    ------
    UserError : as :func:`writer`; for labels that are no ids.
    """
    if labels:
        image = as_labels(image)
    facts = json.loads(extra[KEY]) if KEY in extra else None
    sizes = {str(axis): n for axis, n in image.sizes.items()}
    with writer(
        path,
        sizes,
        image.dtype.newbyteorder("="),
        calibration(image),
        labels=labels,
        source=source,
        version=version,
        overwrite=overwrite,
        channels=[] if labels else _shown(image, extra),
        facts=None if facts is None else {"facts": facts},
    ) as made:
        pixels = image.transpose(*(axis for axis in AXES if axis in sizes)).data
        for place in pyramid.blocks(made.shape):
            made.write(place, pixels[place])
            memory_maps.forget(pixels)


def add_labels(
    labels: xr.DataArray, image: str | Path, name: str = "labels", *, scene: int | None = None
) -> Path:
    """Write a label map into the OME-Zarr of its image, as `labels/NAME`; return its folder.

    Parameters
    ----------
    labels : of the sizes of the image; without C.
    image : the folder, or one in it; scene : see :func:`reading.open_lazily`.
    name : of the label map; one that is there is not replaced.

    Raises
    ------
    UserError : when there is one of this name, the sizes differ, or it cannot be written.
    """
    image = Path(image)
    of = reading.open_lazily(image, scene=scene)
    labels = as_labels(labels)
    sizes = {str(a): n for a, n in labels.sizes.items() if n > 1 or str(a) in "YX"}
    expected = {axis: n for axis, n in of.sizes.items() if axis != "C"}
    if sizes != expected:
        raise UserError(
            f"has the sizes {expected}, and the label map {sizes}",
            path=of.path,
            remedy="A label map has the frames, slices, rows and columns of its image.",
        )
    if not name.strip() or name != Path(name).name or name.startswith("."):
        raise UserError(f"{name!r} is no name of a label map", remedy="Use letters and digits.")
    found = of.data.source.image  # type: ignore[attr-defined]
    version: Version = "0.5" if found.levels[0].facts.zarr_format == 3 else "0.4"
    known = reading.label_names(of.path)
    target = of.path / "labels" / name
    with atomic_folder(target) as folder:
        # As many axes as the image has; those that the label map lacks have the length 1.
        axes = found.axes.replace("?", "")
        full = {axis: sizes.get(axis, 1) for axis in AXES if axis in axes}
        with _filled(
            folder,
            full,
            labels.dtype,
            of.calibration,
            path=target,
            labels=True,
            source="../../",
            version=version,
        ) as made:
            pixels = labels.transpose(*(a for a in AXES if a in labels.dims)).data
            pixels = pixels.reshape(tuple(full.values()))
            for place in pyramid.blocks(made.shape):
                made.write(place, pixels[place])
    _describe(target.parent, version, {"labels": [*known, name]})
    return target


@contextmanager
def _filled(
    folder: Path,
    sizes: Mapping[str, int],
    dtype: np.dtype[Any],
    cal: Calibration | None,
    *,
    path: Path,
    labels: bool,
    source: str | None,
    version: Version,
    channels: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, Any] | None = None,
) -> Iterator[Writer]:
    """Make the arrays in a folder; let the first be filled, then fill the others and describe."""
    axes = "".join(axis for axis in AXES if axis in sizes)
    shape = tuple(int(sizes[axis]) for axis in axes)
    if set(sizes) != set(axes) or axes[-2:] != "YX" or 0 in shape:
        raise UserError(f"would have the sizes {dict(sizes)}, which are no image's", path=path)
    dtype = dtype.newbyteorder("=")
    if dtype.str[1:] not in _PIXELS or (labels and dtype.kind not in "iu"):
        raise UserError(
            f"cannot hold {dtype} {'labels' if labels else 'pixels'}",
            path=path,
            remedy="Label maps have whole numbers." if labels else "Convert it to float32.",
        )
    number: Literal[2, 3] = VERSIONS[version]
    levels = pyramid.shapes(shape)
    for place, one in enumerate(levels):
        _create(folder / str(place), one, dtype, axes, number)
    made = Writer(folder / "0", shape, dtype, pyramid.chunks(shape), number)
    yield made
    _check_filled(made)
    for place in range(1, len(levels)):
        fine, coarse = (_opened(folder / str(p), number) for p in (place - 1, place))
        pyramid.halved(fine, coarse, labels)
    # Last, so that a folder without it is no image.
    described = attributes(
        axes,
        levels,
        cal or Calibration(),
        version=version,
        name=path.name.removesuffix(SUFFIX).removesuffix(".ome"),
        labels=labels,
        source=source,
        channels=channels,
        facts=facts,
    )
    _describe(folder, version, described)


def _create(
    folder: Path, shape: tuple[int, ...], dtype: np.dtype[Any], axes: str, number: Literal[2, 3]
) -> None:
    import zarr
    from zarr.codecs import BloscCodec

    old = number == 2
    compressor: Any = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}
    if not old:
        shuffle = "shuffle" if dtype.itemsize > 1 else "noshuffle"
        compressor = BloscCodec(cname="lz4", clevel=5, shuffle=shuffle)
    zarr.create_array(
        str(folder),
        shape=shape,
        dtype=dtype,
        chunks=pyramid.chunks(shape),
        compressors=compressor,
        fill_value=0,
        zarr_format=number,
        chunk_key_encoding={"name": "v2" if old else "default", "separator": "/"},
        dimension_names=None if old else list(axes.lower()),
    )


def _opened(folder: Path, number: Literal[2, 3]) -> Any:
    import zarr

    opened = zarr.open_array(str(folder), mode="r+", zarr_format=number)
    return opened.with_config({"write_empty_chunks": True})


def _check_filled(made: Writer) -> None:
    """Refuse an image of which a chunk was not written: it would be black."""
    facts = documents.array(made.array)
    missing = [place for place in np.ndindex(*facts.grid) if not facts.file(place).is_file()]
    if missing:
        raise ValueError(f"{len(missing)} chunks were not written, the first of them {missing[0]}")


def _describe(folder: Path, version: Version, content: Mapping[str, Any]) -> None:
    """Write the attributes of a group, as a whole."""
    if VERSIONS[version] == 2:
        files = {".zgroup": {"zarr_format": 2}, ".zattrs": dict(content)}
    else:
        own = dict(content) if "ome" in content else {"ome": {"version": version, **content}}
        files = {"zarr.json": {"zarr_format": 3, "node_type": "group", "attributes": own}}
    for name, one in files.items():
        with atomic(folder / name) as temporary:
            temporary.write_text(json.dumps(one, indent=2), encoding="utf-8")


def _from(path: Path, source: Path) -> str:
    """Return the way from an OME-Zarr to another one, as its metadata have it."""
    return Path(os.path.relpath(source, path)).as_posix()


def _shown(image: xr.DataArray, extra: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how the channels are shown, where the image says so or names them."""
    count = image.sizes.get("C", 1)
    names = image.attrs.get("channels") or []
    ranges = display.ranges(image)
    if ranges is None and "min" in extra and "max" in extra:
        ranges = [(float(extra["min"]), float(extra["max"]))] * count
    if ranges is None and len(names) != count:
        return []
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        ends = (float(limits.min), float(limits.max))
    else:
        shown = ranges or [(0.0, 1.0)]
        ends = (min(low for low, _ in shown), max(high for _, high in shown))
    named = list(names) if len(names) == count else [f"Channel {i + 1}" for i in range(count)]
    colours = ["FFFFFF"] if count == 1 else [_COLOURS[i % len(_COLOURS)] for i in range(count)]
    return channels_of(named, colours, ranges or [ends] * count, ends)
