"""Shared memory of killed workers is given back by the next one, with what ImageJ gave them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.filesystem import temporaries
from imagej_dl.worker import shared_memory as shared

LISTED = Path("/dev/shm")
pytestmark = pytest.mark.skipif(not LISTED.is_dir(), reason="shared memory is not listed here")

KILLED = """
import os, signal, sys
import numpy as np
from multiprocessing import resource_tracker
from types import SimpleNamespace
from imagej_dl import images
from imagej_dl.worker import shared_memory as shared
made = shared.share(images.make(np.ones((8, 8), np.uint8)))
given = SimpleNamespace(name=sys.argv[1], close=lambda: None)
array = SimpleNamespace(ndarray=lambda: np.ones((1, 1, 1, 4, 4), np.uint8), shm=given)
about = {"title": "x", "pixel_width": 1.0, "pixel_height": 1.0, "pixel_depth": 1.0, "unit": "pixel"}
shared.to_image(array, {**about, "frame_interval": 0.0})
resource_tracker.unregister(made["array"].shm._name, "shared_memory")  # as Appose's worker does
print(made["array"].shm.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_what_a_killed_worker_left_is_removed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    given = SharedMemory(create=True, size=16)  # as ImageJ does, which is killed, too
    other = SharedMemory(create=True, size=16)  # another program's
    try:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, given.name], capture_output=True, text=True, check=False
        )
        left = LISTED / done.stdout.strip()
        assert left.is_file(), done.stderr
        monkeypatch.setattr(temporaries, "_swept", {})
        made = shared.share(images.make(np.ones((8, 8), np.uint8)))
        assert not left.exists()
        assert not (LISTED / given.name).exists()
        assert (LISTED / other.name).exists()
        mine = LISTED / made["array"].shm.name
        assert mine.is_file()
        shared.release()
        assert not mine.exists()
        assert not list(LISTED.glob(f"*{given.name}"))
    finally:
        for block in (given, other):
            block.close()
            with suppress(FileNotFoundError):
                block.unlink()
