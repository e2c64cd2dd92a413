"""The arrays of a new OME-Zarr: its full size, filled block by block, and the levels made of it.

Chunks are compressed by Blosc with LZ4, as bioformats2raw does, since readers in Java lack the
Zstandard that zarr-python would take. All are written, empty ones too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.images.array import AXES, Calibration
from imagej_dl.images.ome_zarr import SUFFIX, arrays, pyramid
from imagej_dl.images.ome_zarr.describing import attributes
from imagej_dl.images.ome_zarr.documents import ZarrFormat
from imagej_dl.images.ome_zarr.multiscales import VERSIONS

Version = Literal["0.4", "0.5"]

_PIXELS = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]


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
    _target: Any = field(repr=False)

    def write(self, where: Sequence[slice], pixels: NDArray[Any]) -> None:
        """Write a block; of whole chunks, as far as the image has them, where it can be.

        Raises
        ------
        ValueError : for pixels that another type would change: ids never wrap.
        """
        pixels = np.asarray(pixels)
        if pixels.dtype.kind in "iu" and self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            low, high = (int(pixels.min()), int(pixels.max())) if pixels.size else (0, 0)
            if not limits.min <= low <= high <= limits.max:
                raise ValueError(f"{low} to {high} do not fit in {self.dtype}")
        elif not np.can_cast(pixels.dtype, self.dtype, "same_kind"):
            raise ValueError(f"{pixels.dtype} pixels are not {self.dtype}")
        self._target[tuple(where)] = pixels


@contextmanager
def filled(
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
    number: ZarrFormat = VERSIONS[version]
    levels = pyramid.shapes(shape)
    for place, one in enumerate(levels):
        _create(folder / str(place), one, dtype, axes, number)
    made = Writer(folder / "0", shape, dtype, pyramid.chunks(shape), _opened(folder / "0", number))
    yield made
    _check_whole(made)
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
    describe(folder, version, described)


def _create(
    folder: Path, shape: tuple[int, ...], dtype: np.dtype[Any], axes: str, number: ZarrFormat
) -> None:
    import zarr
    from zarr.codecs import BloscCodec

    old = number == 2
    compressor: Any = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}
    if not old:
        compressor = BloscCodec(
            cname="lz4", clevel=5, shuffle="shuffle" if dtype.itemsize > 1 else "noshuffle"
        )
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


def _opened(folder: Path, number: ZarrFormat) -> Any:
    import zarr

    opened = zarr.open_array(str(folder), mode="r+", zarr_format=number)
    return opened.with_config({"write_empty_chunks": True})


def _check_whole(made: Writer) -> None:
    """Refuse an image of which a chunk was not written: it would be black."""
    facts = arrays.declared(made.array)
    missing = [place for place in np.ndindex(*facts.grid) if not facts.file(place).is_file()]
    if missing:
        raise ValueError(f"{len(missing)} chunks were not written, the first of them {missing[0]}")


def describe(folder: Path, version: Version, content: Mapping[str, Any]) -> None:
    """Write the attributes of a group, as a whole."""
    if VERSIONS[version] == 2:
        files = {".zgroup": {"zarr_format": 2}, ".zattrs": dict(content)}
    else:
        own = dict(content) if "ome" in content else {"ome": {"version": version, **content}}
        files = {"zarr.json": {"zarr_format": 3, "node_type": "group", "attributes": own}}
    for name, one in files.items():
        with atomic(folder / name) as temporary:
            temporary.write_text(json.dumps(one, indent=2), encoding="utf-8")
