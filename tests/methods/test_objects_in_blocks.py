"""Objects that blocks find on their own are those of the whole plane, pixel for pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.errors import UserError
from imagej_dl.methods.shared import block_objects, watershed_blocks, windows
from imagej_dl.methods.shared.block_objects import BlockFinder
from imagej_dl.methods.shared.postprocessing import instances_with_dropped, object_evidence
from imagej_dl.methods.shared.postprocessing_settings import Instances
from imagej_dl.methods.shared.star_blocks import StarBlocks
from imagej_dl.methods.shared.star_polygons import StarObjects, StarPolygons
from imagej_dl.methods.shared.watershed_blocks import WatershedBlocks


def joined(finder: BlockFinder, output: np.ndarray, side: int) -> tuple[np.ndarray, int, float]:
    """Return the label map of all blocks, the number left out, and the largest window's share."""
    shape = output.shape[:2]
    kept, widest = finder.keep(output, (0, 0)), 0.0

    def read(window: windows.Place) -> dict[str, np.ndarray]:
        nonlocal widest
        area = np.prod([span.stop - span.start for span in window])
        widest = max(widest, float(area / np.prod(shape)))
        if finder.layout == "raster":
            return {key: np.array(values[window]) for key, values in kept.items()}
        inside = np.ones(len(kept["points"]), bool)
        for axis, span in enumerate(window):
            inside &= (kept["points"][:, axis] >= span.start) & (
                kept["points"][:, axis] < span.stop
            )
        return {key: values[inside] for key, values in kept.items()}

    blocks = windows.blocks(shape, side)
    found = [finder.find(block, read, finder.facts(kept)) for block in blocks]
    order = np.concatenate([one.order for one in found])
    ids = np.zeros(len(order), np.uint32)
    ids[np.lexsort(order.T[::-1])] = np.arange(1, len(order) + 1)
    labels, first = np.zeros(shape, np.uint32), 0
    for one in found:
        one.paint(labels, (0, 0), ids[first : first + len(one.order)])
        first += len(one.order)
    return labels, sum(one.left_out for one in found), widest


def classes(seed: int, shape: tuple[int, int], background: float, coarse: float) -> np.ndarray:
    """Return probabilities of three classes, random and smooth."""
    rng = np.random.default_rng(seed)
    values = ndi.gaussian_filter(rng.normal(size=(*shape, 3)), (coarse, coarse, 0))
    values /= values.std()
    values[..., 0] += background
    values = np.exp(2 * values)
    return (values / values.sum(-1, keepdims=True)).astype(np.float32)


CASES: list[tuple[float, float, dict[str, Any]]] = [
    # Almost all of it is one region: no window holds it, and its objects are decided all the same.
    (-2.0, 1.5, {}),
    (-1.0, 2.0, {"joining": 0.5, "least_mean": 0.8, "fill_holes": False}),
    (0.0, 3.0, {"closing": 2, "region_erosion": 1, "minimum_area": 30}),
    (0.5, 2.0, {"smoothing": 0.0, "drop_edge": True, "minimum_area": 10}),
    (0.5, 2.0, {"split": False}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("background", "coarse", "settings"), CASES)
def test_watershed(
    background: float, coarse: float, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watershed_blocks, "_MARGIN", 12)
    shape, how = (170, 200), Instances(**settings)
    output = classes(4, shape, background, coarse)
    whole, left_out = instances_with_dropped(output, how)
    assert whole.max() > 20
    labels, dropped, widest = joined(WatershedBlocks(shape, how, object_evidence), output, 48)
    assert np.array_equal(labels, whole)
    assert dropped == left_out
    if background == -2.0:
        assert (whole > 0).mean() > 0.9
        assert widest < 0.9


def test_an_object_wider_than_blocks_is_whole() -> None:
    """A ring around all blocks, a bar through all of them, and objects in the ring's hole."""
    level = np.zeros((180, 180), np.float32)
    level[5:175, 5:175] = 1
    level[12:168, 12:168] = 0
    level[88:94, 20:160] = 1
    level[40:52, 40:60] = 1
    output = np.stack([1 - level, level], -1)
    how = Instances(split=False, fill_holes=True)
    whole, _ = instances_with_dropped(output, how)
    labels, *_ = joined(WatershedBlocks((180, 180), how, object_evidence), output, 40)
    assert whole.max() == 3
    assert np.array_equal(labels, whole)


def test_what_no_block_may_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_objects, "LARGEST", 1)
    output = np.full((300, 300, 1), 0.9, np.float32)  # no background: nobody knows how deep it is
    finder = WatershedBlocks((300, 300), Instances(), object_evidence)
    with pytest.raises(UserError, match="more than a block may hold"):
        joined(finder, output, 40)


@pytest.mark.slow
@pytest.mark.thorough(except_for=["0.2-True"])
@pytest.mark.parametrize(("overlap", "equal"), [(0.4, False), (0.2, True)])
def test_star_convex(overlap: float, equal: bool) -> None:
    rng, shape, rays = np.random.default_rng(2), (110, 130), 8
    probability = ndi.gaussian_filter(rng.normal(size=shape), 2)
    probability = 1 / (1 + np.exp(-2 * probability / probability.std()))
    if equal:  # of the same probability the place decides
        probability = np.round(probability, 1)
    distances = ndi.gaussian_filter(rng.normal(size=(*shape, rays)), (3, 3, 1))
    distances = np.abs(2.5 + 0.8 * distances / distances.std())
    output = np.concatenate([probability[..., None], distances], -1).astype(np.float32)
    how = StarObjects(
        probability_threshold=0.9, overlap_threshold=overlap, minimum_area=8, drop_edge=equal
    )
    plane = StarPolygons(shape, rays, how)
    plane.add(0, output)
    whole = plane.finish()
    assert whole.max() > 10
    labels, dropped, widest = joined(StarBlocks(shape, how, 1.0), output, 36)
    assert widest < 0.9  # what is beyond a window counts
    assert np.array_equal(labels, whole)
    assert dropped == plane.left_out
