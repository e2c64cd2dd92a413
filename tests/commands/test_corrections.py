"""`imagej-dl corrections`."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from imagej_dl import ctc, evaluation, images, progress, training
from imagej_dl.commands.corrections import Corrections
from imagej_dl.commands.track import Track
from imagej_dl.errors import DataWarning, UserError


def _run(**values):
    Corrections.declare(values).run(progress.silent)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A tracked movie of two cells, and the movie."""
    folder = tmp_path_factory.mktemp("corrections")
    labels = np.zeros((5, 40, 50), np.uint16)
    labels[:, 5:15, 5:15] = 1
    labels[:, 22:34, 20:34] = 2
    images.write(images.make(labels, "TYX", unit="µm", pixel_width=0.5, pixel_height=0.5,
                             frame_interval=60.0), folder / "labels.tif")  # fmt: skip
    movie = (labels * 1000 + np.arange(5)[:, None, None]).astype(np.uint16)
    images.write(images.make(movie, "TYX"), folder / "movie.tif")
    Track.declare(
        {"labels": folder / "labels.tif", "out": folder / "auto", "engine": "embedded"}
    ).run(progress.silent)
    tree = ET.parse(folder / "auto" / "tracks.xml")
    frame = next(f for f in tree.getroot().iter("SpotsInFrame") if f.get("frame") == "2")
    spot = frame[0]
    spot.set("POSITION_X", str(float(spot.get("POSITION_X")) + 2.0))
    tree.write(folder / "auto" / "corrected.xml")
    return folder


def test_truth_pairs_and_scores(result, tmp_path, capsys):
    _run(
        tracks=result / "auto" / "corrected.xml",
        image=result / "movie.tif",
        out=tmp_path / "out",
    )
    said = capsys.readouterr().out
    assert "1 spots changed" in said
    assert "the automatic result: SEG 0.9" in said
    report = json.loads((tmp_path / "out" / "corrections.json").read_text())
    assert report["frames"] == [2]
    assert report["automatic"]["DET"] == 1.0
    assert 0.9 < report["automatic"]["SEG"] < 1.0
    truth = ctc.read(tmp_path / "out" / "01_GT")
    assert truth.tracks.tolist() == [[1, 0, 4, 0], [2, 0, 4, 0]]
    np.testing.assert_array_equal(
        np.delete(truth.masks, 2, 0) > 0, np.delete(images.read(result / "labels.tif"), 2, 0) > 0
    )
    (pair,) = training.find_pairs(tmp_path / "out" / "training")
    image, mask = images.read(pair[0]), images.read(pair[1])
    assert image.max() == 2002
    np.testing.assert_array_equal(np.asarray(mask) > 0, truth.masks[2] > 0)
    assert set(np.unique(mask)) == {0, 1, 2}
    # The truth is one for `evaluate` as well.
    scores = evaluation.evaluate(result / "auto", tmp_path / "out" / "01_GT")
    assert scores.tracks["TRA"] == pytest.approx(report["automatic"]["TRA"])


def test_all_frames(result, tmp_path):
    _run(
        tracks=result / "auto" / "corrected.xml",
        image=result / "movie.tif",
        frames="all",
        out=tmp_path / "out",
    )
    assert len(training.find_pairs(tmp_path / "out" / "training")) == 5


def test_a_file_alone(result, tmp_path, capsys):
    (tmp_path / "alone.xml").write_bytes((result / "auto" / "corrected.xml").read_bytes())
    _run(tracks=tmp_path / "alone.xml", out=tmp_path / "out")
    said = capsys.readouterr().out
    assert "automatic" not in said
    assert not (tmp_path / "out" / "training").exists()
    _run(tracks=tmp_path / "alone.xml", automatic=result / "auto", out=tmp_path / "again")
    assert "1 spots changed" in capsys.readouterr().out


def test_never_into_the_automatic_result(result, tmp_path):
    tracks = result / "auto" / "corrected.xml"
    with pytest.raises(UserError):
        _run(tracks=tracks, out=result / "auto", overwrite=True)
    assert tracks.is_file()


def test_another_movie_is_refused(result, tmp_path):
    images.write(images.make(np.zeros((4, 40, 50), np.uint16), "TYX"), tmp_path / "short.tif")
    with pytest.raises(UserError, match=r"4 frames.*5 frames") as caught:
        _run(
            tracks=result / "auto" / "corrected.xml",
            image=tmp_path / "short.tif",
            out=tmp_path / "out",
        )
    assert caught.value.path == str(tmp_path / "short.tif")
    assert not (tmp_path / "out").exists()


def test_of_one_frame(tmp_path):
    """Whose image file has no axis of time."""
    labels = np.zeros((30, 30), np.uint16)
    labels[5:15, 5:15] = 1
    images.write(images.make(labels, "YX"), tmp_path / "labels.tif")
    values = {"labels": tmp_path / "labels.tif", "out": tmp_path / "auto", "engine": "embedded"}
    with pytest.warns(DataWarning, match="one frame only"):
        Track.declare(values).run(progress.silent)
    _run(tracks=tmp_path / "auto" / "tracks.xml", image=tmp_path / "labels.tif", frames="all",
         out=tmp_path / "out")  # fmt: skip
    written = images.read(tmp_path / "out" / "training" / "images" / "labels_t0000.tif")
    np.testing.assert_array_equal(written, labels)


def test_3d_tracks_are_refused_by_name(result, tmp_path):
    text = (result / "auto" / "tracks.xml").read_text()
    (tmp_path / "deep.xml").write_text(text.replace('nslices="1"', 'nslices="7"'))
    with pytest.raises(UserError, match=r"deep\.xml: the tracks are of a 3-D movie \(7 slices\)"):
        _run(tracks=tmp_path / "deep.xml", out=tmp_path / "out")


@pytest.mark.slow
def test_training_of_a_former_correction_goes(result, tmp_path):
    values = {"tracks": result / "auto" / "corrected.xml", "out": tmp_path / "out"}
    _run(**values, image=result / "movie.tif")
    (tmp_path / "out" / "training" / "model.txt").write_text("mine")
    _run(**values, overwrite=True)
    assert [p.name for p in (tmp_path / "out" / "training").iterdir()] == ["model.txt"]
    _run(**values, image=result / "movie.tif", overwrite=True)
    next((tmp_path / "out" / "training" / "masks").iterdir()).write_bytes(b"mine")
    with pytest.warns(DataWarning, match="training/masks in .* existed before"):
        _run(**values, overwrite=True)
    assert not (tmp_path / "out" / "training" / "images").exists()
