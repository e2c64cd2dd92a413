"""Pictures of tracks: what is in them, and that none of them needs much."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tracking"))
import lineages

from imagej_dl import images, tracking
from imagej_dl.commands.track import Track
from imagej_dl.images import Calibration
from imagej_dl.progress import silent
from imagej_dl.report import film, timeline, tracks, tree

FILES = {"tracks.png", "tracks.gif", "lineage.png", "timeline.png", "report.html"}


def made(spots: list[tuple[int, int]], links: list[tuple[int, int]], frames: int):
    """Tracks of given spots (frame, track) and links between their rows."""
    table = pd.DataFrame(spots, columns=["frame", "track_id"]).assign(
        id=lambda t: np.arange(len(t)), x=lambda t: t["track_id"] + 1.0, y=5.0, radius=2.0
    )
    pairs = np.array(links, int).reshape(-1, 2)
    edges = pd.DataFrame({"source": pairs[:, 0], "target": pairs[:, 1], "cost": 1.0})
    edges["track_id"] = table["track_id"].to_numpy()[pairs[:, 0]]
    calibration = Calibration()
    shape = (frames, 40, 60)
    return tracking.Tracks(
        table, edges, [], tracking.default_settings(), "embedded", shape, calibration
    )


def parallel(count: int, frames: int = 5):
    """Tracks beside each other, none of which divides, one frame shorter from each to the next."""
    spots, links = [], []
    for track in range(count):
        for frame in range(frames):
            if frame:
                links.append((len(spots) - 1, len(spots)))
            spots.append((frame, track))
    return made(spots, links, frames)


def test_events_are_counted_in_their_frames():
    found = timeline.events(tracking.track(lineages.division(), engine="embedded"))
    assert found["objects"].tolist() == [2, 2, 2, 3, 3, 3]
    assert found["divisions"].tolist() == [0, 0, 1, 0, 0, 0]
    assert not any(found[name].any() for name in ("merges", "tracks begin", "tracks end"))
    settings = tracking.make_settings("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_MERGING": True})
    found = timeline.events(tracking.track(lineages.merge(), None, settings, "embedded"))
    assert found["merges"].tolist() == [0, 0, 0, 1, 0, 0]


def test_daughters_stand_left_and_right_of_their_mother():
    found = tracking.track(lineages.division(), engine="embedded")
    segments, crossing = tree._segments(found)
    roots = tree._chosen(segments, 9)
    column, leaves = tree._columns(segments, roots)
    mother = next(n for n in roots if segments[n].children)
    left, right = (column[n] for n in segments[mother].children)
    assert (segments[mother].begin, segments[mother].end) == (0, 2)
    assert left < column[mother] < right
    assert leaves == 3
    assert crossing == []


def test_a_merge_is_a_link_across_trees():
    settings = tracking.make_settings("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_MERGING": True})
    found = tracking.track(lineages.merge(), None, settings, "embedded")
    _, crossing = tree._segments(found)
    assert [row[2:] for row in crossing] == [(2, 3)]
    assert tree.tree(found)[0].std() > 0


def test_of_many_tracks_some_are_drawn_and_it_is_said():
    picture, words = tree.tree(parallel(2000))
    assert f"{tree.LINES} of 2000 trees are shown" in words
    assert picture.shape[1] < 3000
    assert "are shown" not in tree.tree(parallel(3))[1]


def test_a_tree_wider_than_the_room_is_drawn_whole():
    spots = [(0, 0), *((1, 0) for _ in range(30)), (0, 1), (1, 1)]
    found = made(spots, [*((0, n) for n in range(1, 31)), (31, 32)], 2)
    picture, words = tree.tree(found, lines=9)
    assert "1 of 2 trees" in words
    assert picture.std() > 0


@pytest.mark.slow
def test_every_picture_of_2000_tracks(tmp_path):
    found = parallel(2000)
    tracks.write(found, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} - {"tracks.mp4"} == FILES


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:there is one frame only")
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("objects", [{}, {1: (10, 10)}])
def test_few_frames_and_no_objects(tmp_path, frames, objects):
    labels = lineages.movie(*[objects] * frames)
    found = tracking.track(labels, engine="embedded")
    tracks.write(found, tmp_path, images.with_data(labels, np.asarray(labels) * 50))
    with Image.open(tmp_path / "tracks.gif") as gif:
        assert gif.n_frames in (1, frames)  # equal frames are one in a GIF


@pytest.mark.slow
def test_only_spots_without_a_track(tmp_path):
    found = made([(0, -1), (1, -1)], [], 2)
    tracks.write(found, tmp_path)
    assert (tmp_path / "lineage.png").stat().st_size > 1000


def test_the_film_shows_the_movie_and_what_moves():
    labels = lineages.division()
    found = tracking.track(labels, engine="embedded")
    image = images.with_data(labels, np.zeros(labels.shape, np.uint16))
    pictures = list(film.film(found, image))
    assert len(pictures) == 6
    assert max(pictures[0].shape) == film.SIDE
    scale = film.SIDE / 60
    # The outline of the daughter that begins in frame 3 at x 27 … 34, y 20 … 27.
    y, x = (slice(int(19 * scale), int(29 * scale)), slice(int(33 * scale), int(36 * scale)))
    assert pictures[3][y, x].max() > 100
    assert pictures[2][y, x].max() < 60


def test_channels_and_no_image():
    labels = lineages.division()
    found = tracking.track(labels, engine="embedded")
    two = np.stack([np.asarray(labels) * 9, np.zeros(labels.shape)], 1)
    first = film.over(found, images.with_data(labels, two, "TCYX"))
    one = film.over(found, images.with_data(labels, two[:, 0]))
    assert np.array_equal(first, one)
    assert film.over(found).shape == one.shape


def test_long_films_are_thinned():
    assert film.shown(30) == range(30)
    assert len(film.shown(1000)) <= film.FRAMES
    assert film.shown(1)[0] == 0


def test_film_as_gif_and_mp4(tmp_path):
    frames = [np.full((41, 61, 3), level, np.uint8) for level in (0, 120, 250)]
    film.write(frames, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 3
        assert gif.size == (61, 41)
    if not film.has_mp4():
        pytest.skip("MP4 needs imageio-ffmpeg, which is not installed")
    import imageio_ffmpeg

    film.write(frames, tmp_path / "b.gif", tmp_path / "b.mp4")
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "b.mp4"))[0] == 3


@pytest.mark.slow
def test_command(tmp_path):
    images.write(lineages.division(), tmp_path / "labels.tif")
    values = {"labels": tmp_path / "labels.tif", "engine": "embedded", "pictures": True}
    Track.declare({**values, "out": tmp_path / "out"}).run(silent)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= FILES
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 3
    assert page.count("data:image/gif") == 1
    assert "<td>divisions</td><td>1</td>" in page


@pytest.mark.parametrize("size", [(3, 1600), (1600, 1)])
def test_of_few_rows_or_columns(tmp_path, size):
    """Such as a kymograph or a channel of a microfluidic device: pictures of two pixels or more."""
    labels = np.zeros((2, *size), np.uint16)
    labels[:, :1, :1] = 1
    found = tracking.track(images.make(labels, "TYX"), engine="embedded")
    film.write(film.film(found), tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as still:
        assert sorted(still.size)[0] >= 2


def test_times_of_frames():
    """Products of decimal fractions are a bit less than they should be: 100 · 0.29 s are 29 s."""
    found = made([(0, 0)], [], 200)
    for interval, frame, words in (
        (60.0, 61, "1 h 01 min 00 s"),
        (0.29, 100, "0 h 00 min 29.00 s"),
        (0.005, 3, "0 h 00 min 00.015 s"),
        (59.999, 1, "0 h 01 min 00.00 s"),
        (0.0, 5, ""),
    ):
        timed = replace(found, calibration=Calibration(frame_interval=interval))
        assert film._time(timed, frame).strip() == words
