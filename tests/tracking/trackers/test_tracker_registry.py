"""A tracker is known to all parts by its registration alone: toy ones, registered for a test."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

import lineages
import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import Field

import imagej_dl
from imagej_dl import cli, images, tracking
from imagej_dl.commands import menu, track, tune_tracking
from imagej_dl.errors import UserError
from imagej_dl.evaluation import tuning_space
from imagej_dl.fiji import diagnosis
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers import (
    Detected,
    ForeignTracker,
    Setting,
    SettingsMap,
    Tracker,
    documentation,
    registry,
)
from imagej_dl.tracking.trackers.base import BY_SIZE, IMAGE_UNIT

TOP = Path(imagej_dl.__file__).parents[1]
COMMANDS = (track, tune_tracking)


class ToySettings(SettingsMap):
    """Settings of a tracker that links equal labels."""

    toy_distance: Annotated[float, Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)] = Field(
        15.0, gt=0, description="Maximal distance of a link."
    )
    toy_backwards: Annotated[bool, Setting(search=(False, True))] = Field(
        False, description="Link nothing."
    )


class Toy(Tracker):
    """Links spots of the same label."""

    key = "TOY"
    label = "toy"
    settings_model: ClassVar[type[SettingsMap]] = ToySettings

    def link(self, detected: Detected, settings: ToySettings, progress: Any) -> Links:
        labels = detected.spots["label"].to_numpy()
        gaps = detected.frame_of_spot[None] - detected.frame_of_spot[:, None]
        same = (labels[:, None] == labels) & (gaps == 1) & (not settings.toy_backwards)
        sources, targets = np.nonzero(same)
        distances = detected.squared_distances(sources, targets)
        near = distances <= settings.toy_distance**2
        return Links(sources[near], targets[near], distances[near])


RUNNER = """
import json, sys
import numpy as np
import toyengine

if len(sys.argv) < 3:
    print(toyengine.version)
else:
    with np.load(sys.argv[1]) as inputs:
        settings = json.loads(str(inputs["settings"]))
        frames, labels = inputs["frames"], inputs["labels"]
    same = (labels[:, None] == labels) & (frames[None] - frames[:, None] == 1)
    sources, targets = np.nonzero(same)
    costs = np.full(len(sources), settings["TOY_COST"])
    np.savez(sys.argv[2], sources=sources, targets=targets, costs=costs)
"""


class ForeignToySettings(SettingsMap):
    """Settings of a foreign tracker."""

    toy_cost: float = Field(2.0, description="Cost of every link.")


class ForeignToy(ForeignTracker):
    """Links spots of the same label in a process of its own."""

    key = "FOREIGN_TOY"
    label = "Toy engine"
    engine = "toyengine"
    settings_model: ClassVar[type[SettingsMap]] = ForeignToySettings
    runner = Path()

    def link(self, detected: Detected, settings: ForeignToySettings, progress: Any) -> Links:
        arrays = {
            "frames": detected.frame_of_spot,
            "labels": detected.spots["label"].to_numpy(),
        }
        links = self.run(arrays, settings.to_map(), detected, progress)
        return Links(links["sources"], links["targets"], links["costs"])


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register both toys; the commands take their choices from the registry when imported."""
    runner = tmp_path / "run_toyengine.py"
    runner.write_text(RUNNER)
    site = tmp_path / "site"
    site.mkdir()
    (site / "toyengine.py").write_text("version = '1.2.3'")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(ForeignToy, "runner", runner)
    monkeypatch.setenv("IMAGEJ_DL_TOYENGINE_PYTHON", str(python))
    for tracker in (Toy(), ForeignToy()):
        registry.register(tracker)
    for module in COMMANDS:
        importlib.reload(module)
    yield
    for key in ("TOY", "FOREIGN_TOY"):
        registry.trackers().pop(key)
    for module in COMMANDS:
        importlib.reload(module)


def _track(tmp_path: Path, tracker: str, values: dict[str, Any], *options: str) -> tracking.Tracks:
    """Run `imagej-dl track` on a tiny lineage, and read what it wrote."""
    labels, settings = tmp_path / "labels.tif", tmp_path / "toy.json"
    images.write(lineages.gap(), labels, overwrite=True)
    settings.write_text(json.dumps({"tracker": tracker, "settings": values}))
    out = tmp_path / "out"
    words = ["track", str(labels), "--out", str(out), "--settings", str(settings), *options]
    result = CliRunner().invoke(cli.cli, words, catch_exceptions=False)
    assert result.exit_code == 0
    for name in ("settings.json", "tracks.xml"):
        again = tracking.read_settings(out / name)
        assert (again.tracker, again.settings.to_map() | values) == (
            tracker,
            again.settings.to_map(),
        )
    return tracking.read_trackmate(out / "tracks.xml")


def test_a_toy_tracker_is_known_everywhere(toys: None, tmp_path: Path) -> None:
    tracks = _track(tmp_path, "TOY", {"TOY_DISTANCE": 9.0})
    # The two spots of label 1 on each side of the gap, and label 2 in all five frames.
    assert tracks.counts["links"] == 2 + 4
    assert tracks.settings.settings == ToySettings(toy_distance=9.0)
    with pytest.raises(UserError, match=r"unknown setting 'TOY_DISTANC'.*TOY_DISTANCE"):
        tracking.make_settings("TOY", {"TOY_DISTANC": 1})
    # It has no other engine; where no settings are named its distance is the measured one.
    with pytest.raises(UserError, match="which trackmate does not have"):
        tracking.track(lineages.gap(), settings=tracks.settings, engine="trackmate")
    reach = tracking.measured_distance(lineages.gap())
    fitted = tracking.fitted_settings(tracking.make_settings("TOY"), reach)
    assert fitted.settings.toy_distance == reach.distance
    # Tuning has its search space, and the command its key.
    space = tuning_space.of("TOY", 4.0)
    assert space == {
        "TOY_DISTANCE": [2.0, 18.0],
        "TOY_BACKWARDS": [False, True],
        "fill_gaps": [False, True],
        "split_fused": [False, True],
    }
    tuning_space.check(space, "TOY")
    assert tuning_space.defaults("TOY", space)["TOY_DISTANCE"] == 15.0
    assert "TOY" in menu.field(tune_tracking.TuneTracking, "tracker")["choices"]
    assert "TOY_DISTANCE" in documentation.settings()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the other Python is a shell script")
def test_a_toy_engine_is_known_everywhere(toys: None, tmp_path: Path) -> None:
    tracks = _track(tmp_path, "FOREIGN_TOY", {"TOY_COST": 3.0}, "--engine", "toyengine")
    assert tracks.counts["links"] == 2 + 4
    assert set(tracks.edges["cost"]) == {3.0}
    written = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert written["engine"] == "toyengine"
    # The engine alone means its tracker.
    assert tracking.track(lineages.gap(), engine="toyengine").settings.tracker == "FOREIGN_TOY"
    for key in ("engine", "engine_python"):
        described = menu.field(track.Track, key)
        assert "Toy engine" in described["help"]
    assert "toyengine" in menu.field(track.Track, "engine")["choices"]
    # Not tuned: it declares no search space.
    assert "FOREIGN_TOY" not in menu.field(tune_tracking.TuneTracking, "tracker")["choices"]
    finding = next(f for f in diagnosis._engines() if f.part == "toyengine")
    assert finding.found
    assert "1.2.3" in finding.text
    (tmp_path / "site" / "toyengine.py").unlink()
    finding = next(f for f in diagnosis._engines() if f.part == "toyengine")
    assert (finding.found, finding.needed) == (False, False)
    assert "IMAGEJ_DL_TOYENGINE_PYTHON" in finding.text
    assert "IMAGEJ_DL_TOYENGINE_PYTHON" in documentation.engines()


def test_two_trackers_of_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="two trackers SPARSE_LAP_TRACKER"):
        registry.register(registry.trackers()["SPARSE_LAP_TRACKER"])


@pytest.mark.parametrize("key", list(registry.trackers()))
def test_declarations_are_whole(key: str) -> None:
    tracker = registry.trackers()[key]
    assert tracker.label
    model = tracker.settings_model
    for field in model.model_fields.values():
        assert field.description, field.alias
    for name, setting in model.declared().items():
        if setting.only_with:
            assert setting.only_with in model.declared(), name
        if setting.distance:
            assert setting.unit == IMAGE_UNIT, name
    assert json.loads(json.dumps(model().to_map())) == model().to_map()
    space = tracker.search_space(5.0)
    assert bool(space) == tracker.tunable
    if space:
        tuning_space.check(space, key)


def test_extras_are_those_of_the_project() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    for name, tracker in registry.foreign().items():
        if tracker.extra:
            wanted = project["project"]["optional-dependencies"][tracker.extra]
            assert any(word.startswith(name) for word in wanted)
            assert f"imagej-dl[{tracker.extra}]" in tracker.program.hint
        assert tracker.runner.is_file()


def test_the_documentation_lists_all() -> None:
    page = (TOP / "docs" / "tracking.md").read_text(encoding="utf-8")
    command = "python -m imagej_dl.tracking.trackers.documentation docs/tracking.md"
    assert documentation.updated(page) == page, command


MAY_NAME: dict[str, set[str]] = {}
"""Modules outside the package of trackers that may name one in a string; none so far."""


@pytest.mark.slow
def test_no_other_module_names_a_tracker() -> None:
    """Else a new one would have to be added there, too. Docstrings may name them."""
    package = TOP / "imagej_dl"
    names = {*registry.trackers(), *registry.foreign()}
    word = re.compile(rf"\b({'|'.join(names)})\b")
    named: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        if path.is_relative_to(package / "tracking" / "trackers"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = set(word.findall(node.value)) if id(node) not in docstrings else set()
                if found:
                    named.setdefault(path.relative_to(package).as_posix(), set()).update(found)
    assert named == MAY_NAME
