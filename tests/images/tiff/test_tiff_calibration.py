"""Pixel size, unit and frame interval are what ImageJ shows, or they are left out with a word."""

from __future__ import annotations

import warnings
from pathlib import Path

import layouts_calibrated
import layouts_ome as made
import numpy as np
import pytest
from layouts import Layout
from metamorph import write_stk

from imagej_dl import images
from imagej_dl.errors import DataWarning


def read(folder: Path, layout: Layout) -> tuple[images.Calibration, str]:
    """Return the calibration, and what was said."""
    layout.write(folder / layout.name)
    return calibration(folder / layout.name)


def calibration(path: Path) -> tuple[images.Calibration, str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = images.read(path)
    return images.calibration(image), " | ".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("cm.tif", {"pixel_width": 0.65, "unit": "µm", "frame_interval": 0}),
        ("dpi72.tif", {"pixel_width": 1, "unit": "pixel"}),
        ("fps_only.tif", {"pixel_width": 0.5, "frame_interval": 0}),
        ("zunit_nm.tif", {"pixel_depth": 0.3, "unit": "µm"}),
        ("neg_spacing.tif", {"pixel_depth": 0.3, "unit": "µm"}),
        ("deltat.ome.tif", {"frame_interval": 30, "pixel_width": 0.5}),
    ],
)
def test_files_that_were_misread(shared_data: Path, file: str, expected: dict) -> None:
    found, said = calibration(shared_data / "faults" / "calibration" / file)
    for name, value in expected.items():
        same = value if isinstance(value, str) else pytest.approx(value, rel=1e-5)
        assert getattr(found, name) == same
    assert said == ""


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("comma.tif", "comma.tif: spacing=0,3, which is not a number, is left out"),
        ("tic.ome.tif", "tic.ome.tif: TimeIncrement='1,5', which is not a number, is left out"),
    ],
)
def test_decimal_commas_are_said_and_work_goes_on(shared_data: Path, file: str, words: str) -> None:
    found, said = calibration(shared_data / "faults" / "calibration" / file)
    assert words in said
    assert found.frame_interval == 0
    assert found.pixel_depth == 1


@pytest.mark.parametrize(
    ("times", "unit", "interval", "words"),
    [
        (["0", "30", "60"], "", 30, ""),
        (["5.5", "35.5", "65.5"], "s", 30, ""),
        (["0", "30000", "60000"], "ms", 30, ""),
        (["0", "0.5", "1"], "min", 30, ""),
        (["0", "30.4", "60.1"], "", 30.05, ""),
        (["0", "30", "90"], "", 45, "its frames are 30 to 60 s apart; the median, 45 s, is taken"),
        (["60", "30", "0"], "", 0, "do not rise"),
        (["0", "0", "0"], "", 0, ""),
        (["0", "30,5", "61"], "", 0, "DeltaT='30,5', which is not a number"),
        (["0"], "", 0, ""),
    ],
)
def test_times_of_planes(
    tmp_path: Path, times: list[str], unit: str, interval: float, words: str
) -> None:
    layout = made.ome("a", planes=made.delta(times, unit))
    found, said = read(tmp_path, layout)
    assert found.frame_interval == pytest.approx(interval)
    assert words in said
    assert bool(words) == bool(said)


def test_frames_are_no_unit_of_time(tmp_path: Path) -> None:
    text = "frames=3\nfinterval=1\ntunit=frame\n"
    found, said = read(tmp_path, layouts_calibrated.described("a", text, slices=3))
    assert (found.frame_interval, said) == (0, "")


def test_an_unknown_unit_of_times_is_said_once(tmp_path: Path) -> None:
    found, said = read(tmp_path, made.ome("a", planes=made.delta(["0", "1", "2"], "fortnight")))
    assert found.frame_interval == 1
    assert said.count("fortnight") == 1


def test_times_of_planes_that_lack_some(tmp_path: Path) -> None:
    planes = made.delta(["0", "30", "60", "90"])
    layout = made.ome("a", planes=(planes[0], planes[1], planes[3]), size=(1, 1, 4))
    assert read(tmp_path, layout) == (images.Calibration(frame_interval=30), "")


def test_an_interval_that_the_times_of_planes_contradict_is_said(tmp_path: Path) -> None:
    planes = made.delta(["0", "30", "60"])
    found, said = read(tmp_path, made.ome("a", 'TimeIncrement="2"', planes))
    assert found.frame_interval == 2
    assert "states 2 s from frame to frame, but their times are 30 s apart" in said
    assert read(tmp_path, made.ome("a", 'TimeIncrement="29"', planes))[1] == ""


@pytest.mark.parametrize(
    ("attributes", "unit", "sizes", "words"),
    [
        ('PhysicalSizeX="0.5" PhysicalSizeXUnit="nm"', "nm", (0.5, 0.5, 1), "no pixel height"),
        ('PhysicalSizeZ="0.5"', "pixel", (1, 1, 1), "and no pixel size: it is left out"),
        ('PhysicalSizeX="1" PhysicalSizeY="1" PhysicalSizeYUnit="mm"', "µm", (1, 1000, 1), ""),
        ('PhysicalSizeX="0.5" PhysicalSizeY="0,5"', "pixel", (1, 1, 1), "PhysicalSizeY='0,5'"),
        ('PhysicalSizeX="NaN" PhysicalSizeY="1"', "pixel", (1, 1, 1), "PhysicalSizeX='NaN'"),
    ],
)
def test_sizes_in_xml(tmp_path: Path, attributes: str, unit: str, sizes: tuple, words: str) -> None:
    found, said = read(tmp_path, made.ome("a", attributes, size=(1, 3, 1)))
    assert (found.unit, found.pixel_width, found.pixel_height, found.pixel_depth) == (
        unit,
        *map(pytest.approx, sizes),
    )
    assert words in said
    assert bool(words) == bool(said)


def test_tags_count_where_xml_states_no_size(tmp_path: Path) -> None:
    tags = {"resolution": (15384.6, 15384.6), "resolutionunit": 3}
    assert read(tmp_path, made.ome("a", **tags))[0].pixel_width == pytest.approx(0.65, rel=1e-4)
    found, said = read(tmp_path, made.ome("b", 'PhysicalSizeX="0.5"', **tags))
    assert (found.unit, found.pixel_width, found.pixel_height) == ("µm", 0.5, 0.5)
    assert "no pixel height" in said


def test_uneven_times_of_metamorph_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.stk"
    write_stk(path, np.ones((4, 5, 6), np.uint16), interval=500)
    assert calibration(path) == (images.Calibration(frame_interval=0.5), "")
    from imagej_dl.images.formats import metamorph as microscopes

    times = np.array([0.0, 500, 1000, 9000])
    monkeypatch.setattr(microscopes, "_milliseconds", lambda metadata: times)
    found, said = calibration(path)
    assert found.frame_interval == 0.5
    assert "a.stk: its frames are 0.5 to 8 s apart" in said


def test_planes_that_the_description_does_not_divide(tmp_path: Path) -> None:
    layout = layouts_calibrated.described("a", "slices=2\nframes=2\n", slices=6)
    layout.write(tmp_path / layout.name)
    with pytest.warns(DataWarning, match="has 6 planes, which are not 1 × 2 × 2"):
        assert images.read(tmp_path / layout.name).sizes["Z"] == 6


@pytest.mark.parametrize("name", ["ij_saved_i16.tif", "stardist_int16_saved_by_fiji.tif"])
def test_signed_pixels_that_imagej_saved(shared_data: Path, name: str) -> None:
    image = images.read(shared_data / "faults" / "labels" / name)
    assert image.dtype == np.int16
    assert sorted(set(np.ravel(image))) == list(range(8))
    assert image.attrs["display_ranges"] == [(0.0, 7.0)]
    labels = images.read_labels(shared_data / "faults" / "labels" / name)
    np.testing.assert_array_equal(labels, image)
    assert labels.dtype == np.uint16


def test_calibration_functions_are_said(tmp_path: Path) -> None:
    layout = layouts_calibrated.described("a", "cf=0\nc0=10\nc1=0.5\nvunit=OD\n")
    assert "calibration function (a straight line, 10, 0.5)" in read(tmp_path, layout)[1]
    layout = layouts_calibrated.described("a", "cf=0\nc0=0\nc1=1\nvunit=OD\n")
    assert read(tmp_path, layout)[1] == ""


def test_the_fourth_sample_of_colours(shared_data: Path) -> None:
    image = images.read(shared_data / "faults" / "calibration" / "rgba_unspec.tif")
    assert image.sizes == {"C": 3, "Y": 32, "X": 40}
