"""The areas that simplify counts are the pixels that ImageJ's rule fills."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from imagej_dl.geometry import contours, rasterize, rings, simplify


def test_a_traced_outline_counts_its_pixels_and_those_of_its_holes() -> None:
    random = np.random.default_rng(0)
    compared = 0
    for _ in range(40):
        smooth = ndi.gaussian_filter(random.random((50, 60)), 1.2)
        numbered = contours.components((smooth > 0.5).astype(np.uint16)[None])
        outlines, _, pixels = contours.trace(numbered)
        areas = simplify.as_traced(outlines)[1]
        inner = numbered[0, 1:-1, 1:-1]
        touching = set(rings.trace(numbered).touching.tolist())  # outlined by another convention
        for area, component in zip(areas, inner.reshape(-1)[pixels].tolist(), strict=True):
            if component not in touching:
                assert area == ndi.binary_fill_holes(inner == component).sum()
                compared += 1
    assert compared > 300


def test_simplified_areas_are_those_of_the_mask() -> None:
    labels = np.zeros((1, 40, 60), np.uint16)
    y, x = np.mgrid[:40, :60]
    labels[0][(x - 15) ** 2 + (y - 20) ** 2 < 110] = 1
    labels[0][(x - 42) ** 2 / 4 + (y - 18) ** 2 < 40] = 2
    outlines, _, _ = contours.trace(contours.components(labels))
    polygons, areas = simplify.simplify(outlines)
    assert len(polygons) == 2
    for polygon, area, label in zip(polygons, areas, (1, 2), strict=True):
        assert abs(int(area) - np.count_nonzero(labels == label)) < 0.1 * area
        size = np.array([len(polygon)])
        box = np.array([[0, 0, 60, 40]])
        one = rasterize.Outlines(*polygon.T, size, np.zeros(1, np.int64), box)
        assert abs(int(rasterize.fill(one).lengths.sum()) - int(area)) < 0.05 * area
