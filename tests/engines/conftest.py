"""The fake engines are registered while a test runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_engine import Fake, FakeImage, FakePoints

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
