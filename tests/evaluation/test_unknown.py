"""Scores where not all of the ground truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.evaluation import match


def counts(truth: np.ndarray, pred: np.ndarray, known: np.ndarray | None) -> tuple[int, int, int]:
    found = match(truth, pred, [0.5], known=known)[0]
    return found.true_positives, found.false_positives, found.false_negatives


def test_what_is_predicted_in_the_unknown_is_neither_right_nor_wrong() -> None:
    truth, pred = np.zeros((10, 40), np.uint16), np.zeros((10, 40), np.uint16)
    truth[2:8, 2:8] = 1
    truth[2:8, 12:18] = 2
    pred[2:8, 2:8] = 7  # right
    pred[2:8, 22:28] = 8  # nothing is known there
    pred[2:8, 32:38] = 9  # background
    known = truth > 0
    known[:, 31:] = True
    assert counts(truth, pred, known) == (1, 1, 1)
    assert counts(truth, pred, np.ones_like(known)) == (1, 2, 1)
    assert counts(truth, pred, None) == (1, 2, 1)


@pytest.mark.parametrize(("unknown", "expected"), [(3, (0, 1, 1)), (4, (0, 0, 0))])
def test_an_object_counts_if_half_of_it_is_known(unknown: int, expected: tuple) -> None:
    truth, pred = np.zeros((6, 20), np.uint16), np.zeros((6, 20), np.uint16)
    truth[:, :6], pred[:, 10:16] = 1, 1
    known = np.ones(truth.shape, bool)
    known[:, :unknown] = known[:, 10 : 10 + unknown] = False
    assert counts(truth, pred, known) == expected


def test_a_prediction_that_joins_a_known_object_with_the_unknown_misses_the_object() -> None:
    truth, pred = np.zeros((6, 30), np.uint16), np.zeros((6, 30), np.uint16)
    truth[:, :6], pred[:, :18] = 1, 1
    assert counts(truth, pred, truth > 0) == (0, 0, 1)


def test_another_shape_is_refused() -> None:
    with pytest.raises(UserError, match="known"):
        match(np.zeros((3, 4), int), np.zeros((3, 4), int), known=np.ones((4, 3), bool))
