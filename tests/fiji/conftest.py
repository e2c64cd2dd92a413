"""What the doors of a real Fiji share: a Fiji with the commands, a model, an image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from java_mode import QUICK, copy_of
from small_nuclei import TEST, small_nuclei

from imagej_dl.fiji import installation


@pytest.fixture(scope="session")
def home(fiji_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the Fiji with the commands installed."""
    copy = copy_of(fiji_home, tmp_path_factory.mktemp("fiji") / "Fiji")
    installation.install(copy)
    return copy


@pytest.fixture(scope="session")
def model(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a training of seconds."""
    folder = tmp_path_factory.mktemp("model")
    small_nuclei(shared_data, folder / "project")
    options = [f"--{option}" for option in QUICK.split()]
    command = [sys.executable, "-m", "imagej_dl", "train", str(folder / "project")]
    command += ["--out", str(folder / "model"), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    return folder / "model"


@pytest.fixture
def image(shared_data: Path) -> Path:
    return shared_data / "nuclei" / "test" / TEST / "image.tif"
