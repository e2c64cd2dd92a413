import pytest
from bright_discs import discs

from imagej_dl import images


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
