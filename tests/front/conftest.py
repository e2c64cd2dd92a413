"""What the tests in ImageJ's window share: data, and a model whose objects are known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "prediction"))
import hosted
from small_nuclei import small_nuclei


@pytest.fixture(scope="session")
def threshold_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose network is a threshold at half of the image's range."""
    return _threshold(tmp_path_factory.mktemp("models") / "threshold", 1)


@pytest.fixture(scope="session")
def two_channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for images of two channels."""
    return _threshold(tmp_path_factory.mktemp("models") / "two", 2)


def _threshold(folder: Path, channels: int) -> Path:
    import small_models

    return small_models.stored(small_models.threshold(channels), folder)


@pytest.fixture(scope="session")
def small_project(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four labelled images of 128 x 128 px."""
    return small_nuclei(shared_data, tmp_path_factory.mktemp("data") / "train")


@pytest.fixture(scope="session")
def cells(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test image with 0.5 um pixels."""
    return hosted.cells(shared_data, tmp_path_factory.mktemp("image") / "cells.tif")
