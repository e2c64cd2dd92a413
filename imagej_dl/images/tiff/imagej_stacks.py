"""The planes that ImageJ's description declares, in pages of their own or one behind the other."""

from __future__ import annotations

import math
from typing import Any

import tifffile

from imagej_dl.images.tiff import page_chain, partial_series

BY = "ImageJ's description"
_AXES = {"czt": "TZC", "default": "TZC", "ctz": "ZTC", "zct": "TCZ", "ztc": "CTZ"} | {
    "tcz": "ZCT",
    "tzc": "CZT",
}
_SIZES = {"T": "frames", "Z": "slices", "C": "channels"}


def read(file: tifffile.TiffFile, chain: page_chain.Chain) -> partial_series.PartialSeries:
    """Return the stack of an open TIFF that has ImageJ's description.

    Raises
    ------
    ValueError : when none of its planes is whole.
    """
    metadata: dict[str, Any] = file.imagej_metadata or {}
    notes: list[str] = []
    page = file.pages.first
    order = str(metadata.get("order", "czt")).lower()
    names = _AXES.get(order, "TZC")
    if order not in _AXES:
        notes.append(f"{BY} has the order {order}, which is unknown; czt is assumed")
    sizes = {axis: _number(metadata, key, notes) for axis, key in _SIZES.items()}
    images = _number(metadata, "images", notes)
    channels = sizes["C"]
    if channels > 1 and (
        page.shaped[0] == channels  # samples of their own planes, as Bio-Formats declares them
        or (page.shaped[4] == channels and images == sizes["T"] * sizes["Z"])
    ):
        sizes["C"] = 1
    axes, declared = names, [sizes[axis] for axis in names]
    total = math.prod(declared)
    pages = chain.number()
    if total == 1:
        # No sizes, only a number: a stack whose axis is not said.
        total = images if images > 1 else max(pages, 1)
        axes, declared = "I" + axes, [total, *declared]
    elif images not in (1, total):
        enough = max(pages, page_chain.contiguous_planes(page, max(images, total), chain))
        words = " × ".join(str(sizes[axis]) for axis in "CZT") + " (channels × slices × frames)"
        if images <= enough < total or total < images <= enough:
            # As ImageJ does: where the sizes do not fit the planes, these are slices.
            notes.append(f"has {images} planes, which are not {words}: they are read as slices")
            axes, declared, total = "Z", [images], images
        else:
            notes.append(f"{BY} declares images={images}, and {words}: the latter are used")
    in_row = page_chain.contiguous_planes(page, total, chain)
    single = pages == 1 or in_row == total
    if single and in_row:
        result = partial_series.contiguous(page, axes, declared, in_row, BY, "imagej")
        beyond = page_chain.surplus_planes(page, chain, total)
        if in_row == total and max(beyond, pages - total) > 0:
            notes.append(_surplus(max(beyond, pages - total), total))
        return partial_series.PartialSeries(result.series, notes + result.notes)
    present: dict[int, partial_series.Page] = {}
    places = [i for i in range(len(chain.offsets)) if i not in chain.extras]
    for number, place in enumerate(places[:total]):
        one = page if place == 0 else page_chain.page_at(file, chain, place, page)
        if page_chain.is_complete(one):
            present[number] = one
    if not present:
        raise ValueError(partial_series.describe_missing(page))
    result = partial_series.stacked(present, axes, declared, BY, file, kind="imagej")
    if pages > total:
        notes.append(_surplus(pages - total, total))
    return partial_series.PartialSeries(result.series, notes + result.notes)


def _number(metadata: dict[str, Any], key: str, notes: list[str]) -> int:
    value = metadata.get(key, 1)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    notes.append(f"{BY} declares {key}={value}, which is left out")
    return 1


def _surplus(more: int, total: int) -> str:
    planes = f"{more} more plane{'s' if more > 1 else ''}"
    return f"the file has {planes} than the {total} that {BY} declares: left out"
