"""The fake engines are registered while a test runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_engine import Fake, FakeImage, FakePoints

from imagej_dl.commands import load
from imagej_dl.engines import registry


@pytest.fixture(autouse=True)
def fakes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    monkeypatch.setenv("IMAGEJ_DL_ENGINES", str(tmp_path_factory.mktemp("engines")))
    made = [Fake(), FakePoints(), FakeImage()]
    for engine in made:
        registry.engines()[engine.name] = engine
    yield made
    for engine in made:
        del registry.engines()[engine.name]


@pytest.fixture
def fields(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The names of the fake engines, which the declarations do not know."""
    commands = [load(name) for name in ("predict", "train", "correct")]
    for command in commands:
        monkeypatch.setattr(command.model_fields["engine"], "annotation", str | None)
        command.model_rebuild(force=True)
    yield
    monkeypatch.undo()
    for command in commands:
        command.model_rebuild(force=True)
