"""A real Fiji, named by FIJI_HOME: gateway, images, ROI Manager, TrackMate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from imagej_dl import fiji, images, rois, tracking

pytestmark = pytest.mark.fiji


def _gateway() -> tuple[str, str, bool, bool]:
    from imagej_dl.fiji import trackmate

    running = fiji.start()
    return running.kind, running.version, running.headless, trackmate.version() is not None


def test_gateway_takes_the_fiji(own_process: Any, fiji_home: Path) -> None:
    kind, version, headless, trackmate = own_process(_gateway)
    assert kind == "folder"
    assert "/1.5" in version  # ImageJ2's version, then ImageJ 1's
    assert headless
    assert trackmate


def _round_trip() -> list[str]:
    from imagej_dl.fiji.imageplus import from_imageplus, to_imageplus

    fiji.start()
    rng = np.random.default_rng(5)
    wrong = []
    for dtype in ("uint8", "uint16", "float32"):
        for dims in ("YX", "TYX", "CYX", "TZYX", "TCZYX"):
            array = (rng.random([2 + i for i in range(len(dims) - 2)] + [7, 9]) * 250).astype(dtype)
            image = images.make(array, dims, title="a", unit="um", pixel_width=0.65)
            if not from_imageplus(to_imageplus(image)).identical(image):
                wrong.append(f"{dtype} {dims}")
    return wrong


def test_images_survive(own_process: Any) -> None:
    assert own_process(_round_trip) == []


def _manager() -> tuple[list[str], bool]:
    from scyjava import jimport

    from imagej_dl.fiji import roi_manager

    fiji.start(display=True)
    mine = jimport("ij.gui.Roi")(1, 2, 3, 4)
    mine.setName("mine")
    roi_manager.manager().addRoi(mine)
    labels = np.zeros((20, 20), np.uint16)
    labels[3:9, 4:12] = 1
    labels[12:18, 2:9] = 7
    ours = rois.trace(labels)
    roi_manager.add(ours)
    back = roi_manager.contents()
    same = np.array_equal(rois.label_map(back[1:], images.make(labels))[0], labels)
    return [roi.name for roi in back], same


@pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")
def test_roi_manager_keeps_the_users(own_process: Any) -> None:
    names, same = own_process(_manager)
    assert names == ["mine", "label-0001", "label-0007"]
    assert same


def _engines(folder: str, key: str) -> tuple[set, set, dict, dict]:
    labels = images.read_labels(Path(folder, "detections.tif"))
    movie = images.read(Path(folder, "movie.tif"))
    settings = tracking.make_settings("SPARSE_LAP_TRACKER", {key: True} if key else {})
    found = []
    for engine in ("trackmate", "embedded"):
        tracks = tracking.track(labels, movie, settings, engine)  # type: ignore[arg-type]
        assert tracks.engine == engine
        found.append(tracks)
    pairs = [set(zip(t.edges["source"], t.edges["target"], strict=True)) for t in found]
    return pairs[0], pairs[1], found[0].counts, found[1].counts


@pytest.mark.parametrize("key", ["", "ALLOW_TRACK_SPLITTING", "ALLOW_TRACK_MERGING"])
@pytest.mark.parametrize("movie", ["movie", "movie-dense"])
def test_both_engines_agree(own_process: Any, shared_data: Path, movie: str, key: str) -> None:
    theirs, ours, counts, our_counts = own_process(_engines, str(shared_data / movie), key)
    assert len(theirs) > 600
    assert theirs == ours
    assert counts == our_counts


def _has_contour(spot: Any) -> bool:
    # TrackMate 8 has a class of spots with a contour; in version 7 the contour is in the spot.
    if str(spot.getClass().getSimpleName()) == "SpotRoi":
        return True
    return hasattr(spot, "getRoi") and spot.getRoi() is not None


def _trackmate_reads(xml: str) -> dict[str, Any]:
    from scyjava import jimport

    fiji.start()
    reader = jimport("fiji.plugin.trackmate.io.TmXmlReader")(jimport("java.io.File")(xml))
    model = reader.getModel()
    imp = reader.readImage()
    settings = reader.readSettings(imp)
    spots = list(model.getSpots().iterable(True))
    return {
        "ok": bool(reader.isReadingOk()),
        "error": str(reader.getErrorMessage()),
        "spots": len(spots),
        "edges": int(model.getTrackModel().edgeSet().size()),
        "tracks": int(model.getTrackModel().nTracks(True)),
        "contours": sum(_has_contour(spot) for spot in spots),
        "unit": str(model.getSpaceUnits()),
        "tracker": str(settings.trackerFactory.getKey()),
        "splitting": bool(settings.trackerSettings.get("ALLOW_TRACK_SPLITTING")),
        "image": (str(imp.getTitle()), int(imp.getNFrames())),
    }


def test_trackmate_reads_the_embedded_engines_file(
    own_process: Any, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "movie" / "detections.tif"
    labels = images.read_labels(source)
    movie = shared_data / "movie" / "movie.tif"
    tracks = tracking.track(labels, images.read(movie), engine="embedded", image_path=movie)
    tracking.write(tracks, tmp_path / "out")
    seen = own_process(_trackmate_reads, str(tmp_path / "out" / "tracks.xml"))
    assert seen["ok"], seen["error"]
    counts = tracks.counts
    assert (seen["spots"], seen["edges"], seen["tracks"]) == (
        counts["spots"],
        counts["links"],
        counts["tracks"],
    )
    assert seen["contours"] == counts["spots"]
    assert seen["unit"] in ("um", "µm")
    assert seen["tracker"] == "SPARSE_LAP_TRACKER"
    assert seen["splitting"]
    assert seen["image"] == ("movie.tif", 40)


def _trackmate_file(folder: str, out: str) -> dict[str, int]:
    labels = images.read_labels(Path(folder, "detections.tif"))
    movie = Path(folder, "movie.tif")
    tracks = tracking.track(labels, images.read(movie), engine="trackmate", image_path=movie)
    tracking.write(tracks, out)
    return tracks.counts


def test_our_reader_reads_trackmates_file(
    own_process: Any, shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "movie"
    counts = own_process(_trackmate_file, str(folder), str(tmp_path / "out"))
    back = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert back.counts == counts
    table = pd.read_csv(tmp_path / "out" / "edges.csv")
    assert len(table) == counts["links"]


def _window(xml: str) -> tuple[list[str], list[str]]:
    """Open a TrackMate file; return the titles of the open images and of the visible frames."""
    import time

    from scyjava import jimport

    from imagej_dl.fiji import trackmate

    fiji.start(display=True)
    trackmate.open_window(Path(xml))
    manager, frame = jimport("ij.WindowManager"), jimport("java.awt.Frame")
    # Swing shows windows on its own thread.
    for _ in range(100):
        frames = [str(f.getTitle()) for f in frame.getFrames() if f.isVisible()]
        if any("TrackMate" in title for title in frames):
            break
        time.sleep(0.1)
    return [str(title) for title in manager.getImageTitles()], frames


@pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")
def test_trackmates_window_opens_the_embedded_engines_file(
    own_process: Any, shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "movie"
    movie = folder / "movie.tif"
    labels = images.read_labels(folder / "detections.tif")
    tracks = tracking.track(labels, images.read(movie), engine="embedded", image_path=movie)
    tracking.write(tracks, tmp_path / "out")
    opened, frames = own_process(_window, str(tmp_path / "out" / "tracks.xml"))
    assert opened == ["movie.tif"]
    assert any("TrackMate" in title for title in frames), frames
