"""Meaning of the ids of a label map: objects, or masks and classes that share a number.

A label map has one id for each object, which is a single connected component as a rule. A mask has
one number for all objects: 255, or 1. If an image is a mask, its connected components become the
objects. If only some ids of a label map have several large components (a cell that another one
covers, or an id used twice), nothing is changed, and a warning names the ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.images import memory_maps
from imagej_dl.images.array import as_labels, with_data
from imagej_dl.images.checks.repeated_warnings import warn
from imagej_dl.images.labels.connected_components import measured, numbered

_MASKS = (255, 65535)  # values of masks
_SEVERAL = 1.4  # effective pieces from which an id is in several: two of them, one to five or less
_STRAY = 0.02  # of an id's largest piece: smaller ones are no objects of their own
_REST = 0.05  # of an id's largest piece: as much in all other pieces is more than strays
_CLOSE = 0.5  # of the smaller piece's diameter: nearer ones may be one object that a gap cuts
_FEW = 3  # ids of all objects, of a map of classes
_NAMED = 5
_PLANE = 2**25  # pixels of a plane from which only masks are looked for


def large_pieces(sizes: NDArray[np.int64]) -> int:
    """Return in how many large pieces an object is that has pieces of these sizes in pixels.

    It is 1 where the others are small beside the largest; strays are not counted.
    """
    if len(sizes) < 2 or sizes.sum() ** 2 < _SEVERAL * (sizes.astype(float) ** 2).sum():
        return 1
    return int(np.count_nonzero(sizes >= _STRAY * sizes.max()))


@dataclass(frozen=True)
class _Block:
    """The pieces of a plane or volume: their ids, and their sizes in pixels."""

    pixels: NDArray
    ids: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def split_ids(self) -> dict[int, int]:
        """Return the ids in several large pieces, each with their number without strays."""
        split: dict[int, int] = {}
        if len(np.unique(self.ids)) == len(self.ids):
            return split
        order = np.lexsort((-self.sizes, self.ids))
        ids, first = np.unique(self.ids[order], return_index=True)
        for label, sizes in zip(ids, np.split(self.sizes[order], first[1:]), strict=True):
            if (pieces := large_pieces(sizes)) > 1:
                split[int(label)] = pieces
        return split

    def large_pieces(self, label: int) -> NDArray[np.int64]:
        """Return the numbers of the pieces of an id that are no strays, the largest first."""
        own = np.flatnonzero(self.ids == label)
        own = own[np.argsort(-self.sizes[own], kind="stable")]
        return own[self.sizes[own] >= _STRAY * self.sizes[own[0]]] if len(own) else own


def as_objects(
    labels: xr.DataArray, name: object = None, *, volumes: bool = False, drawn: bool = False
) -> xr.DataArray:
    """Return a label map whose ids are its objects: the pieces, where it is a mask.

    Parameters
    ----------
    labels : uint16 or uint32 (T, Z, Y, X), some of these axes.
    name : its file, named in warnings.
    volumes : pieces are connected within a volume (Z, Y, X); else within each plane.
    drawn : the ids are known to be objects, so that none is split.

    Returns
    -------
    the labels as they are, or with the pieces of each plane (volume) numbered from 1. Pixels that
    touch at corners are one piece.

    Warns
    -----
    DataWarning : for masks; for ids in several large pieces, which stay as they are; for a mask
        whose objects may be 0.
    """
    name = name or labels.attrs.get("title") or "the label map"
    array = np.asarray(labels.data)
    ids = _ids(array)
    depth = "Z" in labels.dims
    size = labels.sizes["Y"] * labels.sizes["X"] * (labels.sizes.get("Z", 1) if volumes else 1)
    if not len(ids) or (size > _PLANE and len(ids) > _FEW):
        return labels
    blocks = [
        _Block(block, *measured(block)) for block in _blocks(array, 3 if volumes and depth else 2)
    ]
    split = [block.split_ids() for block in blocks]
    if len(ids) == 1:
        _warn_inverted(labels, name)
        if not drawn and _is_mask(int(ids[0]), blocks, split):
            return _split(labels, blocks, name, ids)
    shared = {label for several in split for label in several}
    if not shared:
        return labels
    if not drawn and 1 < len(ids) <= _FEW and len(shared) == len(ids):
        pieces = sum(sum(several.values()) for several in split)
        if pieces >= 3 * len(ids) and not _touches_other_class(array):
            return _split(labels, blocks, name, ids)
    _warn_split_ids(name, sorted(shared), len(ids), split, blocks)
    return labels


def _ids(array: NDArray) -> NDArray:
    """Return the ids of a label map, without 0."""
    if array.dtype == np.uint16:
        counts = np.zeros(2**16, np.int64)
        for _, part in memory_maps.pieces(array):
            counts += np.bincount(part.ravel(), minlength=2**16)
        ids = np.flatnonzero(counts)
    else:
        parts = [np.unique(part) for _, part in memory_maps.pieces(array)]
        ids = np.unique(np.concatenate(parts)) if parts else np.zeros(0, array.dtype)
    return ids[ids > 0]


def _blocks(array: NDArray, axes: int) -> Iterator[NDArray]:
    for place in np.ndindex(array.shape[: array.ndim - axes]):
        yield array[place]


def _is_mask(label: int, blocks: list[_Block], split: list[dict[int, int]]) -> bool:
    """Return True if the only id of a label map is that of several objects."""
    pieces = [len(block.large_pieces(label)) for block in blocks]
    if label in _MASKS and any(_has_further_pieces(block) for block in blocks):
        return True
    if any(several.get(label, 0) > 2 for several in split):
        return True
    # One object that a gap cuts, in a frame here and there, is no mask.
    apart = [_is_far_apart(block) for block, several in zip(blocks, split, strict=True) if several]
    return sum(apart) * 4 >= sum(count > 0 for count in pieces) and any(apart)


def _has_further_pieces(block: _Block) -> bool:
    """Return True if the only id has pieces besides its largest that are no strays."""
    sizes = np.sort(block.sizes)[::-1]
    if len(sizes) < 2:
        return False
    return bool(sizes[1] >= _STRAY * sizes[0] or sizes[1:].sum() >= _REST * sizes[0])


def _is_far_apart(block: _Block) -> bool:
    """Return True if the two largest pieces of the only id are too far apart for one cut object."""
    from scipy import ndimage as ndi

    pieces = numbered(block.pixels)
    sizes = np.bincount(pieces.ravel())
    second, first = np.argsort(sizes[1:], kind="stable")[-2:] + 1
    gap = float(ndi.distance_transform_edt(pieces != first)[pieces == second].min())
    diameter = 2 * np.sqrt(sizes[second] / np.pi)
    return gap > max(_CLOSE * diameter, 2)


def _touches_other_class(array: NDArray) -> bool:
    """Return True if most objects of one class touch another class, as insides and borders do."""
    pairs = edge = 0
    for one, other in (
        (array[..., 1:, :], array[..., :-1, :]),
        (array[..., 1:], array[..., :-1]),
    ):
        pairs += int(np.count_nonzero((one > 0) & (other > 0) & (one != other)))
        edge += int(np.count_nonzero((one > 0) != (other > 0)))
    # Classes of cells of their own border on background, save where two cells touch.
    return pairs > edge / 2


def _split(labels: xr.DataArray, blocks: list[_Block], name: object, ids: NDArray) -> xr.DataArray:
    most = max(len(block.sizes) for block in blocks)
    made = np.stack(
        [numbered(b.pixels).astype(np.uint16 if most < 2**16 else np.uint32) for b in blocks]
    ).reshape(labels.shape)
    total = sum(len(block.sizes) for block in blocks)
    planes = f" in {len(blocks)} planes" if len(blocks) > 1 else ""
    what = f"one number ({ids[0]})" if len(ids) == 1 else f"the numbers {_listed(ids.tolist())}"
    warn(
        "masks",
        f"{name}: is a mask, not a label map: {what} for all objects. Its {total} connected "
        f"components{planes} are used as objects; touching cells are one component",
    )
    return as_labels(with_data(labels, made))


def _warn_inverted(labels: xr.DataArray, name: object) -> None:
    """Warn of a mask with a full edge, whose objects are most likely 0."""
    inside = np.asarray(labels.data) > 0
    edges = [inside[..., 0, :], inside[..., -1, :], inside[..., :, 0], inside[..., :, -1]]
    edge = np.concatenate([one.ravel() for one in edges])
    if edge.mean() > 0.5 and inside.mean() > 0.5 and not inside.all():
        warn(
            "masks that may be inverted",
            f"{name}: {inside.mean():.0%} of its pixels, and most along its edge, are foreground; "
            "if objects are 0 and the background is not, use Edit > Invert in ImageJ",
        )


def _warn_split_ids(
    name: object, shared: list[int], total: int, split: list[dict[int, int]], blocks: list[_Block]
) -> None:
    most = max(max(several.values()) for several in split if several)
    first = next(i for i, several in enumerate(split) if several)
    where = f", first in plane {first + 1} of {len(blocks)}" if len(blocks) > 1 else ""
    one = len(shared) == 1
    picture = 2 * len(shared) > total > _FEW
    advice = (
        "It looks like an image, not a label map, or like labels that were saved as JPEG or scaled "
        "with interpolation"
        if picture
        else "Each id is one object; separate cells need separate ids"
    )
    warn(
        "label maps with ids in several large pieces",
        f"{name}: {len(shared)} of {total} ids {'is' if one else 'are'} in several large pieces "
        f"(up to {most}): {_listed(shared)}{where}. {advice}",
    )


def _listed(ids: list[int]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(map(str, ids[:_NAMED])) + more
