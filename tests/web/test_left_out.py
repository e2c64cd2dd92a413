"""The page says what the model's least area has left out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "prediction"))
import small_models

from imagej_dl import images
from imagej_dl.errors import DataWarning
from imagej_dl.models import ModelBundle
from imagej_dl.progress import silent
from imagej_dl.web.results import segment

pytestmark = pytest.mark.tf


def test_small_objects_are_counted(tmp_path: Path) -> None:
    bundle = small_models.threshold()
    least = bundle.config.instances.model_copy(update={"minimum_area": 20})
    config = bundle.config.model_copy(update={"instances": least})
    plane = np.zeros((40, 40), np.uint8)
    plane[5:15, 5:15] = plane[20:23, 20:23] = plane[30:33, 5:8] = 250
    with pytest.warns(DataWarning, match=r"2 objects smaller than minimum_area \(20 px\) left out"):
        found = segment(ModelBundle(bundle.model, config), images.make(plane), tmp_path, silent)
    assert found["objects"] == 1
