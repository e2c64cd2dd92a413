"""A model folder that the version before methods were declared wrote is read as it was meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, models
from imagej_dl.methods.border import Border
from imagej_dl.models import Instances
from imagej_dl.prediction import predict

pytestmark = pytest.mark.tf

FOLDER = Path(__file__).parent / "written_before"


def test_it_predicts_what_it_predicted():
    bundle = models.load(FOLDER, verify=True)
    labels = predict(bundle, FOLDER / "test_image.tif").labels
    np.testing.assert_array_equal(labels, images.read_labels(FOLDER / "labels.tif", as_is=True))
    assert labels.max() == 3


def test_its_configuration_is_read_and_written_to_the_letter():
    import json

    config = models.load_config(FOLDER)
    assert config.method == Border(border_size=1)
    assert isinstance(config.instances, Instances)
    text = (FOLDER / "config.json").read_text(encoding="utf-8")
    assert json.dumps(config.model_dump(mode="json"), indent=2) + "\n" == text
