"""A named pipe, a device or a folder in the place of a file is refused at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagej_dl import UserError, files, images, npz, rois, safe_xml, suite, tracking
from imagej_dl.models.folder import load_config
from imagej_dl.tracking import ctc

READERS: dict[str, Callable[[Path], Any]] = {
    "a.tif": images.read,
    "b.tif": images.scenes_of,
    "a.png": images.read,
    "a.stk": images.read,
    "l.tif": images.read_labels,
    "a.zip": rois.read,
    "a.roi": rois.read,
    "a.csv": rois.read_names,
    "a.json": files.load_json,
    "t.json": tracking.read_settings,
    "a.xml": safe_xml.parse,
    "t.xml": tracking.read_trackmate,
    "s.json": suite.read,
    "v.csv": suite.read_relation,
    "res_track.txt": ctc.read_tracks,
    "a.npz": npz.read,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", READERS)
def test_pipes_are_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="is a named pipe, not a file"):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize("name", READERS)
def test_folders(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="folder"):
        READERS[name](tmp_path / name)


@pytest.mark.parametrize("name", READERS)
def test_links_in_a_circle(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / name)
    with pytest.raises((UserError, OSError)):
        READERS[name](tmp_path / name)


def test_devices_and_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").symlink_to("/dev/zero")
    with pytest.raises(UserError, match="is a device"):
        files.load_json(tmp_path / "a.json")
    monkeypatch.chdir(tmp_path)  # names of sockets may have about 100 characters
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("b.json")
        with pytest.raises(UserError, match="is a socket"):
            files.load_json(tmp_path / "b.json")


def test_pipe_as_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(UserError):
        load_config(tmp_path)
