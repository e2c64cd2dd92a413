"""Which image comes next, what is kept of it, and what was corrected; without a network."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import correction, images, project, rois
from imagej_dl.correction import Changes, Uncertainty, proposals
from imagej_dl.correction import store as stores
from imagej_dl.errors import DataWarning, UserError

SURE = {"a": 0.2, "b": 0.5, "c": 0.4, "d": 0.9}
SQUARE = rois.Roi("rectangle", "square", box=(1, 1, 4, 4))


class Model:
    """Stands for a network: finds a square on each image, and is as unsure as SURE says."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.add = 0.0
        self.objects = 1

    def predict(self, bundle: object, image: images.xr.DataArray, progress: object) -> tuple:
        name = Path(image.attrs["title"]).stem
        self.asked.append(name)
        progress("predict", 0, 1)
        if image.shape != (12, 12):
            raise UserError("has another shape", path=image.attrs["title"])
        labels = np.zeros((12, 12), np.uint16)
        if self.objects:
            labels[1:5, 1:5] = 1
        value = (SURE[name] + self.add) % 1
        return images.make(labels), Uncertainty(value, 1.0)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    found = Model()
    monkeypatch.setattr(proposals, "predict", found.predict)
    monkeypatch.setattr("imagej_dl.models.load", lambda folder: None)
    monkeypatch.setattr(proposals, "fingerprint", lambda folder: f"{folder.name}{found.add}")
    monkeypatch.setattr(stores, "need_objects", lambda config, folder: None)
    monkeypatch.setattr(stores, "load_config", lambda folder: None)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project of four raw images; `d` is drawn."""
    path = tmp_path / "p"
    project.create(path)
    for name in SURE:
        image = images.make(np.zeros((12, 12), np.uint8))
        images.write(image, path / "Raw" / f"{name}.tif")
    project.save_rois(path, "d", roiset(tmp_path / "d.zip", SQUARE))
    return path


def roiset(path: Path, *found: rois.Roi) -> Path:
    rois.write(found, path, overwrite=True)
    return path


def test_the_least_certain_comes_first_and_drawn_ones_never(home: Path, model: Model) -> None:
    found = correction.next_image(home, Path("M"))
    assert (found.name, found.uncertainty, found.round) == ("b", 0.5, 1)
    assert (found.done, found.total, found.objects) == (1, 4, 1)
    assert found.uncertainties == {"b": 0.5, "c": 0.4, "a": 0.2}
    assert list(found.uncertainties) == ["b", "c", "a"]
    assert found.image == home / "Labeling" / "b" / "images" / "b.tif"
    assert found.image.is_file()
    assert found.target == home / "Labeling" / "b" / "RoiSet.zip"
    assert not found.target.exists()
    proposed = rois.label_map(rois.read(found.rois), images.read(found.image))[0]
    np.testing.assert_array_equal(proposed, images.read(found.labels))
    assert sorted(model.asked) == ["a", "b", "c"]


def test_what_is_known_is_not_computed_again(home: Path, model: Model) -> None:
    first = correction.next_image(home, Path("M"))
    count = len(model.asked)
    assert correction.next_image(home) == first
    assert len(model.asked) == count
    # another model, another image, a lost proposal: what hangs on them is
    model.add = 0.3
    assert correction.next_image(home).uncertainty == pytest.approx(0.8)
    assert sorted(model.asked[count:]) == ["a", "b", "c"]
    count = len(model.asked)
    raw = home / "Raw" / "a.tif"
    os.utime(raw, ns=(1, 1))
    correction.next_image(home)
    assert model.asked[count:] == ["a"]
    (home / "Corrections" / "b" / "proposed.tif").unlink()
    assert correction.next_image(home).labels.is_file()
    assert model.asked[count:] == ["a", "b"]


def test_a_changed_proposal_is_no_loss(home: Path, model: Model) -> None:
    """Whoever saves over the proposed RoiSet finds it again."""
    found = correction.next_image(home, Path("M"))
    mine = roiset(found.rois, rois.Roi("rectangle", "mine", box=(2, 2, 5, 5))).read_bytes()
    model.add = 0.1
    with pytest.warns(DataWarning, match=r"was changed and not saved .*_RoiSet_001\.zip"):
        correction.next_image(home)
    (kept,) = (home / "Corrections" / "b" / "RoiSet_backups").iterdir()
    assert kept.read_bytes() == mine
    assert found.rois.read_bytes() != mine


def test_a_stop_costs_one_image(home: Path, model: Model) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        correction.next_image(home, Path("M"), progress=stop)
    assert model.asked == ["a", "b", "c"]
    assert correction.next_image(home).name == "b"
    assert model.asked == ["a", "b", "c", "c"]


def test_corrections_are_counted(home: Path, model: Model, tmp_path: Path) -> None:
    found = correction.next_image(home, Path("M"))
    other = rois.Roi("rectangle", "new", box=(6, 6, 3, 3))
    given = roiset(tmp_path / "mine.zip", *rois.read(found.rois), other)
    saved = correction.save(home, "b", given)
    assert saved.changes == Changes(kept=1, added=1, changed_px=9, object_px=25)
    assert (saved.path, saved.count, saved.backup) == (found.target, 2, None)
    assert found.target.read_bytes() == given.read_bytes()
    again = correction.save(home, "b", roiset(tmp_path / "mine.zip", SQUARE))
    assert again.changes == Changes(kept=1, object_px=16)
    assert again.backup.is_file()
    assert correction.next_image(home).name == "c"
    (row,) = correction.status(home).rows
    assert (row.round, row.model, row.images, row.changes) == (1, "M", 1, again.changes)
    # of an image without a proposal there is nothing to count
    assert correction.save(home, "a", roiset(tmp_path / "a.zip", SQUARE)).changes is None


def test_rois_saved_by_hand_count_too(home: Path, model: Model) -> None:
    found = correction.next_image(home, Path("M"))
    rois.write([rois.Roi("rectangle", "other", box=(7, 7, 4, 4))], found.target)
    (row,) = correction.status(home).rows
    assert row.changes == Changes(added=1, deleted=1, changed_px=32, object_px=32)
    assert correction.next_image(home).name == "c"


def test_a_stop_between_saving_and_counting(
    home: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    correction.next_image(home, Path("M"))
    with monkeypatch.context() as patch:
        patch.setattr(stores.CorrectionStore, "save", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            correction.save(home, "b", roiset(tmp_path / "b.zip", SQUARE))
    (row,) = correction.status(home).rows
    assert row.changes == Changes(kept=1, object_px=16)


def test_an_image_without_objects(home: Path, model: Model, tmp_path: Path) -> None:
    correction.next_image(home, Path("M"))
    found = correction.mark_empty(home, "b")
    assert (found.path, found.changes) == (None, Changes(deleted=1, changed_px=16, object_px=16))
    assert correction.next_image(home).name == "c"
    assert correction.status(home).done == 2
    with pytest.raises(UserError, match="d cannot be marked as without objects"):
        correction.mark_empty(home, "d")
    correction.save(home, "b", roiset(tmp_path / "b.zip", SQUARE))
    assert correction.status(home).rows[0].changes == Changes(kept=1, object_px=16)


def test_no_object_found(home: Path, model: Model) -> None:
    correction.next_image(home, Path("M"))
    model.objects, model.add = 0, 0.1
    found = correction.next_image(home)
    assert (found.name, found.rois, found.objects) == ("b", None, 0)
    assert not images.read(found.labels).any()


def test_one_may_be_named(home: Path, model: Model) -> None:
    found = correction.next_image(home, Path("M"), name="a")
    assert (found.name, found.uncertainty) == ("a", 0.2)
    assert model.asked == ["a"]
    drawn = correction.next_image(home, name="d")
    assert drawn.drawn
    assert drawn.rois == drawn.target == home / "Labeling" / "d" / "RoiSet.zip"
    assert (drawn.labels, drawn.uncertainty) == (None, None)
    assert not (home / "Corrections" / "d").exists()
    with pytest.raises(UserError, match="no image named x"):
        correction.next_image(home, name="x")


def test_an_image_that_cannot_be_predicted_is_left_out(home: Path, model: Model) -> None:
    images.write(images.make(np.zeros((3, 3), np.uint8)), home / "Raw" / "b.tif", overwrite=True)
    with pytest.warns(DataWarning, match=r"b\.tif: has another shape: it is left out"):
        assert correction.next_image(home, Path("M")).name == "c"
    with pytest.raises(UserError, match="another shape"), pytest.warns(DataWarning):
        correction.next_image(home, name="b")


def test_nothing_is_left(home: Path, model: Model, tmp_path: Path) -> None:
    for name in "abc":
        project.save_rois(home, name, roiset(tmp_path / "all.zip", SQUARE))
    assert correction.next_image(home, Path("M")) is None
    assert model.asked == []


def test_the_users_files_stay(home: Path, model: Model, tmp_path: Path) -> None:
    def mine() -> dict[Path, bytes]:
        folders = [home / "Raw", home / "Labeling" / "d", home / "Processed"]
        return {p: p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}

    (home / "Processed" / "notes.txt").write_text("mine")
    before = mine()
    while found := correction.next_image(home, Path("M")):
        given = roiset(tmp_path / "x.zip", SQUARE)
        correction.save(home, found.name, given)
        assert given.is_file()
    correction.status(home)
    assert mine() == before


def test_the_state_goes_with_the_project(home: Path, model: Model, tmp_path: Path) -> None:
    inside = home / "models" / "M"
    inside.mkdir(parents=True)
    correction.next_image(home, inside)
    text = (home / "Corrections" / "state.json").read_text()
    assert json.loads(text)["present"] == "models/M"
    assert str(tmp_path) not in text
    home.rename(tmp_path / "moved")
    assert correction.status(tmp_path / "moved").model == tmp_path / "moved" / "models" / "M"


def test_another_model_takes_the_place(home: Path, model: Model) -> None:
    correction.next_image(home, Path("M"))
    store = stores.CorrectionStore.open(home)
    store.state.present = "Corrections/models/round_1"
    store.save()
    # the same line of a macro again does not go back to the first model
    assert correction.status(home, Path("M")).model.name == "round_1"
    assert correction.status(home, Path("N")).model.name == "N"
    assert correction.status(home).model.name == "N"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"version": 9}', "version 9; this imagej-dl reads 1"),
        ("[]", "version None"),
        ("{", "is not JSON"),
        ('{"version": 1, "begun": "a"}', "damaged: present"),
    ],
)
def test_a_damaged_state_is_named(home: Path, model: Model, text: str, words: str) -> None:
    correction.next_image(home, Path("M"))
    (home / "Corrections" / "state.json").write_text(text)
    with pytest.raises(UserError, match=rf"state\.json: .*{words}"):
        correction.next_image(home)


def test_nothing_has_begun(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Name a model to start from"):
        correction.status(home)
    with pytest.raises(UserError, match="no such model folder"):
        correction.next_image(home, tmp_path / "none")
    with pytest.raises(UserError, match="project does not exist"):
        correction.next_image(tmp_path / "none", tmp_path)
    assert not (home / "Corrections").exists()
