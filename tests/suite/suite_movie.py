"""A small movie with labels, as the suite's folders hold it."""

import numpy as np

from imagej_dl import images


def movie(frames=6, shape=(64, 80), seed=0):
    """Two bright discs that move, and their labels."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    labels = np.zeros((frames, *shape), np.uint16)
    for t in range(frames):
        labels[t][(y - 20 - t) ** 2 + (x - 20) ** 2 < 60] = 1
        labels[t][(y - 40) ** 2 + (x - 50 - t) ** 2 < 80] = 2
    video = (rng.normal(900, 60, labels.shape) + 1500 * (labels > 0)).astype(np.uint16)
    return images.make(video, "TYX"), images.make(labels, "TYX")


def write_pair(folder, video, labels, name="a_1-6"):
    images.write(video, folder / "inputs" / f"{name}.tif")
    images.write(labels, folder / "labels" / f"{name}.tif")
