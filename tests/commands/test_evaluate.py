"""`imagej-dl evaluate`."""

from __future__ import annotations

import json

import pytest

from imagej_dl import progress
from imagej_dl.commands.evaluate import Evaluate
from imagej_dl.commands.track import Track
from imagej_dl.errors import UserError


def run(**values: object) -> None:
    Evaluate.declare(values).run(progress.silent)


@pytest.mark.slow
def test_tracks(shared_data, tmp_path, capsys):
    movie = shared_data / "movie"
    Track.declare(
        {"labels": movie / "detections.tif", "engine": "embedded", "out": tmp_path / "out"}
    ).run(progress.silent)
    run(pred=tmp_path / "out", truth=movie / "truth", json=tmp_path / "scores.json")
    assert "TRA" in capsys.readouterr().out
    found = json.loads((tmp_path / "scores.json").read_text())
    assert found["tracks"]["TRA"] > 0.94


def test_labels(shared_data, capsys):
    folder = shared_data / "nuclei" / "test"
    run(pred=folder, truth=folder)
    said = capsys.readouterr().out
    assert "mean   1.000" in said


def test_json_is_not_overwritten(shared_data, tmp_path):
    (tmp_path / "scores.json").write_text("mine")
    folder = shared_data / "nuclei" / "test"
    with pytest.raises(UserError, match="already there"):
        run(pred=folder, truth=folder, json=tmp_path / "scores.json")
    assert (tmp_path / "scores.json").read_text() == "mine"
