"""Where what is said cannot be written, there is a word and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "imagej_dl"]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_full_output(argument: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, argument], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the output cannot be written (No space")
    assert len(done.stderr.splitlines()) == 1


def test_reader_that_has_had_enough() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*COMMAND, "--help"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["1>&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
def test_closed_streams(tmp_path: Path, stream: str) -> None:
    words = f'"{sys.executable}" -m imagej_dl labels "{tmp_path / "none"}" {stream}'
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
