import numpy as np
import pytest

from imagej_dl import images


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


@pytest.fixture
def pairs():
    """Eight images with labels, in memory."""
    made = [discs(seed) for seed in range(8)]
    return [
        (images.make(image, title=f"disc{i}.tif"), images.make(labels))
        for i, (image, labels) in enumerate(made)
    ]


@pytest.fixture
def folder(tmp_path, pairs):
    """The same eight as a folder with images and masks."""
    for i, (image, labels) in enumerate(pairs):
        images.write(image, tmp_path / "data" / "images" / f"disc{i}.tif")
        images.write(labels, tmp_path / "data" / "masks" / f"disc{i}.tif")
    return tmp_path / "data"
