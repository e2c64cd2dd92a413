"""The bench of other movies: how movies are dimmed, and its table."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import other_movies


@pytest.mark.parametrize("snr", [2, 6])
def test_a_dimmed_movie_has_the_ratio_that_is_asked_for(snr):
    masks = np.zeros((2, 80, 80), np.uint16)
    masks[:, 10:40, 10:40], masks[:, 50:70, 50:70] = 1, 2
    pixels = np.where(masks > 0, 900, 100).astype(np.uint16)
    movie = other_movies.Movie(pixels, masks, np.zeros((0, 4), int), {})
    found = movie.dimmed(snr, 0).pixels.astype(float)
    beside = found[masks == 0]
    contrast = np.median(found[masks > 0]) - np.median(beside)
    assert contrast / beside.std() == pytest.approx(snr, rel=0.1)


def test_the_table_has_a_row_a_movie_and_a_column_a_share():
    one = dict.fromkeys(other_movies.COLUMNS, 0.5)
    record = {
        "pair": "real",
        "seed": 0,
        "validation_seeds": False,
        "steps_planned": 100,
        "steps": 100,
        "settings": {},
        "trained_on": "movie",
        "cores": 1,
        "load_before": 1.0,
        "load_after": 2.0,
        "scores": {"movie-dense": one},
    }
    records = [record | {"imaging": share} for share in (0.0, 0.5)]
    text = other_movies.table(records)
    assert "imaging 0 | imaging 0.5" in text
    assert "| movie-dense | 0.500, 0.500, 0.500, 0.500 | 0.500, 0.500, 0.500, 0.500 |" in text
    assert other_movies.key(records[0]) != other_movies.key(records[1])
