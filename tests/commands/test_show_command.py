"""`imagej-dl show`: its inputs are not written over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagej_dl import progress
from imagej_dl.commands.show import Show
from imagej_dl.errors import UserError


def test_a_picture_does_not_take_the_place_of_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.png"
    Image.fromarray(np.eye(5, dtype=np.uint8)).save(path)
    before = path.read_bytes()
    for more in ({}, {"image": path}):
        command = Show.declare({"labels": path, "png": path, "overwrite": True, **more})
        with pytest.raises(UserError, match=r"labels\.png: would be written over the input"):
            command.run(progress.silent)
    assert path.read_bytes() == before
