"""What TensorBoard's pictures of each method show: object, size, direction, class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from embedded import ideal as embedding

from imagej_dl.methods.base import Method, Truth
from imagej_dl.methods.distance import Distance
from imagej_dl.methods.embeddings import Embeddings
from imagej_dl.methods.flows import Flows
from imagej_dl.methods.star_convex import StarConvex

LARGE, SMALL = (20, 22, 12), (20, 50, 5)
"""Two discs: y, x, radius."""


def discs() -> np.ndarray:
    y, x = np.indices((40, 64))
    labels = np.zeros((40, 64), np.uint16)
    for number, (cy, cx, radius) in enumerate((LARGE, SMALL), 1):
        labels[np.hypot(y - cy, x - cx) < radius] = number
    return labels


def shown(method: Method, output: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures (Y, X) of an output, the first of two planes; the second is empty."""
    empty = np.zeros_like(output)
    if isinstance(method, Distance):
        empty[..., 0] = 1
    found = method.pictures(np.stack((output, empty)))
    for name, picture in found.items():
        assert picture.shape == (2, 40, 64, 1), name
        assert picture.dtype == np.float32, name
        assert picture.min() >= 0, name
        assert picture.max() <= 1, name
        assert np.ptp(picture[1]) == 0, name
    return {name: picture[0, ..., 0] for name, picture in found.items()}


def targets(method: Method, labels: np.ndarray) -> np.ndarray:
    made = method.targets(Truth(np.pad(labels, method.margin), method.margin))
    return np.eye(4, dtype=np.float32)[made] if method.target_kind == "classes" else made


def around(centre: tuple[int, int, int]) -> dict[str, tuple[int, int]]:
    """Pixels halfway between the centre of a disc and its outline."""
    y, x, radius = centre
    far = round(radius / 2)
    return {
        "above": (y - far, x),
        "below": (y + far, x),
        "left": (y, x - far),
        "right": (y, x + far),
    }


@pytest.mark.parametrize("method", [StarConvex(), Flows(), Embeddings(), Distance()])
def test_the_object_is_bright_inside_and_black_outside(method: Any) -> None:
    labels = discs()
    output = (
        embedding(labels, method) if isinstance(method, Embeddings) else targets(method, labels)
    )
    names = {"star_convex": "probability", "embeddings": "seed"}
    picture = shown(method, output)[names.get(method.name, "object")]
    assert (picture[labels == 0] == 0).all()
    assert (picture[labels > 0] > 0).all()
    for y, x, _ in (LARGE, SMALL):
        assert picture[y, x] == picture[labels == labels[y, x]].max() > 0.9


def test_the_mean_distance_is_larger_in_larger_objects() -> None:
    picture = shown(StarConvex(), targets(StarConvex(), discs()))["distance"]
    assert picture.max() == 1
    large, small = (picture[y, x] for y, x, _ in (LARGE, SMALL))
    assert large > 0.75
    assert small / large == pytest.approx(SMALL[2] / LARGE[2], rel=0.1)
    assert (picture[discs() == 0] == 0).all()
    assert StarConvex().pictures(np.zeros((1, 4, 4, 33), np.float32))["distance"].max() == 0
    assert (StarConvex().pictures(np.full((1, 4, 4, 33), -1.0))["distance"] == 0).all()


@pytest.mark.parametrize("disc", [LARGE, SMALL])
def test_flows_are_bright_where_they_go_down_or_right(disc: tuple[int, int, int]) -> None:
    labels, at = discs(), around(disc)
    found = shown(Flows(), targets(Flows(), labels))
    down, right = found["flow_y"], found["flow_x"]
    for picture in (down, right):
        assert (picture[labels == 0] == 0.5).all()
    # To the centre: down from above it, right from the left of it.
    assert down[at["above"]] > 0.9
    assert down[at["below"]] < 0.1
    assert right[at["left"]] > 0.9
    assert right[at["right"]] < 0.1
    for place in ("left", "right"):
        assert down[at[place]] == pytest.approx(0.5, abs=0.1)
    for place in ("above", "below"):
        assert right[at[place]] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("disc", [LARGE, SMALL])
def test_offsets_are_as_bright_as_the_centre_is_far_down_or_right(
    disc: tuple[int, int, int],
) -> None:
    method, labels, at = Embeddings(), discs(), around(disc)
    found = shown(method, embedding(labels, method, sigma=disc[2]))
    share = round(disc[2] / 2) / method.length / 2
    down, right = found["offset_y"], found["offset_x"]
    assert down[at["above"]] == pytest.approx(0.5 + share, abs=0.06)
    assert down[at["below"]] == pytest.approx(0.5 - share, abs=0.06)
    assert right[at["left"]] == pytest.approx(0.5 + share, abs=0.06)
    assert right[at["right"]] == pytest.approx(0.5 - share, abs=0.06)
    # A sigma of the method's length is grey, a larger one brighter.
    sigma = found["log_sigma_x"][disc[0], disc[1]]
    assert sigma == pytest.approx(0.5 + np.log(disc[2] / method.length) / 2, abs=1e-3)


def test_classes_are_shades_by_their_numbers() -> None:
    labels = discs()
    picture = shown(Distance(), targets(Distance(), labels))["class"]
    y, x, radius = LARGE
    row = picture[y, x - radius - 4 : x + 1]
    shades = [0, 3 / 3, 2 / 3, 1 / 3]  # background, outer border, inner border, object
    found = list(dict.fromkeys(np.round(row, 3).tolist()))
    assert found == pytest.approx(shades, abs=1e-3)
    assert (picture[labels > 0] > 0).all()
