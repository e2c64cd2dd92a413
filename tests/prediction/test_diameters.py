"""Diameters as users write them."""

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.prediction.diameters import Diameter, parsed


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (12, Diameter(12)),
        (12.5, Diameter(12.5)),
        ("12.5", Diameter(12.5)),
        ("12 px", Diameter(12)),
        ("12pixels", Diameter(12)),
        ("8 um", Diameter(8, "µm")),
        ("8um", Diameter(8, "µm")),
        (" 8 µm ", Diameter(8, "µm")),
        ("8 μm", Diameter(8, "µm")),
        ("8 microns", Diameter(8, "µm")),
        ("1e4 nm", Diameter(1e4, "nm")),
        ("1e4nm", Diameter(1e4, "nm")),
        ("0.01mm", Diameter(0.01, "mm")),
        (".5 Å", Diameter(0.5, "Å")),
        ("auto", "auto"),
        (" Auto ", "auto"),
        ("model", "model"),
    ],
)
def test_what_is_a_diameter(given, expected):
    assert parsed(given) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "no diameter"),
        ("large", "no diameter"),
        ("8,5", "no diameter"),
        ("1.2.3", "no diameter"),
        ("nan", "no diameter"),
        ("um", "no diameter"),
        ("0", "above 0"),
        ("-3 um", "above 0"),
        ("1e999", "above 0"),
        ("8 furlong", "no known unit"),
        ("8 s", "no known unit"),
    ],
)
def test_what_is_none(given, words):
    with pytest.raises(ValueError, match=words):
        parsed(given)


def test_lengths_become_pixels():
    plane = np.zeros((4, 4))
    image = images.make(plane, pixel_width=0.5, pixel_height=0.5, unit="µm")
    assert Diameter(8, "µm").in_pixels(image) == pytest.approx(16)
    assert Diameter(8000, "nm").in_pixels(image) == pytest.approx(16)
    assert Diameter(8).in_pixels(image) == 8
    flat = images.make(plane, pixel_width=0.25, pixel_height=1.0, unit="um")
    assert Diameter(8, "µm").in_pixels(flat) == pytest.approx(16)


@pytest.mark.parametrize("unit", ["pixel", "furlong"])
def test_a_length_needs_a_pixel_size(unit):
    image = images.make(np.zeros((4, 4)), pixel_width=2.0, unit=unit, title="cells.tif")
    with pytest.raises(UserError, match=r"cells.tif: .*8 µm cannot be converted.*Properties"):
        Diameter(8, "µm").in_pixels(image)
