"""The doors by which label maps come in: each takes their numbers, and none a lossy file."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imagej_dl import images, progress, rois
from imagej_dl.commands.evaluate import Evaluate
from imagej_dl.commands.fill_gaps import FillGaps
from imagej_dl.commands.frames import Frames
from imagej_dl.commands.rois import Rois
from imagej_dl.commands.track import Track
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import Normalisation
from imagej_dl.training import find_pairs
from imagej_dl.training.examples import Examples
from imagej_dl.worker import Session

MASK = "is a mask, not a label map"


@pytest.fixture
def faults(shared_data: Path) -> Path:
    return shared_data / "faults"


def test_training_refuses_lossy_label_maps(faults: Path) -> None:
    pairs = find_pairs(faults / "training" / "jpgmask")
    with pytest.raises(UserError, match=r"h0\.jpg: .*JPEG compression is lossy"):
        Examples(pairs, Normalisation())


def test_training_on_masks_learns_single_cells(faults: Path) -> None:
    pairs = find_pairs(faults / "training" / "binary255")
    with pytest.warns(DataWarning, match=MASK):
        found = Examples(pairs, Normalisation())
    # The cells of the images, not one object of all of them.
    assert 10 < found.diameter < 20
    assert found.smallest < 200
    for (example,) in found.sources:
        assert example.labels.max() > 10


@pytest.mark.parametrize("name", ["bin255.tif", "ij_mask_inv.png"])
def test_masks_by_the_commands(faults: Path, tmp_path: Path, name: str) -> None:
    mask = faults / "labels" / name
    with pytest.warns(DataWarning, match=MASK):
        Rois(labels=mask, out=tmp_path / "r.zip").run(progress.silent)
    assert len(rois.read(tmp_path / "r.zip")) == 7
    with pytest.warns(DataWarning, match=MASK):
        Track(labels=mask, out=tmp_path / "t", engine="embedded").run(progress.silent)
    with pytest.warns(DataWarning, match=MASK):
        Evaluate(pred=mask, truth=mask, json=tmp_path / "s.json").run(progress.silent)
    scores = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert "7" in json.dumps(scores)


@pytest.mark.parametrize("name", ["palette.png", "ij_saved_i16.tif"])
def test_ids_by_the_commands(faults: Path, tmp_path: Path, name: str) -> None:
    with pytest.warns(DataWarning, match="several large pieces"):
        Rois(labels=faults / "labels" / name, out=tmp_path / "r.zip").run(progress.silent)
    found = rois.read(tmp_path / "r.zip")
    assert [roi.get("imagej-dl.label") for roi in found] == [str(i) for i in range(1, 8)]


def test_every_command_refuses_a_lossy_file(faults: Path, tmp_path: Path) -> None:
    lossy = faults / "labels" / "lossy.jpg"
    for command in (
        Rois(labels=lossy, out=tmp_path / "r.zip"),
        Track(labels=lossy, out=tmp_path / "t", engine="embedded"),
        Evaluate(pred=lossy, truth=lossy),
        FillGaps(labels=lossy, out=tmp_path / "g.tif"),
    ):
        with pytest.raises(UserError, match="is lossy"):
            command.run(progress.silent)
    assert list(tmp_path.iterdir()) == []
    for part in ("inputs", "labels"):
        (tmp_path / "s" / part).mkdir(parents=True)
        shutil.copy(lossy, tmp_path / "s" / part / "a.jpg")
    with pytest.raises(UserError, match="is lossy"):
        Frames.declare({"action": "join", "folder": tmp_path / "s", "out": tmp_path / "j"}).run(
            progress.silent
        )


def test_folders_of_lossy_label_maps_are_refused_by_name(faults: Path, tmp_path: Path) -> None:
    for part in ("pred", "truth"):
        (tmp_path / part).mkdir()
        shutil.copy(faults / "labels" / "lossy.jpg", tmp_path / part / "a.jpg")
    with pytest.raises(UserError, match=r"a\.jpg: .*is lossy"):
        Evaluate(pred=tmp_path / "pred", truth=tmp_path / "truth").run(progress.silent)


def movie(path: Path, value: int | None = None) -> np.ndarray:
    """Three squares that move over five frames."""
    made = np.zeros((5, 60, 60), np.uint8)
    for t in range(5):
        for i in range(3):
            y, x = 5 + 18 * i, 6 + 4 * t
            made[t, y : y + 10, x : x + 10] = value or i + 1
    images.write(images.make(made, "TYX"), path)
    return made


def test_gaps_of_masks_are_those_of_their_objects(tmp_path: Path) -> None:
    made = movie(tmp_path / "labels.tif")
    movie(tmp_path / "mask.tif", 255)
    FillGaps(labels=tmp_path / "labels.tif", out=tmp_path / "a.tif", smallest=9).run(
        progress.silent
    )
    with pytest.warns(DataWarning, match=MASK):
        FillGaps(labels=tmp_path / "mask.tif", out=tmp_path / "b.tif", smallest=9).run(
            progress.silent
        )
    one, two = (images.read_labels(tmp_path / f"{name}.tif", as_is=True).values for name in "ab")
    np.testing.assert_array_equal(one, two)
    assert (one[made > 0] > 0).all()


def test_a_challenge_folder_of_one_cell_keeps_its_id(tmp_path: Path) -> None:
    """Its masks are single frames, of which each may look like a mask."""
    from imagej_dl import ctc

    made = np.zeros((20, 20), np.uint16)
    made[2:8, 2:8], made[12:18, 12:18] = 5, 5
    for t in range(3):
        tifffile.imwrite(tmp_path / f"mask00{t}.tif", made)
    (tmp_path / "res_track.txt").write_text("5 0 2 0\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        assert set(np.unique(ctc.read(tmp_path).masks)) == {0, 5}


def test_the_open_image_of_imagej_is_taken_alike(faults: Path, tmp_path: Path) -> None:
    image = images.read(faults / "labels" / "bin255.tif")
    with pytest.warns(DataWarning, match=MASK):
        assert Session(tmp_path, image=image).label_map().values.max() == 7
    picture = Session(tmp_path, image=image, image_path=faults / "labels" / "lossy.jpg")
    with pytest.raises(UserError, match="is lossy"):
        picture.label_map()


def test_frames_of_a_palette_are_put_together_by_their_ids(tmp_path: Path) -> None:
    for number in (1, 2):
        for part, name in (("inputs", "raw"), ("labels", "instance_ids")):
            made = np.zeros((20, 20), np.uint8)
            made[3:9, 3:9], made[12:17, 11:18] = 4, 9
            picture = Image.fromarray(made, "P" if part == "labels" else "L")
            if part == "labels":
                picture.putpalette([(7 * i) % 256 for i in range(768)])
            (tmp_path / part).mkdir(exist_ok=True)
            picture.save(tmp_path / part / f"{name}_00{number}.png")
    table = "Video;Frame\nv_1-2;raw_001.png\nv_1-2;raw_002.png\n"
    (tmp_path / "videos2im_relation.csv").write_text(table)
    Frames.declare({"action": "join", "folder": tmp_path, "out": tmp_path / "j"}).run(
        progress.silent
    )
    found = images.read_labels(tmp_path / "j" / "labels" / "v_1-2.tif", as_is=True)
    assert found.dims == ("T", "Y", "X")
    assert np.unique(found).tolist() == [0, 4, 9]
