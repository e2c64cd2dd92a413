"""The diameter of the objects on the web page."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

sys.path.append(str(Path(__file__).parents[1] / "prediction"))
import small_models

from imagej_dl.models import save
from imagej_dl.web import application

pytestmark = pytest.mark.tf


@pytest.fixture
def client(tmp_path: Path) -> Any:
    bundle = small_models.threshold()
    for name, diameter in (("new", 10.0), ("old", None)):
        config = bundle.config.model_copy(update={"object_diameter": diameter})
        save(bundle.model, config, tmp_path / name, test_image=np.zeros((16, 16), np.uint8))
    made = application(tmp_path)
    yield made.test_client()
    made.extensions["imagej-dl"].close()


def sent(client: Any, model: str, **more: str) -> Any:
    plane = np.zeros((64, 80), np.uint8)
    plane[20:40, 20:40] = 250
    stream = io.BytesIO()
    tifffile.imwrite(stream, plane, imagej=True)
    data = {"model": model, "images": [(io.BytesIO(stream.getvalue()), "cells.tif")], **more}
    return client.post("/api/jobs", data=data, headers={"X-ImageJ-DL": "1"})


def test_an_image_is_resampled_for_the_diameter(client: Any) -> None:
    for more in ({}, {"diameter": ""}, {"diameter": "20"}, {"diameter": "model"}):
        answer = sent(client, "new", **more)
        assert answer.status_code == 201, answer.json
        for _ in range(600):
            job = client.get(f"/api/jobs/{answer.json['id']}").json
            if job["finished"]:
                break
            time.sleep(0.1)
        assert job["items"][0]["state"] == "done", job
        assert (job["items"][0]["objects"], job["items"][0]["height"]) == (1, 64)


def test_what_cannot_be_is_refused_at_once(client: Any) -> None:
    for model, diameter, words in (
        ("new", "big", "'big' is no diameter"),
        ("old", "20", "does not know the diameter"),
    ):
        answer = sent(client, model, diameter=diameter)
        assert answer.status_code == 400
        assert words in answer.json["error"]
    assert b'id="diameter"' in client.get("/").data
