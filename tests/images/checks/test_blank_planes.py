"""Planes in which nothing was recorded are named where images are taken in."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from ome_sets import movie

from imagej_dl import images
from imagej_dl.errors import DataWarning
from imagej_dl.images.checks.blank_planes import warn_black
from imagej_dl.project.preparing import prepare_all


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([(3,), (4,), (5,)], "frames 4, 5, 6 of 6 are black: all pixels are 0"),
        ([(1,)], "frame 2 of 6 is black"),
        ([(slice(None), 0, 1)], "channel 2 of 2 is black"),
        ([(2, 0, 1)], "1 of its 12 planes is black"),
        ([(2, 0, 1), (0, 0, 0)], "2 of its 12 planes are black"),
        ([], ""),
        ([(slice(None),)], ""),  # all of it: nothing to compare with
    ],
)
def test_black_planes_are_named(places: list, words: str) -> None:
    stack = movie(6, 2)
    for place in places:
        stack[place] = 0
    stack[:, :, :, 4] = 0  # a row alone says nothing
    image = images.make(stack[:, 0], "TCYX")
    if words:
        with pytest.warns(DataWarning, match=rf"a\.tif: {words}"):
            warn_black(image, Path("a.tif"))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warn_black(image, Path("a.tif"))


def test_black_frames_are_said_when_an_image_is_taken_in(tmp_path: Path) -> None:
    stack = movie(5)[:, 0, 0]
    stack[3:] = 0
    (tmp_path / "Raw").mkdir()
    images.write(images.make(stack, "TYX"), tmp_path / "Raw" / "a.tif")
    with pytest.warns(DataWarning, match=r"a\.tif: frames 4, 5 of 5 are black"):
        made = prepare_all(tmp_path)
    np.testing.assert_array_equal(images.read(made[0].image), stack)


def test_a_file_that_is_cut_is_not_copied_as_it_is(tmp_path: Path) -> None:
    stack = movie(5)[:, 0, 0]
    (tmp_path / "Raw").mkdir()
    path = tmp_path / "Raw" / "a.tif"
    images.write(images.make(stack, "TYX"), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.warns(DataWarning, match="declares 5 frames, and the file has 4"):
        made = prepare_all(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(images.read(made[0].image), stack[:4])
