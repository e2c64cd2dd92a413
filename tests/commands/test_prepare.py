"""`imagej-dl prepare`: Raw → Labeling/NAME/images/NAME.tif."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from metamorph import write_stk
from ome_scenes import FIRST, SECOND, write_ome
from PIL import Image

from imagej_dl import images, progress, project, rois
from imagej_dl.commands.prepare import Prepare
from imagej_dl.errors import DataWarning, UserError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    project.create(tmp_path / "p")
    return tmp_path / "p"


@pytest.fixture
def stack() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65536, (5, 7, 9)).astype(np.uint16)


def run(home: Path, **values: object) -> None:
    Prepare.declare({"project": home, **values}).run(progress.silent)


def made(home: Path, name: str) -> Path:
    return home / "Labeling" / name / "images" / f"{name}.tif"


def test_every_format_keeps_its_pixels(
    home: Path, stack: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = home / "Raw"
    write_stk(raw / "meta.stk", stack, interval=1500, pixel=0.25)
    images.write(images.make(stack, "ZYX", pixel_depth=2.0, unit="µm"), raw / "fiji.tif")
    tifffile.imwrite(
        raw / "ome.ome.tif",
        stack,
        metadata={"axes": "TYX", "PhysicalSizeX": 0.3, "PhysicalSizeY": 0.4, "TimeIncrement": 5.0},
    )
    Image.fromarray(stack[0]).save(raw / "deep.png")
    grey = (stack[1] >> 8).astype(np.uint8)
    Image.fromarray(grey).save(raw / "photo.jpg", quality=100)
    run(home)
    for name, axes, size in (("meta", "TYX", 0.25), ("fiji", "ZYX", 1.0), ("ome", "TYX", 0.3)):
        image = images.read(made(home, name))
        assert "".join(map(str, image.dims)) == axes
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, stack)
        assert images.calibration(image).pixel_width == pytest.approx(size)
        with tifffile.TiffFile(made(home, name)) as file:
            assert file.is_imagej
    assert images.calibration(images.read(made(home, "meta"))).frame_interval == 1.5
    assert images.calibration(images.read(made(home, "ome"))).frame_interval == 5.0
    np.testing.assert_array_equal(images.read(made(home, "deep")), stack[0])
    np.testing.assert_array_equal(
        images.read(made(home, "photo")), np.asarray(Image.open(raw / "photo.jpg"))
    )
    assert f"{made(home, 'meta')}: created from meta.stk" in capsys.readouterr().out
    # what was prepared is what annotate goes on with, and nothing of Raw is left to be prepared
    assert [(s.name, s.source) for s in project.sheets(home)] == [
        (name, None) for name in ("deep", "fiji", "meta", "ome", "photo")
    ]


@pytest.mark.parametrize("axis", ["Z", "T"])
def test_slices(home: Path, stack: np.ndarray, axis: str) -> None:
    images.write(
        images.make(stack, f"{axis}YX", pixel_width=0.5, unit="µm"), home / "Raw" / "a.tif"
    )
    for slices, expected in (("middle", stack[2]), ("4", stack[3])):
        run(home, slices=slices, overwrite=True)
        image = images.read(made(home, "a"))
        np.testing.assert_array_equal(image, expected)
        assert (image.dtype, images.calibration(image).pixel_width) == (np.uint16, 0.5)
    with pytest.raises(UserError, match=r"a\.tif: has 5 .* but number 6 was requested"):
        run(home, slices="6", overwrite=True)
    np.testing.assert_array_equal(images.read(made(home, "a")), stack[3])


def test_maximum(home: Path, stack: np.ndarray) -> None:
    both = np.stack([stack, stack[::-1] // 2])
    images.write(images.make(both, "TZYX"), home / "Raw" / "a.tif")
    images.write(images.make(stack, "TYX"), home / "Raw" / "b.tif")
    with pytest.warns(DataWarning, match=r"b\.tif: has no slices"):
        run(home, slices="max")
    image = images.read(made(home, "a"))
    assert image.dims == ("T", "Y", "X")
    np.testing.assert_array_equal(image, both.max(1))
    np.testing.assert_array_equal(images.read(made(home, "b")), stack.max(0))


def test_all_slices(home: Path, stack: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(images.make(stack, "ZYX"), home / "Raw" / "a.tif")
    run(home, slices="all")
    for i in range(5):
        np.testing.assert_array_equal(images.read(made(home, f"a_{i + 1}")), stack[i])
    assert not made(home, "a").exists()
    assert [s.name for s in project.sheets(home)] == [f"a_{i}" for i in range(1, 6)]
    before = made(home, "a_2").stat().st_mtime_ns
    capsys.readouterr()
    run(home, slices="all")
    assert capsys.readouterr().out.count("exists and is kept") == 5
    assert made(home, "a_2").stat().st_mtime_ns == before


def test_slices_that_fluffy_made_go_on(home: Path, stack: np.ndarray) -> None:
    images.write(images.make(stack, "ZYX"), home / "Raw" / "a.b.tif")
    images.write(images.make(stack, "ZYX"), home / "Raw" / "c.tif")
    for i in range(5):
        images.write(images.make(stack[i]), made(home, f"c_{i}"))
    images.write(images.make(stack[0]), made(home, "a"))
    assert [s.name for s in project.sheets(home)] == ["a", *(f"c_{i}" for i in range(5))]
    run(home, slices="all")
    assert not made(home, "c_5").exists()


def test_what_is_there_is_kept_or_made_anew(home: Path, stack: np.ndarray) -> None:
    images.write(images.make(stack[0]), home / "Raw" / "a.tif")
    images.write(images.make(stack[1]), made(home, "a"))
    run(home)
    np.testing.assert_array_equal(images.read(made(home, "a")), stack[1])
    (home / "Labeling" / "a" / "RoiSet.zip").write_bytes(b"x")
    with pytest.warns(DataWarning, match=r"a\.tif: was replaced, but .*RoiSet\.zip was drawn"):
        run(home, overwrite=True)
    np.testing.assert_array_equal(images.read(made(home, "a")), stack[0])


def test_axes_that_no_file_states_are_said(home: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(home / "Raw" / "a.tif", stack, metadata=None)
    with pytest.warns(DataWarning, match=r"a\.tif: does not name the axis of its 5 planes"):
        run(home)
    assert images.read(made(home, "a")).dims == ("Z", "Y", "X")
    run(home, axes="TYX", overwrite=True)
    assert images.read(made(home, "a")).dims == ("T", "Y", "X")


def test_bad_input(home: Path, stack: np.ndarray) -> None:
    with pytest.raises(UserError, match="Raw: holds no image"):
        run(home)
    with pytest.raises(UserError, match="there is no such folder"):
        run(home / "nothing")
    with pytest.raises(UserError, match="slices"):
        run(home, slices="0")
    images.write(images.make(stack[0]), home / "Raw" / "a.tif")
    (home / "Raw" / "notes.txt").write_text("x")
    with pytest.warns(DataWarning, match=r"left out, .*: notes\.txt"):
        run(home)
    images.write(images.make(stack, "ZYX"), home / "Raw" / "b.tif")
    images.write(images.make(stack[0]), home / "Raw" / "b_2.tif")
    (home / "Raw" / "notes.txt").unlink()
    with pytest.raises(UserError, match=r"b\.tif: its slice 2 would be called b_2"):
        run(home, slices="all")


def names(home: Path) -> list[str]:
    return sorted(p.name for p in (home / "Labeling").iterdir())


def test_each_scene_becomes_an_image(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ome(home / "Raw" / "a.ome.tif")
    images.write(images.make(SECOND), home / "Raw" / "b.tif")
    assert [(s.name, s.scene) for s in project.sheets(home)] == [
        ("a_B2_R_2", 2),
        ("a_R1", 1),
        ("b", None),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(home)
    said = capsys.readouterr().out
    assert f"{made(home, 'a_B2_R_2')}: created from scene 2 (B2/R 2) of a.ome.tif" in said
    assert names(home) == ["a_B2_R_2", "a_R1", "b"]
    first, second = images.read(made(home, "a_R1")), images.read(made(home, "a_B2_R_2"))
    np.testing.assert_array_equal(first, FIRST)
    np.testing.assert_array_equal(second, SECOND)
    assert images.calibration(first) == images.Calibration(0.2, 0.3, 1.0, "µm", 2.0)
    assert images.calibration(second) == images.Calibration(0.5, 0.6, 1.0, "µm", 0.0)
    assert first.attrs["channels"] == ["DAPI", "GFP µ"]
    # A second run keeps them all, and none is left to be prepared.
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*.tif")}
    run(home)
    assert capsys.readouterr().out.count("exists and is kept") == 3
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*.tif")} == before
    assert [s.source for s in project.sheets(home)] == [None] * 3


def test_scenes_and_slices(home: Path) -> None:
    write_ome(home / "Raw" / "a.ome.tif")
    images.write(images.make(SECOND), home / "Raw" / "b.tif")
    run(home, scenes="2")  # b has but one, and is taken
    assert names(home) == ["a_B2_R_2", "b"]
    run(home, slices="all")
    assert names(home) == ["a_B2_R_2", "a_R1_1", "a_R1_2", "a_R1_3", "b"]
    np.testing.assert_array_equal(images.read(made(home, "a_R1_2")), FIRST[1])
    assert [s.source for s in project.sheets(home)] == [None] * 5
    with pytest.raises(UserError, match=r"a\.ome\.tif: has 2 scenes .* number 3 was requested"):
        run(home, scenes="3")
    for wrong in ("0", "first"):
        with pytest.raises(UserError, match="scenes"):
            run(home, scenes=wrong)


def test_a_first_scene_that_was_made_before_stays(home: Path) -> None:
    write_ome(home / "Raw" / "a.ome.tif")
    images.write(images.make(SECOND), made(home, "a"))
    run(home)
    assert names(home) == ["a", "a_B2_R_2"]
    np.testing.assert_array_equal(images.read(made(home, "a")), SECOND)


def test_scenes_of_one_name_with_another_image(home: Path) -> None:
    write_ome(home / "Raw" / "a.ome.tif")
    images.write(images.make(SECOND), home / "Raw" / "a_r1.tif")
    words = r"two images named a_r1 \(scene 1 \(R1\) of a\.ome\.tif, a_r1\.tif\)"
    with pytest.raises(UserError, match=words):
        run(home)
    assert not names(home)


def test_a_scene_is_drawn_on_before_it_is_prepared(home: Path) -> None:
    raw = write_ome(home / "Raw" / "a.ome.tif")
    rois.write([rois.Roi("rectangle", "far", box=(14, 10, 19, 15))], home / "set.zip")
    with pytest.raises(UserError, match="lies outside the image"):
        project.save_rois(home, "a_R1", home / "set.zip")
    project.save_rois(home, "a_B2_R_2", home / "set.zip")  # which is larger
    np.testing.assert_array_equal(images.read(made(home, "a_B2_R_2")), SECOND)
    # Where the file can no longer be read, its scenes count as made.
    raw.write_bytes(b"x")
    assert [s.name for s in project.sheets(home)] == ["a_B2_R_2"]


def test_what_cannot_be_read_does_not_cost_the_others_theirs(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "acd":
        (home / "Raw" / f"{name}.tif").write_bytes(b"x")
    images.write(images.make(SECOND), home / "Raw" / "b.tif")
    with pytest.raises(
        UserError, match=r"3 of 4 images could not be prepared: .*a\.tif.*c\.tif.*d\."
    ):
        run(home)
    assert (names(home), capsys.readouterr().out.count("created from")) == (["b"], 1)
    (home / "Labeling" / "c").write_bytes(b"")  # which ends it: nothing more can be written
    images.write(images.make(SECOND), home / "Raw" / "c.tif", overwrite=True)
    with pytest.raises(UserError, match=r"c\.tif: has a file in place of a parent folder"):
        run(home)


HOW = [
    ("uint8", {"tile": (16, 16)}),
    ("uint8", {"bigtiff": True}),
    ("uint8", {"compression": "zlib", "predictor": 2}),
    ("float32", {"compression": "zlib", "predictor": 3}),
    ("int8", {}),
    ("float16", {}),
    ("float64", {}),
]


@pytest.mark.parametrize(("dtype", "how"), HOW)
def test_what_imagej_cannot_open_is_written_anew(home: Path, dtype: str, how: dict) -> None:
    pixels = (np.random.default_rng(0).random((20, 30)) * 100).astype(dtype)
    raw = home / "Raw" / "a.tif"
    tifffile.imwrite(raw, pixels, metadata=None, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        run(home)
    np.testing.assert_array_equal(images.read(made(home, "a")), pixels.astype(np.float32))
    # Deflate with horizontal differences ImageJ opens, so that one is a copy.
    copied = made(home, "a").read_bytes() == raw.read_bytes()
    assert copied == (how.get("predictor") == 2)


def test_a_slice_has_no_rois_of_others(home: Path, stack: np.ndarray) -> None:
    far = rois.encode(rois.Roi("rectangle", "far", box=(1, 1, 3, 3), position=3))
    shown = {"overlay": [far], "selection": far, "display_ranges": [(5.0, 90.0)]}
    image = images.make(stack, "ZYX").assign_attrs(shown)
    images.write(image, home / "Raw" / "a.tif")
    run(home, slices="2")
    found = images.read(made(home, "a")).attrs
    assert not {"overlay", "selection"} & set(found)
    assert found["display_ranges"] == [(5.0, 90.0)]
    run(home, overwrite=True)
    assert images.read(made(home, "a")).attrs["overlay"] == [far]
