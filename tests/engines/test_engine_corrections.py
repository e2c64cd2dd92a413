"""Test the corrections with a model of an engine of others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import correction, images, project, rois
from imagej_dl.commands import load
from imagej_dl.correction.engine_models import disagreement
from imagej_dl.correction.store import CorrectionStore
from imagej_dl.engines import model_folder
from imagej_dl.errors import UserError
from imagej_dl.progress import silent

NAMES = "abcd"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project of four images with two squares each, and a model `m` of the engine beside it."""
    path = tmp_path / "p"
    project.create(path)
    for number, name in enumerate(NAMES):
        plane = np.full((24, 20), number, np.uint8)
        plane[2:8, 2:8], plane[12:18, 4:12] = 50, 90
        images.write(images.make(plane), path / "Raw" / f"{name}.tif")
    (tmp_path / "m").write_text("weights")
    return path


def draw(home: Path, name: str) -> None:
    squares = [rois.Roi("rectangle", "1", box=(2, 2, 6, 6)), rois.Roi("rectangle", "2", box=BOX)]
    rois.write(squares, home.parent / "r.zip", overwrite=True)
    correction.save(home, name, home.parent / "r.zip")


BOX = (4, 12, 8, 6)


def by(**settings: object) -> correction.ByEngine:
    return correction.ByEngine("fake", dict(settings))


def state(home: Path) -> dict:
    return json.loads((home / "Corrections" / "state.json").read_text())


@pytest.mark.slow
def test_its_model_proposes_is_retrained_and_proposes_again(home: Path) -> None:
    found = correction.next_image(home, home.parent / "m", by=by(threshold=60))
    assert found is not None
    assert found.objects == 1
    assert (found.uncertainty, state(home)["engine"]) == (0.0, "fake")
    # They are kept, as the engine is.
    again = correction.next_image(home)
    assert again is not None
    assert again.objects == 1
    assert state(home)["engine_settings"] == {"threshold": 60}
    for name in NAMES[:3]:
        draw(home, name)
    changes = [one["changes"] for one in state(home)["corrected"].values()]
    assert [(c["kept"], c["added"]) for c in changes] == [(1, 1)]
    done = correction.retrain(home, epochs=3)
    assert (done.images, done.ended, done.accepted) == (3, "all epochs", True)
    # Each has one of its two objects: .5 with all thresholds.
    assert (done.before, done.after) == (0.5, 0.5)
    trained = model_folder.read(done.present)
    assert trained is not None
    assert trained.settings["epochs"] == 3
    weights = trained.model.read_text()
    assert weights.endswith(str(home.parent / "m"))
    assert state(home)["present"] == "Corrections/models/round_1"
    split = json.loads((done.present / "split.json").read_text())
    assert len(split["validation"]) == len(done.validation) == 1
    draw(home, "d")
    second = correction.retrain(home)
    assert Path(second.model, "weights").read_text().endswith("round_1/weights")
    # What validated validates again.
    later = json.loads((second.model / "split.json").read_text())
    assert set(split["digests"]["train"]) <= set(later["digests"]["train"])
    assert second.unseen
    assert second.validation == done.validation


@pytest.mark.slow
def test_a_retraining_that_ended_is_not_done_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    correction.next_image(home, home.parent / "m", by=by())
    for name in NAMES[:3]:
        draw(home, name)

    def killed(*_: object) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("imagej_dl.correction.retraining.average_precision", killed)
        with pytest.raises(KeyboardInterrupt):
            correction.retrain(home)
    weights = home / "Corrections" / "models" / "round_1" / "weights"
    when = weights.stat().st_mtime_ns
    assert correction.retrain(home).present == weights.parent
    assert weights.stat().st_mtime_ns == when


def test_what_it_cannot_do_is_said(home: Path) -> None:
    model = home.parent / "m"
    with pytest.raises(UserError, match="gives points, and objects are corrected"):
        correction.next_image(home, model, by=correction.ByEngine("fake-points"))
    with pytest.raises(UserError, match="settings of Fake: treshold: unknown key"):
        correction.next_image(home, model, by=by(treshold=1))
    with pytest.raises(UserError, match="Fake needs a model"):
        correction.next_image(home, by=by())
    assert not (home / "Corrections").exists()
    correction.next_image(home, model, by=by())
    with pytest.raises(UserError, match="of a model of fake, not of fake-points"):
        correction.next_image(home, by=correction.ByEngine("fake-points"))
    for name in NAMES[:3]:
        draw(home, name)
    rois.write([rois.Roi("rectangle", "1", box=BOX)], home.parent / "r.zip", overwrite=True)
    correction.save(home, "c", home.parent / "r.zip", sparse=True)
    with pytest.raises(UserError, match="drawn completely, and not all objects of c are"):
        correction.retrain(home)


@pytest.mark.slow
@pytest.mark.usefixtures("fields")
def test_by_the_command(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def correct(**values: object) -> str:
        load("correct").declare({"project": home, **values}).run(silent)
        return capsys.readouterr().out

    first = {"model": home.parent / "m", "engine": "fake"}
    said = correct(**first, engine_settings='{"threshold": 60}')
    assert "1 ROIs proposed (uncertainty 0.000" in said
    for name in NAMES[:3]:
        draw(home, name)
    with pytest.raises(UserError, match="epochs: for models of imagej-dl, not for Fake"):
        correct(step="retrain", epochs=3)
    said = correct(step="retrain", engine_settings='{"epochs": 4}')
    assert "trained on 3 images (ended by: all epochs)" in said
    assert "round_1" in correct(step="status")


def test_engines_are_for_their_own_models(home: Path) -> None:
    from imagej_dl.models.ready import registry as ready

    CorrectionStore.open(home, ready.HOME / ready.DEFAULT).save()
    with pytest.raises(UserError, match="the corrections are of nuclei, a model of imagej-dl"):
        correction.next_image(home, by=by())


def test_disagreement_is_that_of_the_objects() -> None:
    one = np.zeros((2, 20, 20), np.uint16)
    one[0, 2:8, 2:8], one[1, 2:8, 2:8] = 1, 1
    assert disagreement(one, one).value == 0
    other = one.copy()
    other[1] = 0
    assert disagreement(one, other).value == pytest.approx(0.5)
    assert disagreement(one * 0, one * 0).value == 0
    # IoU .75: agreed at .5 … .75 of .5 … .9 in steps of .05 or .1.
    other[1, 2:8, 2:8], other[1, 2:8, 8:10] = 1, 1
    assert 0 < disagreement(one, other).value < 0.5
