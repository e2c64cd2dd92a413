"""`imagej-dl track`."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, progress, tracking
from imagej_dl.commands.track import Track
from imagej_dl.errors import UserError


def run(**values: object) -> None:
    Track.declare({"engine": "embedded", **values}).run(progress.silent)


def test_whole_run(shared_data, tmp_path, capsys):
    movie = shared_data / "movie"
    run(labels=movie / "detections.tif", image=movie / "movie.tif", out=tmp_path / "out")
    said = capsys.readouterr().out
    assert "by the embedded engine" in said
    assert "775 spots, 741 links, 28 tracks, 2 divisions" in said
    found = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert found.image_path == (movie / "movie.tif").resolve()
    assert "mean_intensity_ch1" in found.spots


def test_settings_file(shared_data, tmp_path, capsys):
    goldens = shared_data / "trackmate-8-goldens" / "movie"
    chosen = json.loads((goldens / "settings.json").read_text())["results"]["lap_gap3"]
    path = tmp_path / "lap.json"
    path.write_text(json.dumps({key: chosen[key] for key in ("tracker", "settings")}))
    run(labels=shared_data / "movie" / "detections.tif", settings=path, out=tmp_path / "out")
    assert f"{chosen['edges']} links, {chosen['tracks']} tracks" in capsys.readouterr().out


def test_time_in_z(tmp_path):
    frames = np.zeros((3, 20, 20), np.uint16)
    frames[:, 4:12, 4:12] = 1
    images.write(images.make(frames, "ZYX"), tmp_path / "stack.tif")
    with pytest.raises(UserError, match=r"time is probably stored in Z.*--axes TYX") as caught:
        run(labels=tmp_path / "stack.tif", out=tmp_path / "out")
    assert caught.value.path == str(tmp_path / "stack.tif")
    run(labels=tmp_path / "stack.tif", axes="TYX", out=tmp_path / "out")
    assert len(tracking.read_trackmate(tmp_path / "out" / "tracks.xml").edges) == 2


def test_existing_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="already there"):
        run(labels=tmp_path / "none.tif", out=tmp_path / "out")


def test_movie_that_does_not_fit(shared_data, tmp_path):
    with pytest.raises(UserError, match="do not fit"):
        run(
            labels=shared_data / "movie" / "detections.tif",
            image=shared_data / "movie-dense" / "movie.tif",
            out=tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.fiji
def test_embedded_equals_the_real_trackmate(shared_data, tmp_path, fiji_home, capsys):
    """The same labels in the Fiji at hand: the same links at the same costs, and features."""
    import subprocess
    import sys

    movie = shared_data / "movie-dense"
    files = ["--image", str(movie / "movie.tif"), str(movie / "detections.tif")]
    for engine in ("trackmate", "embedded"):
        out = ["--engine", engine, "--out", str(tmp_path / engine)]
        subprocess.run(
            [sys.executable, "-m", "imagej_dl", "track", *files, *out], check=True, timeout=300
        )
    real, ours = (pd.read_csv(tmp_path / e / "edges.csv") for e in ("trackmate", "embedded"))
    pd.testing.assert_frame_equal(real, ours, rtol=1e-9)
    real, ours = (
        tracking.read_trackmate(tmp_path / e / "tracks.xml").spots
        for e in ("trackmate", "embedded")
    )
    shared = set(real) & set(ours) - {"id", "track_id", "label", "ellipse_theta"}
    assert {"x", "y", "area", "mean_intensity_ch1", "snr_ch1"} <= shared
    for name in shared:
        np.testing.assert_allclose(ours[name], real[name], rtol=1e-6, atol=1e-9)
