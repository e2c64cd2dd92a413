"""Cut and damaged tables of tracks are named, whatever they hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import lineages
import pytest

from imagej_dl import UserError, ctc, tracking
from imagej_dl.filesystem import safe_xml
from imagej_dl.tracking.corrections import automatic_result


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracks") / "result"
    frames = [{1: (10, 10), 2: (30, 40)}, {1: (12, 10), 2: (31, 42)}, {1: (13, 11), 2: (33, 43)}]
    tracking.write(tracking.track(lineages.movie(*frames), engine="embedded"), folder)
    automatic_result.read(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spots.csv", "edges.csv"])
def test_cut_anywhere(result: Path, tmp_path: Path, name: str) -> None:
    whole = (result / name).read_bytes()
    shutil.copytree(result, tmp_path / "cut")
    refused = 0
    for size in range(0, len(whole) - 1, max(1, len(whole) // 60)):
        (tmp_path / "cut" / name).write_bytes(whole[:size])
        try:
            automatic_result.read(tmp_path / "cut")
        except UserError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("spots.csv", b"\n1,", b"\n99999999999999999999,"),
        ("spots.csv", b"\n1,", b"\nx,"),
        ("edges.csv", b"\n0,", b"\n1e400,"),
        ("edges.csv", b"\n0,", b"\n,"),
        ("edges.csv", b"source", b"sauce"),
        ("edges.csv", b"\n0,", b"\n\x00\xff,"),
    ],
)
def test_changed(result: Path, tmp_path: Path, name: str, old: bytes, new: bytes) -> None:
    shutil.copytree(result, tmp_path / "changed")
    text = (result / name).read_bytes()
    assert old in text
    (tmp_path / "changed" / name).write_bytes(text.replace(old, new, 1))
    with pytest.raises(UserError, match="not a complete result"):
        automatic_result.read(tmp_path / "changed")


@pytest.mark.parametrize(
    "text",
    ["1 0 99999999999999999999 0\n", "1 0 -9223372036854775809 0\n", "9" * 5000 + " 0 1 0\n"],
)
def test_numbers_beyond_64_bits(tmp_path: Path, text: str) -> None:
    (tmp_path / "res_track.txt").write_text(text)
    with pytest.raises(UserError, match="is not a table of tracks"):
        ctc.read_tracks(tmp_path / "res_track.txt")


def test_identifiers_that_are_missing_on_both_sides(result: Path, tmp_path: Path) -> None:
    shutil.copytree(result, tmp_path / "changed")
    for name in ("spots.csv", "edges.csv"):
        text = (result / name).read_bytes()
        (tmp_path / "changed" / name).write_bytes(text.replace(b"\n0,", b"\n,", 1))
    with pytest.raises(UserError, match="not a complete result"):
        automatic_result.read(tmp_path / "changed")


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'frame="1"', b'frame="4294967296"'), (b'width="60"', b'width="99999999999"')],
)
def test_movie_of_absurd_size(result: Path, tmp_path: Path, old: bytes, new: bytes) -> None:
    text = (result / "tracks.xml").read_bytes()
    text = text.replace(b'FRAME="1"', b'FRAME="4294967296"') if b"frame" in old else text
    text = text.replace(old, new)
    (tmp_path / "tracks.xml").write_bytes(text)
    assert new in text or b"4294967296" in text
    with pytest.raises(UserError, match="damaged TrackMate file"):
        tracking.read_trackmate(tmp_path / "tracks.xml")


@pytest.mark.parametrize("name", ["x-none", "U0F-8", "utf-7", "idna", "hex", ""])
def test_unknown_encodings(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.xml").write_text(f'<?xml version="1.0" encoding="{name}"?><TrackMate/>')
    with pytest.raises(UserError, match="is not well-formed XML"):
        safe_xml.parse(tmp_path / "a.xml")


def test_files_of_the_data_folder(shared_data: Path) -> None:
    attack = shared_data / "faults" / "attack"
    with pytest.raises(UserError, match="not a complete result"):
        automatic_result.read(attack / "auto_trunc")
    with pytest.raises(UserError, match="is not a table of tracks"):
        ctc.read(attack / "01_RES")
    with pytest.raises(UserError, match="is not well-formed XML"):
        tracking.read_trackmate(attack / "bad_encoding.xml")
