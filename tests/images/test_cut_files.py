"""A file that was cut short anywhere never gives wrong pixels, or fewer planes without a word."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from cut_layouts import LAYOUTS, STACK

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError

PLACES = 24


def planes(path: Path) -> tuple[np.ndarray, list[str]]:
    """Return the planes of the first colour, and what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        image = images.read(path)
    pixels = image.isel(C=0) if "C" in image.dims else image
    words = [str(w.message) for w in said if issubclass(w.category, DataWarning)]
    assert len(words) == len(said), [str(w.message) for w in said]
    unsaid = "does not name the axis of its"
    return pixels.values.reshape(-1, *pixels.shape[-2:]), [w for w in words if unsaid not in w]


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_cut_anywhere(tmp_path: Path, layout: str) -> None:
    name, write = LAYOUTS[layout]
    path = tmp_path / name
    write(path)
    found, said = planes(path)
    np.testing.assert_array_equal(found, STACK)
    assert not said
    whole = path.read_bytes()
    places = {*np.linspace(1, len(whole) - 1, PLACES).astype(int).tolist(), 4, 8, 9, 20, 100}
    errors: list[str] = []
    for place in sorted(places):
        path.write_bytes(whole[:place])
        try:
            found, said = planes(path)
        except UserError as error:
            errors.append(str(error))
            continue
        np.testing.assert_array_equal(found, STACK[: len(found)], str(place))
        if len(found) < len(STACK):
            assert any(str(path) in words and len(words) > len(str(path)) for words in said), place
    assert len(errors) > 4
    assert all(str(path) in error for error in errors)
