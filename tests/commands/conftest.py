"""The model of the tests of commands whose objects are known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "prediction"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose network is a threshold, so that the objects are known."""
    import small_models

    return small_models.stored(
        small_models.threshold(), tmp_path_factory.mktemp("models") / "model"
    )
