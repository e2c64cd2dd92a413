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


def of(file: tifffile.TiffFile, chain: page_chain.Chain) -> partial_series.Held:
    """Return the stack of an open TIFF that has ImageJ's description.

    Raises
    ------
    ValueError : when none of its planes is whole.
    """
    metadata: dict[str, Any] = file.imagej_metadata or {}
    said: list[str] = []
    page = file.pages.first
    order = str(metadata.get("order", "czt")).lower()
    names = _AXES.get(order, "TZC")
    if order not in _AXES:
        said.append(f"{BY} has the order {order}, which is not known; czt is assumed")
    sizes = {axis: _number(metadata, key, said) for axis, key in _SIZES.items()}
    images = _number(metadata, "images", said)
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
        enough = max(pages, page_chain.in_a_row(page, max(images, total), chain))
        words = " × ".join(str(sizes[axis]) for axis in "CZT") + " (channels × slices × frames)"
        if images <= enough < total or total < images <= enough:
            # As ImageJ does: where the sizes do not fit the planes, these are slices.
            said.append(f"has {images} planes, which are not {words}: they are taken as slices")
            axes, declared, total = "Z", [images], images
        else:
            said.append(f"{BY} says images={images}, and {words}: the latter are taken")
    row = page_chain.in_a_row(page, total, chain)
    single = pages == 1 or row == total
    if single and row:
        found = partial_series.in_a_row(page, axes, declared, row, BY, "imagej")
        beyond = page_chain.beyond(page, chain, total)
        if row == total and max(beyond, pages - total) > 0:
            said.append(_surplus(max(beyond, pages - total), total))
        return partial_series.Held(found.series, said + found.said)
    there: dict[int, partial_series.Page] = {}
    places = [i for i in range(len(chain.offsets)) if i not in chain.extras]
    for number, place in enumerate(places[:total]):
        one = page if place == 0 else page_chain.page_at(file, chain, place, page)
        if page_chain.whole(one):
            there[number] = one
    if not there:
        raise ValueError(partial_series.lacks(page))
    made = partial_series.stacked(there, axes, declared, BY, file, kind="imagej")
    if pages > total:
        said.append(_surplus(pages - total, total))
    return partial_series.Held(made.series, said + made.said)


def _number(metadata: dict[str, Any], key: str, said: list[str]) -> int:
    value = metadata.get(key, 1)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    said.append(f"{BY} says {key}={value}, which is left out")
    return 1


def _surplus(more: int, total: int) -> str:
    planes = f"{more} more plane{'s' if more > 1 else ''}"
    return f"the file has {planes} than the {total} that {BY} declares: left out"
