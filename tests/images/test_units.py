"""Units of length are compared by what they are, not by how they are spelled."""

from __future__ import annotations

import warnings

import pytest

from imagej_dl.errors import DataWarning
from imagej_dl.images import units


@pytest.mark.parametrize(
    ("unit", "other", "ratio"),
    [
        ("nm", "um", 1e-3),
        ("micron", "nm", 1e3),
        ("µm", "μm", 1),  # micro sign and Greek mu
        ("micrometer", "micrometre", 1),
        ("Microns", "UM", 1),
        ("mm", "microns", 1e3),
        ("cm", "µm", 1e4),
        ("inch", "mm", 25.4),
        ("in", "inches", 1),
        ("A", "nm", 0.1),
        ("\u212b", "Å", 1),
        ("m", "km", 1e-3),
        ("", "pixels", 1),
        (" ", "pixel", 1),
        ("furlong", "furlong", 1),
        ("pixel", "µm", None),
        ("µm", "", None),
        ("furlong", "m", None),
        ("sec", "um", None),
        ("Mm", "mm", None),
    ],
)
def test_factors(unit: str, other: str, ratio: float | None) -> None:
    assert units.factor(unit, other) == (ratio if ratio is None else pytest.approx(ratio))


def test_spellings() -> None:
    assert [units.plain(u) for u in ("um", "micron", "μm", "Micrometers")] == ["µm"] * 4
    assert [units.kept(u) for u in ("um", "microns", "pixels", "furlong")] == [
        "um",
        "µm",
        "pixel",
        "furlong",
    ]
    assert [units.is_calibrated(u) for u in ("", " ", "pixels", "px", "nm")] == [*[False] * 4, True]


def sizes(**more: object) -> dict:
    return {"unit": "um", "pixel_width": 0.5, "pixel_height": 0.25, "pixel_depth": 300.0, **more}


def test_sizes_along_each_axis_are_put_in_one_unit() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attrs = sizes()
        units.in_one("a", attrs, ("mm", "nm"))
        assert attrs == sizes(pixel_height=pytest.approx(250), pixel_depth=pytest.approx(0.3))
        attrs = sizes()
        units.in_one("a", attrs, ("", "micron"))
        assert attrs == sizes()


def test_sizes_that_cannot_be_put_in_one_unit_are_said() -> None:
    attrs = sizes()
    with pytest.warns(DataWarning, match="a: a slice distance of 300 sec, where .* in um, is left"):
        units.in_one("a", attrs, ("", "sec"))
    assert "pixel_depth" not in attrs
    with pytest.warns(DataWarning, match=r"a: a pixel height of 0\.25 pixel"):
        units.in_one("a", attrs, ("pixel", ""))
    assert attrs["pixel_height"] == 0.5


def test_no_size_is_made_up() -> None:
    with pytest.warns(DataWarning, match="a: states no pixel height"):
        assert units.completed("a", {"unit": "µm", "pixel_width": 0.5})["pixel_height"] == 0.5
    with pytest.warns(DataWarning, match="a slice distance of 2 µm and no pixel size"):
        assert units.completed("a", {"unit": "µm", "pixel_depth": 2.0}) == {}
    assert units.completed("a", {"unit": "µm"}) == {}
