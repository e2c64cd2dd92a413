"""The measure that orders the images."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl.correction import Uncertainty


def plane(object_: float, background: float, size: int = 20, side: int = 60) -> np.ndarray:
    """Probabilities of a square object on background; of both, the rest goes to the others."""
    p = np.zeros((side, side, 3), np.float32)
    p[...] = (background, (1 - background) / 2, (1 - background) / 2)
    p[:size, :size] = ((1 - object_) / 2, object_, (1 - object_) / 2)
    return p


def test_it_goes_from_sure_to_unknown() -> None:
    values = [Uncertainty.of(plane(p, 1.0)).value for p in (1.0, 0.9, 0.7, 0.5)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0, abs=1e-3)
    assert Uncertainty.of(np.full((5, 5, 3), 1 / 3, np.float32)).value == pytest.approx(1)
    assert Uncertainty.of(np.full((5, 5, 1), 0.5, np.float32)).value == pytest.approx(1)


def test_background_makes_an_image_no_surer() -> None:
    small, large = (Uncertainty.of(plane(0.6, 0.9999, side=side)).value for side in (20, 200))
    assert large == pytest.approx(small, rel=0.05)


def test_the_entropy_by_hand() -> None:
    p = np.array([[[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]], np.float32)
    entropy = (0.5 * np.log(2) + 0.5 * np.log(4)) / np.log(3)
    found = Uncertainty.of(p)
    assert found.weight == pytest.approx(1.25)
    assert found.value == pytest.approx(0.25 * entropy / 1.25, abs=1e-5)


def test_object_alone_is_as_two_classes() -> None:
    p = np.random.default_rng(0).uniform(0, 1, (6, 6, 1)).astype(np.float32)
    both = Uncertainty.of(np.concatenate([1 - p, p], axis=-1))
    assert Uncertainty.of(p).value == pytest.approx(both.value, rel=1e-5)


def test_dim_objects_that_reach_no_threshold_are_seen() -> None:
    dim = Uncertainty.of(plane(0.2, 1.0))
    assert dim.value > Uncertainty.of(plane(0.95, 1.0)).value
    assert Uncertainty().value == 0


def test_planes_add_by_their_objects() -> None:
    a, b = Uncertainty.of(plane(0.9, 1.0)), Uncertainty.of(plane(0.5, 1.0))
    both = a + b
    assert both.entropy == a.entropy + b.entropy
    assert a.value < both.value < b.value
