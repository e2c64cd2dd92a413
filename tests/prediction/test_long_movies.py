"""A movie larger than the memory goes through plane by plane, from file to file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from image_models import identity, to_image

from imagej_dl import images
from imagej_dl.images import array_storage, memory_maps
from imagej_dl.prediction import predict_image

pytestmark = [
    pytest.mark.tf,
    pytest.mark.usefixtures("to_image"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of memory"),
]
__all__ = ["to_image"]
FRAMES, SIDE = 64, 256


def resident(array: np.ndarray) -> int:
    """Return the bytes of a memory map that are in memory."""
    address = array.__array_interface__["data"][0]
    within = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        head = line.split()[0]
        if "-" in head and not head.endswith(":"):
            low, high = (int(end, 16) for end in head.split("-"))
            within = low <= address < high
        elif within and head == "Rss:":
            return int(line.split()[1]) * 1024
    raise LookupError("no such map")


@pytest.mark.thorough(except_for=["1-plane"])
@pytest.mark.parametrize(("channels", "scope"), [(1, "plane"), (2, "plane"), (1, "video")])
def test_neither_the_movie_nor_its_result_is_held(tmp_path, monkeypatch, channels, scope):
    shape = (FRAMES, channels, SIDE, SIDE)
    array = np.memmap(tmp_path / "movie", np.uint16, "w+", shape=shape)
    rng = np.random.default_rng(0)
    for frame in array:
        frame[:] = rng.integers(0, 4000, frame.shape)
    movie = images.make(array if channels > 1 else array[:, 0], "TCYX" if channels > 1 else "TYX")
    monkeypatch.setattr(array_storage, "_IN_MEMORY", 1000)
    assert resident(array) == array.nbytes
    most = 0

    def watch(stage: str, done: int, total: int) -> None:
        nonlocal most
        if done > (0 if scope == "video" else 3):  # the first frames were there before
            most = max(most, resident(array))

    made = predict_image(
        identity(channels, normalisation=images.Normalisation(scope=scope)),
        movie,
        progress=watch,
        batch=4,
    )
    assert memory_maps.mapped(made.data)
    assert resident(made.data) <= 8 * made.data.nbytes / FRAMES
    assert most <= 8 * array.nbytes / FRAMES
    np.testing.assert_allclose(made.data[::20], movie.data[::20], atol=0.002)
    images.write(made, tmp_path / "made.tif")
    assert resident(made.data) <= 8 * made.data.nbytes / FRAMES
    np.testing.assert_array_equal(images.read(tmp_path / "made.tif").data, made.data)
