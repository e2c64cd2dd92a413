"""`imagej-dl predict` without a model, `train` and `correct` that begin from a ready one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import correction, images, models, simulation
from imagej_dl.commands.predict import Predict
from imagej_dl.commands.train import Train
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.evaluation import match
from imagej_dl.models.ready import registry
from imagej_dl.progress import silent

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of simulated nuclei, in which each nucleus is known."""
    folder = tmp_path_factory.mktemp("data") / registry.DEFAULT
    for number, (image, labels) in enumerate(simulation.stills(3, seed=5)):
        images.write(image, folder / "images" / f"{number}.tif")
        images.write(labels, folder / "masks" / f"{number}.tif")
    return folder


def score(found: Path, truth: Path) -> float:
    labels, true = (images.read_labels(path, as_is=True).values for path in (found, truth))
    return match(true, labels)[0].average_precision


def test_an_image_alone_is_predicted_with_the_default(
    stills: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = stills / "images" / "0.tif"
    Predict(model=image, out=tmp_path / "out").run(silent)
    assert f"with the ready model {registry.DEFAULT}" in capsys.readouterr().out
    assert score(tmp_path / "out" / "0.tif", stills / "masks" / "0.tif") > 0.8
    assert (tmp_path / "out" / "0_RoiSet.zip").is_file()
    # The same by its name, and by its folder.
    for number, model in enumerate((registry.DEFAULT, registry.HOME / registry.DEFAULT)):
        Predict(model=model, images=[image], out=tmp_path / f"out{number}").run(silent)
        pair = [images.read_labels(tmp_path / f / "0.tif") for f in ("out", f"out{number}")]
        np.testing.assert_array_equal(pair[0].values, pair[1].values)


def test_what_comes_first_is_a_model_or_an_image(
    stills: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = sorted((stills / "images").iterdir())

    def settled(*paths: Path | str) -> tuple[Path, list[Path]]:
        first, *rest = map(Path, paths)
        found = Predict(model=first, images=rest, out=tmp_path / "out").with_images()
        return found.model, found.images

    default = Path(registry.DEFAULT)
    assert settled(*pictures) == (default, pictures)
    assert settled(stills / "images") == (default, [stills / "images"])
    assert settled(default, *pictures) == (default, pictures)
    # Of several paths a folder is the model, and said to be none when it is read.
    assert settled(stills / "images", pictures[0]) == (stills / "images", [pictures[0]])
    with pytest.raises(UserError, match="is not a model of imagej-dl"):
        Predict(model=stills / "images", images=pictures, out=tmp_path / "o").run(silent)
    # A folder of images that has a ready model's name, alone, is one of images.
    monkeypatch.chdir(stills.parent)
    assert settled(default) == (default, [default])
    # A model folder is a model, also alone.
    shutil.copytree(registry.HOME / default, tmp_path / "M")
    assert settled(tmp_path / "M") == (tmp_path / "M", [])
    assert settled("missing.tif") == (Path("missing.tif"), [])


def test_the_user_s_model_of_that_name_is_used_and_said(
    stills: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(registry.HOME / registry.DEFAULT, tmp_path / registry.DEFAULT)
    monkeypatch.chdir(tmp_path)
    image = stills / "images" / "0.tif"
    Predict(model=registry.DEFAULT, images=[image], out=tmp_path / "named").run(silent)
    said = capsys.readouterr().out
    assert f"{tmp_path / registry.DEFAULT} (not the ready model of this name)" in said
    # Where no model is named, none of the present folder is meant.
    Predict(images=[image], out=tmp_path / "unnamed").run(silent)
    assert f"with the ready model {registry.DEFAULT}" in capsys.readouterr().out
    Predict(model=image, out=tmp_path / "alone").run(silent)
    assert f"with the ready model {registry.DEFAULT}" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_a_training_starts_from_it_by_name(stills: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    values = {"project": stills, "out": out, "start": registry.DEFAULT, "epochs": 1}
    Train.declare(values | {"settings": {"steps": 3, "batch": 2}}).run(silent)
    found = json.loads((out / "metrics.json").read_text())["started_from"]
    assert found["model"] == registry.DEFAULT
    assert found["sha256"] == registry.card(registry.DEFAULT).sha256["model.keras"]
    assert models.load_config(out).kind == models.load_config(registry.DEFAULT).kind
    # Its folder in the package is as it was.
    assert not (registry.HOME / registry.DEFAULT / ".training").exists()


def test_corrections_begin_from_it(stills: Path, tmp_path: Path) -> None:
    for image in (stills / "images").iterdir():
        (tmp_path / "project" / "Raw").mkdir(parents=True, exist_ok=True)
        shutil.copy(image, tmp_path / "project" / "Raw")
    with pytest.warns(DataWarning, match=f"begin from the ready model {registry.DEFAULT}"):
        proposal = correction.next_image(tmp_path / "project")
    assert proposal is not None
    assert proposal.objects > 5
    state = json.loads((tmp_path / "project" / "Corrections" / "state.json").read_text())
    # Not where it lies: the project may be used on another machine.
    assert state["begun"] == state["present"] == f"ready:{registry.DEFAULT}"
    status = correction.status(tmp_path / "project")
    assert status.model == registry.HOME / registry.DEFAULT
    again = correction.next_image(tmp_path / "project", Path(registry.DEFAULT))
    assert again is not None
    assert again.name == proposal.name
