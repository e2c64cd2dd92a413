"""Outputs of a network that learns embeddings, made by formula."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from imagej_dl.methods.base import Truth
from imagej_dl.methods.embeddings import Embeddings


def discs(seed=0, shape=(64, 64), count=6, radius=(3, 9)):
    """A label map of discs, of which later ones cover others, some at the border."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint16)
    y, x = np.indices(shape)
    for label in range(1, count + 1):
        cy, cx = rng.uniform(0, shape)
        labels[np.hypot(y - cy, x - cx) < rng.uniform(*radius)] = label
    return labels


def ideal(labels, method=None, sigma=1.0):
    """The output that tells a label map exactly; `sigma` in px."""
    method = method or Embeddings()
    target = method.targets(Truth(labels, 0))
    inside = target[..., :1] > 0
    pixel = np.stack(np.indices(labels.shape), -1)
    offset = np.where(inside, (target[..., 1:] - pixel) / method.length, 0)
    spread = np.full((*labels.shape, 2), np.log(sigma / method.length))
    return np.concatenate([offset, spread, inside], -1).astype(np.float32)


def uncertain(seed=0, shape=(331, 417), share=0.35, scale=4.0):
    """An output with clumps, in which neighbours contend for pixels: nothing is clear in it."""
    rng = np.random.default_rng(seed)

    def waves(sigma):
        noise = ndi.gaussian_filter(rng.normal(size=shape), sigma)
        return noise / noise.std()

    height = waves(scale)
    seeds = 1 / (1 + np.exp(-3 * (height - np.quantile(height, 1 - share))))
    uphill = np.gradient(ndi.gaussian_filter(height, scale / 2))
    offsets = [0.8 * scale * step + 0.15 * waves(1) for step in uphill]
    spreads = [np.log(0.4) + 0.25 * waves(2) for _ in "yx"]
    seeds = np.clip(seeds + 0.03 * rng.normal(size=shape), 0.001, 0.999)
    return np.stack([*offsets, *spreads, seeds], -1).astype(np.float32)
