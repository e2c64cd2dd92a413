"""Movies with nothing to link, and files that are no TrackMate files, by the command line."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import cli, images, tracking


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run imagej-dl in this process; return its exit code and what it says."""

    def call(*words: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["imagej-dl", *map(str, words)])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return call


def _movie(path: Path, frames: int, filled: tuple[int, ...], axes: str = "TYX") -> Path:
    array = np.zeros((frames, 40, 60), np.uint16)
    for frame in filled:
        array[frame, 5:15, 5 + frame : 15 + frame] = 1
        array[frame, 25:35, 30:40] = 2
    images.write(images.make(array, axes), path)
    return path


@pytest.mark.parametrize(
    ("frames", "filled", "spots", "links"),
    [(6, (0, 1, 3, 4), 8, 6), (4, (), 0, 0), (1, (0,), 2, 0), (5, (4,), 2, 0)],
)
def test_frames_without_objects(
    tmp_path: Path,
    run: Callable[..., tuple[int, str]],
    frames: int,
    filled: tuple[int, ...],
    spots: int,
    links: int,
) -> None:
    labels, out = _movie(tmp_path / "labels.tif", frames, filled), tmp_path / "out"
    code, said = run("track", labels, "--engine", "embedded", "--out", out)
    assert code == 0, said
    assert ("one frame only" in said) == (frames == 1)
    assert ("there are no objects" in said) == (not filled)
    assert f"{spots} spots, {links} links" in said
    counts = json.loads((out / "settings.json").read_text())["counts"]
    assert tracking.read_trackmate(out / "tracks.xml").counts == counts
    assert images.read(out / "tracked.tif").sizes.get("T", 1) == frames


def _whole(tmp_path: Path) -> str:
    labels = images.read(_movie(tmp_path / "labels.tif", 3, (0, 1, 2)))
    tracking.write_trackmate(tracking.track(labels, engine="embedded"), tmp_path / "whole.xml")
    return (tmp_path / "whole.xml").read_text(encoding="utf-8")


_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    "<TrackMate><Model>&b;</Model></TrackMate>"
)


def test_a_picture_is_no_label_movie(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(90, 130, (2, 40, 60)).astype(np.uint16)
    images.write(images.make(picture, "TYX"), tmp_path / "movie.tif")
    code, said = run("track", tmp_path / "movie.tif", "--out", tmp_path / "out")
    assert code == 2
    assert "movie.tif: is not a label movie" in said
    assert "imagej-dl predict" in said


@pytest.mark.parametrize("command", ["corrections", "track"])
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("cut", 2, "is not well-formed XML"),
        ("bomb", 2, "DOCTYPE"),
        ("newer", 0, "9.9.9, which is newer"),
    ],
)
def test_files_by_the_command_line(
    tmp_path: Path,
    run: Callable[..., tuple[int, str]],
    command: str,
    name: str,
    code: int,
    words: str,
) -> None:
    text = _whole(tmp_path)
    given = {
        "cut": text[: len(text) // 2],
        "bomb": _BOMB,
        "newer": text.replace('version="8.1.7"', 'version="9.9.9"'),
    }
    file, out = tmp_path / f"{name}.xml", tmp_path / "out"
    file.write_text(given[name], encoding="utf-8")
    first: tuple[str | Path, ...] = (command, file)
    if command == "track":
        labels = tmp_path / "labels.tif"
        first = ("track", labels, "--engine", "embedded", "--settings", file)
    ended, said = run(*first, "--out", out)
    assert ended == code, said
    assert words in said
    assert f"{name}.xml" in said
    assert out.exists() == (code == 0)
