"""A named pipe, a device or a folder in the place of a file is refused at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from imagej_dl import UserError, ctc, images, rois, suite, tracking
from imagej_dl.filesystem import atomic, npz, safe_xml
from imagej_dl.models.folder import load_config

READERS: dict[str, Callable[[Path], Any]] = {
    "a.tif": images.read,
    "b.tif": images.scenes_of,
    "a.png": images.read,
    "a.stk": images.read,
    "l.tif": images.read_labels,
    "a.zip": rois.read,
    "a.roi": rois.read,
    "a.csv": rois.read_names,
    "a.json": atomic.load_json,
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
        atomic.load_json(tmp_path / "a.json")
    monkeypatch.chdir(tmp_path)  # names of sockets may have about 100 characters
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("b.json")
        with pytest.raises(UserError, match="is a socket"):
            atomic.load_json(tmp_path / "b.json")


def test_pipe_as_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(UserError):
        load_config(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_among_images_is_not_waited_for(tmp_path: Path) -> None:
    for suffix in ("tif", "png"):
        os.mkfifo(tmp_path / f"pipe.{suffix}")
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), np.uint8))
    code = (
        "import sys; from pathlib import Path; from imagej_dl import images\n"
        "from imagej_dl.errors import UserError\n"
        "from imagej_dl.images import grey_rgb\n"
        "folder = Path(sys.argv[1]); assert len(images.find([folder])) == 3\n"
        "for name in ('pipe.tif', 'pipe.png'):\n"
        "    assert images.find([folder / name]) == [folder / name]\n"
        "    for read in (images.read, images.read_labels, grey_rgb.may_be_coloured):\n"
        "        try: read(folder / name)\n"
        "        except UserError as error: assert 'named pipe' in str(error)\n"
        "        else: raise AssertionError(name)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
