"""What is read is what the real ImageJ 1.54p opens, for files of every layout."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import differences
import layouts
import layouts_calibrated
import layouts_ome
import layouts_palettes
import layouts_pictures
import layouts_random
import numpy as np
import pytest
import seen_by_imagej
import xarray as xr

from imagej_dl import UserError, images

MODULES = (
    layouts,
    layouts_palettes,
    layouts_calibrated,
    layouts_ome,
    layouts_pictures,
    layouts_random,
)
DOCS = Path(__file__).parents[2] / "docs" / "reading.md"
METRES = {
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers"), 1e-6),
    **dict.fromkeys(("micrometre", "Micron", "UM"), 1e-6),
    **dict.fromkeys(("inch", "inches", "in"), 0.0254), "pm": 1e-12, "Å": 1e-10, "nm": 1e-9,
    "nanometer": 1e-9, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3,
    "ft": 0.3048,
}  # fmt: skip
SECONDS = {
    **dict.fromkeys(("sec", "s", "SEC"), 1.0), **dict.fromkeys(("ms", "msec"), 1e-3),
    **dict.fromkeys(("min", "minutes"), 60.0), **dict.fromkeys(("h", "hr", "hours"), 3600.0),
    "days": 86400.0, "µs": 1e-6, "frame": 0.0,
}  # fmt: skip
GREY = np.repeat(np.arange(256)[:, None], 3, axis=1)


@pytest.mark.jvm
def test_every_layout_is_read_as_imagej_opens_it(
    tmp_path: Path, own_process: Callable[..., Any]
) -> None:
    """Each file that differs is in the table of differences, and each entry of it is needed."""
    made = {layout.name: layout for module in MODULES for layout in module.layouts()}
    assert len(made) >= 800
    for layout in made.values():
        layout.write(tmp_path / layout.name)
    seen = own_process(seen_by_imagej.saved_and_opened, tmp_path)
    assert seen.keys() > made.keys()
    wrong, needed, counts = [], set(), np.zeros(3, int)
    for file, theirs in sorted(seen.items()):
        ours, said = _read(tmp_path / file)
        if not file.startswith("cut_"):
            counts += 1, theirs is not None, not isinstance(ours, str)
        allowed = [d for d in differences.TABLE if d.covers(file)]
        found = [*_differing(theirs, ours), *_untrue(ours, made.get(file))]
        if file.startswith("cut_") and not isinstance(ours, str) and found and not said:
            found.append(("silence", "planes lack, and nothing is said of it"))
        for aspect, words in found:
            by = [d for d in allowed if aspect in d.aspects]
            needed.update(p for d in by for p in d.files if fnmatch(file, p))
            if not by:
                wrong.append(f"{file}: {aspect}: {words}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert [p for d in differences.TABLE for p in d.files if p not in needed] == []
    made_of, opened, read = counts
    counted = f"Of {made_of} files ImageJ opens {opened}, imagej-dl reads {read}"
    assert counted in DOCS.read_text("utf-8")


def test_the_docs_have_the_table_of_differences() -> None:
    assert differences.markdown() in DOCS.read_text("utf-8")


def test_no_entry_covers_nothing() -> None:
    names = [layout.name for module in MODULES for layout in module.layouts()]
    assert len(names) == len(set(names))
    for difference in differences.TABLE:
        for pattern in difference.files:
            alone = differences.Difference("", "", "", "", (), (pattern,))
            assert any(map(alone.covers, names)), pattern


def _read(path: Path) -> tuple[xr.DataArray | str, bool]:
    """Return the image, or the error, and whether there was a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return images.read(path), bool(caught)
        except UserError as error:
            return str(error), bool(caught)


def _differing(
    theirs: dict[str, Any] | None, ours: xr.DataArray | str
) -> Iterator[tuple[str, str]]:
    """Go through the aspects in which they differ, with words about it."""
    if theirs is None or isinstance(ours, str):
        if theirs is not None:
            yield "read", f"ImageJ opens it, here: {ours}"
        elif not isinstance(ours, str):
            yield "read", "ImageJ does not open it"
        return
    sizes = {axis: ours.sizes.get(axis, 1) for axis in "CZTYX"}
    if sizes != theirs["dims"]:
        yield "axes", f"{theirs['dims']} in ImageJ, here {sizes}"
    held = {"int32": "float32", "uint32": "float32"}.get(ours.dtype.name, ours.dtype.name)
    if held != theirs["type"]:
        yield "type", f"{theirs['type']} in ImageJ, here {ours.dtype}"
    yield from _pixels(theirs["shown"], ours, sizes == theirs["dims"])
    cal = images.calibration(ours)
    for i, name in enumerate(("pixel_width", "pixel_height", "pixel_depth")):
        size, unit = theirs["sizes"][i], theirs["units"][i]
        here = getattr(cal, name)
        if not _same_size((size, unit), (here, cal.unit)):
            yield "size", f"{name} of {size} {unit} in ImageJ, here {here} {cal.unit}"
    interval = theirs["interval"] * SECONDS.get(theirs["time"], math.nan)
    if theirs["interval"] and not math.isclose(interval, cal.frame_interval):
        words = f"{theirs['interval']} {theirs['time']} in ImageJ, here {cal.frame_interval} s"
        yield "interval", words
    if not theirs["interval"] and cal.frame_interval:
        yield "interval", f"none in ImageJ, here {cal.frame_interval} s"
    # Of signed pixels, which ImageJ keeps 32768 higher.
    for low, high in ours.attrs.get("display_ranges", ()) if ours.dtype == np.int16 else ():
        if low < high and (low + 32768, high + 32768) != theirs["range"]:
            yield "range", f"{theirs['range']} in ImageJ, here {low} to {high}"
    if sizes["C"] == 1 and theirs["lut"] is not None:
        [lut] = ours.attrs.get("luts", [GREY])
        if not np.array_equal(lut, theirs["lut"]):
            yield "lut", f"{theirs['lut'][:3].tolist()} in ImageJ, here {lut[:3].tolist()}"


def _untrue(ours: xr.DataArray | str, layout: layouts.Layout | None) -> Iterator[tuple[str, str]]:
    """Compare with what was written, of a movie that was cut short with its first planes."""
    if isinstance(ours, str) or layout is None or layout.truth is None:
        return
    truth, cut = layout.truth(), layout.name.startswith("cut_")
    found = ours.transpose(..., "Y", "X").data.reshape(-1, *truth.shape[1:])
    if cut:
        truth = truth[: len(found)]
    elif any(word in layout.name for word in ("alpha", "samples4", "movie_rgba")):
        return  # a sample is left out, as it is meant
    sign = 32768 if found.dtype == np.int16 and truth.dtype == np.uint16 else 0
    here, there = (
        sorted(plane.tobytes() for plane in a.astype(np.float64))
        for a in (found + 1.0 * sign, truth)
    )
    if here != there:
        yield "truth", "other pixels than were written"


def _pixels(theirs: np.ndarray, ours: xr.DataArray, in_order: bool) -> Iterator[tuple[str, str]]:
    """Compare all planes; where the axes differ, they may be in another order."""
    full = ours.expand_dims([axis for axis in "TZC" if axis not in ours.dims])
    array = full.transpose(*"TZCYX").data.astype(np.float32).astype(np.float64)
    array = array.reshape(-1, *array.shape[-2:])
    if array.shape != theirs.shape:
        yield "pixels", f"{theirs.shape} in ImageJ, here {array.shape}"
        return
    if not in_order:
        array, theirs = (
            np.stack(sorted(a, key=lambda plane: plane.tobytes())) for a in (array, theirs)
        )
    same = (array == theirs) | (np.isnan(array) & np.isnan(theirs))
    if not same.all():
        first = tuple(int(i[0]) for i in np.nonzero(~same))
        words = f"{theirs[first]} in ImageJ, here {array[first]} at (plane, y, x) {first}"
        yield "pixels", f"{np.count_nonzero(~same)} of {same.size}: {words}"


def _same_size(theirs: tuple[float, str], ours: tuple[float, str]) -> bool:
    (size, unit), (other, word) = (
        (value * METRES[u], "m") if u in METRES else (value, u.strip() or "pixel")
        for value, u in (theirs, ours)
    )
    unit = "pixel" if unit == "pixels" else unit
    return unit == word and math.isclose(size, other, rel_tol=1e-6)
