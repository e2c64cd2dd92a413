"""Images of bright discs, to train on."""

import numpy as np


def discs(seed, shape=(64, 64), count=6, radius=6):
    """A noisy image of bright discs, and its label map."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint16)
    y, x = np.indices(shape)
    for label in range(1, count + 1):
        cy, cx = rng.uniform(0, shape)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = label
    image = rng.normal(20, 3, shape) + 60 * (labels > 0)
    return np.clip(image, 0, 255).astype(np.uint8), labels
