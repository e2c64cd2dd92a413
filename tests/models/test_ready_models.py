"""The ready models: their cards and files, what a name means, and where they are offered."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, models
from imagej_dl.commands import menu
from imagej_dl.commands.models import Models
from imagej_dl.errors import UserError
from imagej_dl.images.intensities import likeness
from imagej_dl.models.ready import documentation, registry
from imagej_dl.models.ready.card import Card
from imagej_dl.progress import silent

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 10 * 10**6
"""Bytes that a ready model may add to the package."""


@pytest.mark.parametrize("name", registry.names())
def test_a_card_says_what_was_measured_on_what(name: str) -> None:
    card = registry.card(name)
    config = models.load_config(registry.HOME / name)
    assert card.name == name
    assert card.scores[0].images == card.validation.images
    assert card.scores[0].objects == card.validation.objects
    assert card.training["method"] == config.kind
    assert config.object_diameter is not None
    size = card.object_diameter
    assert size.low <= size.median <= size.high
    split = json.loads((registry.HOME / name / "split.json").read_text())
    assert len(split["train"]) == card.data.images
    assert len(split["validation"]) == card.validation.images
    assert not set(split["digests"]["train"]) & set(split["digests"]["validation"])


@pytest.mark.parametrize("name", registry.names())
def test_files_are_those_that_the_card_names(name: str) -> None:
    for file, digest in registry.card(name).sha256.items():
        content = (registry.HOME / name / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, file
    assert registry.nbytes(name) < LARGEST
    # Neither a checkpoint with its optimizer, nor pictures of the training.
    assert {path.suffix for path in (registry.HOME / name).iterdir()} <= {
        ".keras",
        ".json",
        ".tif",
        ".csv",
    }


@pytest.mark.parametrize("name", registry.names())
def test_it_knows_what_is_unlike_its_training(name: str) -> None:
    like = likeness.read(registry.HOME / name)
    assert like is not None
    image = images.read(registry.HOME / name / "test_image.tif").values.astype(float)
    noise = np.random.default_rng(0).normal(0, 0.5 * (image.max() - image.min()), image.shape)

    def far(pixels: np.ndarray) -> set[str]:
        return {one.name for one in like.far([likeness.measured(pixels, like.scale)])}

    assert far(image) == far(3 * image + 50) == set()
    assert "noise" in far(image + noise)
    assert "background" in far(-image)


@pytest.mark.tf
@pytest.mark.parametrize("name", registry.names())
def test_it_gives_the_probabilities_that_it_was_shipped_with(name: str) -> None:
    bundle = models.load(name, verify=True)
    assert bundle.folder == registry.HOME / name


def test_a_damaged_card_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / registry.DEFAULT
    folder.mkdir()
    monkeypatch.setattr(registry, "HOME", tmp_path)
    content = json.loads((Path(registry.__file__).parent / folder.name / "card.json").read_text())
    for change, words in (
        ({"scores": []}, "scores"),
        ({"licence": ""}, "licence"),
        ({"motto": "x"}, "motto"),
        ({"name": "other"}, "is the card of a model other"),
    ):
        (folder / "card.json").write_text(json.dumps(content | change))
        with pytest.raises(UserError, match=words):
            registry.card(folder.name)


def test_a_name_is_a_ready_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = registry.HOME / registry.DEFAULT
    assert registry.find(registry.DEFAULT) == home
    assert registry.described(registry.DEFAULT) == f"the ready model {registry.DEFAULT}"
    assert registry.named(home) == registry.DEFAULT
    assert registry.find("no-such") == Path("no-such")
    assert registry.find(Path("there") / registry.DEFAULT) == Path("there") / registry.DEFAULT
    with pytest.raises(UserError, match=f"or a ready model: .*{registry.DEFAULT}"):
        models.load_config("no-such")


def test_the_user_s_own_model_of_that_name_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / registry.DEFAULT
    own.mkdir()
    (own / "image.tif").touch()  # a folder of images hides nothing
    assert registry.find(registry.DEFAULT) == registry.HOME / registry.DEFAULT
    shutil.copy(registry.HOME / registry.DEFAULT / "config.json", own)
    assert registry.find(registry.DEFAULT) == Path(registry.DEFAULT)
    assert registry.name_of(registry.DEFAULT) is None
    assert str(own) in registry.described(registry.DEFAULT)
    assert "not the ready model" in registry.described(registry.DEFAULT)


def test_reading_one_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may lie where the user cannot write."""
    home = tmp_path / "home"
    shutil.copytree(registry.HOME / registry.DEFAULT, home / registry.DEFAULT)
    monkeypatch.setattr(registry, "HOME", home)
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    for folder in (home / registry.DEFAULT, home):
        os.chmod(folder, 0o555)
    try:
        models.load_config(registry.DEFAULT)
    finally:
        for folder in (home, home / registry.DEFAULT):
            os.chmod(folder, 0o755)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_the_command_lists_them_and_prints_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    Models().run(silent)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == list(registry.names())
    assert "MB, licence CC0; average precision" in lines[0]
    Models(name=registry.DEFAULT).run(silent)
    said = capsys.readouterr().out
    card = registry.card(registry.DEFAULT)
    assert said == card.markdown()
    assert all(limit in said for limit in card.limits)
    with pytest.raises(UserError, match=f"no ready model none. There are: {registry.DEFAULT}"):
        Models(name="none").run(silent)


@pytest.mark.parametrize(
    ("command", "key"), [("predict", "model"), ("train", "start"), ("correct", "model")]
)
def test_dialogs_offer_them(command: str, key: str) -> None:
    field = next(f for f in menu.describe(command)["fields"] if f["key"] == key)
    assert field["offers"] == list(registry.names())
    assert field["default"] == (registry.DEFAULT if command == "predict" else None)


def test_the_page_has_their_cards() -> None:
    page = (DOCS / "ready-models.md").read_text("utf-8")
    assert documentation.updated(page) == page, (
        "run python -m imagej_dl.models.ready.documentation docs/ready-models.md"
    )


def test_scores_are_shares() -> None:
    content = registry.card(registry.DEFAULT).model_dump()
    content["scores"][0]["ap_50"] = 81.0
    with pytest.raises(ValueError, match="ap_50"):
        Card.model_validate(content)
