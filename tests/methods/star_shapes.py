"""Label maps and network outputs of star-convex objects, made by formula."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from scipy import ndimage as ndi


def one_thread() -> AbstractContextManager[Any]:
    """Let `stardist` compute in one thread: on a busy machine several wait for each other."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, "openmp")


def ellipses(seed=0, shape=(96, 96), count=25, radii=(3, 12), dtype=np.uint16):
    """Objects that touch each other and cross the edge; one of one pixel, one inside another."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, dtype)
    y, x = np.indices(shape)
    for label in range(1, count + 1):
        cy, cx = rng.uniform(0, shape)
        a, b = rng.uniform(*radii, 2)
        angle = rng.uniform(0, np.pi)
        u = (y - cy) * np.cos(angle) + (x - cx) * np.sin(angle)
        v = (x - cx) * np.cos(angle) - (y - cy) * np.sin(angle)
        labels[((u / a) ** 2 + (v / b) ** 2 < 1) & (labels == 0)] = label
    outer = np.hypot(y - 24, x - 24)
    labels[outer < 16] = count + 1
    labels[outer < 5] = count + 2  # within another
    labels[60:63, 60:63] = 0
    labels[61, 61] = count + 3
    return labels


def smooth(seed=0, shape=(64, 64), rays=32, radius=8.0, rough=1.5, sigma=3.0):
    """Probability and distances as of a network that is not sure of anything, (Y, X, 1 + rays)."""
    rng = np.random.default_rng(seed)
    probability = ndi.gaussian_filter(rng.normal(size=shape), sigma)
    probability = (probability - probability.min()) / np.ptp(probability)
    base = ndi.gaussian_filter(rng.normal(size=shape), sigma)
    own = ndi.gaussian_filter(
        rng.normal(size=(*shape, rays)),
        (sigma, sigma, rays / 16),
        mode=("reflect", "reflect", "wrap"),
    )
    distances = radius * (1 + 0.4 * base / base.std())[..., None] + rough * own / own.std()
    return np.concatenate([probability[..., None], distances], -1).astype(np.float32)
