"""`imagej-dl track`."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

from imagej_dl import fiji, images, progress, tracking
from imagej_dl.commands.track import Track
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.worker import Session


def run(**values: object) -> None:
    Track.declare({"engine": "embedded", **values}).run(progress.silent)


@pytest.mark.slow
def test_whole_run(shared_data, tmp_path, capsys):
    movie = shared_data / "movie"
    run(
        labels=movie / "detections.tif",
        image=movie / "movie.tif",
        distances="trackmate",
        out=tmp_path / "out",
    )
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


def moving(frames: int = 3) -> np.ndarray:
    array = np.zeros((frames, 20, 20), np.uint16)
    for number in range(frames):
        array[number, 4:12, 4 + number : 12 + number] = 1
    return array


@pytest.mark.parametrize("channels", [1, 2])
def test_time_in_z_in_labels_and_image(tmp_path, channels):
    array = moving()
    images.write(images.make(array, "ZYX"), tmp_path / "labels.tif")
    movie = np.stack([array * 100 * (c + 1) for c in range(channels)], 1)
    images.write(images.make(movie, "ZCYX"), tmp_path / "movie.tif")
    with pytest.warns(DataWarning, match=r"movie\.tif: its 3 slices are taken as frames"):
        run(
            labels=tmp_path / "labels.tif",
            image=tmp_path / "movie.tif",
            axes="TYX",
            out=tmp_path / "out",
        )
    found = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert len(found.edges) == 2
    assert (found.spots[f"max_intensity_ch{channels}"] == 100 * channels).all()


def test_the_movie_says_that_the_labels_z_is_time(tmp_path):
    images.write(images.make(moving(), "ZYX"), tmp_path / "labels.tif")
    images.write(images.make(moving() * 9, "TYX"), tmp_path / "movie.tif")
    with pytest.warns(DataWarning, match=r"labels\.tif: its 3 slices are taken as frames"):
        run(labels=tmp_path / "labels.tif", image=tmp_path / "movie.tif", out=tmp_path / "out")
    assert len(tracking.read_trackmate(tmp_path / "out" / "tracks.xml").edges) == 2


def test_image_axes(tmp_path):
    images.write(images.make(moving(), "TYX"), tmp_path / "labels.tif")
    images.write(images.make(moving() * 9, "CYX"), tmp_path / "movie.tif")
    files = {"labels": tmp_path / "labels.tif", "image": tmp_path / "movie.tif"}
    with pytest.raises(UserError, match=r"1 frame of 20 × 20 px.*--image-axes") as caught:
        run(**files, out=tmp_path / "out")
    assert caught.value.path == str(tmp_path / "movie.tif")
    run(**files, image_axes="TYX", out=tmp_path / "out")
    assert len(tracking.read_trackmate(tmp_path / "out" / "tracks.xml").edges) == 2


def test_labels_without_calibration_are_measured_in_the_movies(tmp_path):
    images.write(images.make(moving(), "TYX"), tmp_path / "labels.tif")
    movie = images.make(
        moving() * 9, "TYX", pixel_width=0.5, pixel_height=0.5, unit="um", frame_interval=60.0
    )
    images.write(movie, tmp_path / "movie.tif")
    with pytest.warns(DataWarning, match=r"not calibrated; pixels of 0\.5 × 0\.5 um"):
        run(labels=tmp_path / "labels.tif", image=tmp_path / "movie.tif", out=tmp_path / "out")
    found = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert found.calibration.unit == "um"
    np.testing.assert_allclose(found.spots["area"], 64 * 0.25)
    assert (found.spots["max_intensity_ch1"] == 9).all()
    assert images.read(tmp_path / "out" / "tracked.tif").attrs["frame_interval"] == 60


def test_what_is_no_label_map_is_named(tmp_path):
    images.write(images.make(np.full((2, 9, 9), 0.5, np.float32), "TYX"), tmp_path / "a.tif")
    with pytest.raises(UserError, match="not whole numbers") as caught:
        run(labels=tmp_path / "a.tif", out=tmp_path / "out")
    assert caught.value.path == str(tmp_path / "a.tif")


def test_existing_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="already there"):
        run(labels=tmp_path / "none.tif", out=tmp_path / "out")


def test_movie_that_does_not_fit(shared_data, tmp_path):
    with pytest.raises(UserError, match=r"frames of \d+ × \d+ px.*do not fit") as caught:
        run(
            labels=shared_data / "movie" / "detections.tif",
            image=shared_data / "movie-dense" / "movie.tif",
            out=tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()
    assert "movie-dense" in caught.value.path


def test_open_without_a_fiji_or_a_screen_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.delenv("FIJI_HOME", raising=False)
    with pytest.raises(UserError, match=r"needs a Fiji with TrackMate.*Load a TrackMate file"):
        run(labels=tmp_path / "none.tif", out=tmp_path / "out", open=True)
    from imagej_dl.fiji import gateway

    monkeypatch.setattr(gateway, "choose", lambda fiji=None: ("folder", "/a/Fiji.app"))
    monkeypatch.setattr(gateway, "has_display", lambda: False)
    with pytest.raises(UserError, match="no screen to show ImageJ on"):
        run(labels=tmp_path / "none.tif", out=tmp_path / "out", open=True)


def _opened(folder: str) -> tuple[list[str], list[str], int]:
    """Track with --open, close all that opens; say what was open and how many files there were."""
    import threading
    import time
    from pathlib import Path

    seen: list[list[str]] = []
    ended = threading.Event()

    def close() -> None:
        from scyjava import jimport

        from imagej_dl.fiji import gateway

        while not gateway.is_ours():  # before Fiji has started none of ImageJ's classes may load
            time.sleep(0.1)
        while not ended.is_set():
            time.sleep(0.5)
            frame, manager = jimport("java.awt.Frame"), jimport("ij.WindowManager")
            main = jimport("ij.IJ").getInstance()
            frames = [f for f in frame.getFrames() if f.isVisible() and not f.equals(main)]
            titles = [str(f.getTitle()) for f in frames]
            pictures = [str(title) for title in manager.getImageTitles()]
            if any("TrackMate" in title for title in titles) and pictures:
                seen.append(pictures)
                seen.append(titles)
                time.sleep(1)  # still open: the command must be waiting
                assert not ended.is_set()
                for f in frames:
                    f.dispose()
                return

    threading.Thread(target=close, daemon=True).start()
    run(
        labels=Path(folder, "labels.tif"),
        image=Path(folder, "movie.tif"),
        out=Path(folder, "out"),
        open=True,
    )
    ended.set()
    return seen[0], seen[1], len(list(Path(folder, "out").iterdir()))


@pytest.mark.fiji
@pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")
def test_open_shows_trackmates_window_until_it_is_closed(tmp_path, fiji_home, own_process):
    images.write(images.make(moving(5), "TYX"), tmp_path / "labels.tif")
    images.write(images.make(moving(5) * 9, "TYX"), tmp_path / "movie.tif")
    pictures, windows, files = own_process(_opened, str(tmp_path))
    assert pictures == ["movie.tif"]
    assert any("TrackMate" in title for title in windows)
    assert files == 7


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


@pytest.mark.parametrize("detector", ["MASK_DETECTOR", "THRESHOLD_DETECTOR"])
def test_gaps_in_probabilities_are_filled_and_counted(tmp_path, capsys, detector):
    likely = np.where(moving(5) > 0, np.float32(0.9), np.float32(0))
    likely[2] = 0
    images.write(images.make(likely, "TYX"), tmp_path / "likely.tif")
    settings = {"tracker": "AUTO", "detector": {"DETECTOR_NAME": detector}}
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings))
    run(labels=tmp_path / "likely.tif", settings=path, fill_gaps=True, out=tmp_path / "out")
    said = capsys.readouterr().out
    assert "5 spots, 4 links" in said
    assert "1 objects filled in, in gaps between appearances" in said


def test_the_input_is_not_written_over(tmp_path):
    images.write(images.make(moving(), "TYX"), tmp_path / "out" / "tracked.tif")
    before = (tmp_path / "out" / "tracked.tif").read_bytes()
    with pytest.raises(UserError, match="would be written over the input"):
        run(labels=tmp_path / "out" / "tracked.tif", out=tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "tracked.tif").read_bytes() == before


def test_without_geff_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "geff", None)
    monkeypatch.setattr(tracking, "track", lambda *_, **__: pytest.fail("it was begun"))
    images.write(images.make(moving(), "TYX"), tmp_path / "labels.tif")
    with pytest.raises(UserError, match="geff is not installed"):
        run(labels=tmp_path / "labels.tif", out=tmp_path / "out", geff=True)


def test_from_the_menu_a_failure_leaves_no_folder(tmp_path):
    """Else the next try would be refused. A movie called as a result is kept under another name."""
    session = Session(tmp_path, images.make(moving(), "TYX", title="tracked.tif"))
    (tmp_path / "bad.json").write_text('{"tracker": "NONE"}')
    command = {"engine": "embedded", "out": tmp_path / "out"}
    with pytest.raises(UserError, match="unknown tracker"):
        Track.declare({**command, "settings": tmp_path / "bad.json"}).run_in_imagej(
            session, progress.silent
        )
    assert not (tmp_path / "out").exists()
    Track.declare(command).run_in_imagej(session, progress.silent)
    assert (tmp_path / "out" / "labels.tif").is_file()
    assert (tmp_path / "out" / "tracked.tif").is_file()
