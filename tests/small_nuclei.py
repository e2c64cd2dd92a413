"""A few nuclei that train in seconds, for the tests that go through ImageJ."""

from __future__ import annotations

from pathlib import Path

from imagej_dl import images

NAMES = ("06350c7cc618", "1a75e9f15481", "29780b28e6a7", "358e47eaa1e9")
TEST = "0280fa8f60f6"


def small_nuclei(data: Path, folder: Path) -> Path:
    """Copy four training images with their label maps, cut to 128 x 128."""
    for name in NAMES:
        source, target = data / "nuclei" / "train" / name, folder / name
        for part in ("image.tif", "labels.tif"):
            picture = images.read(source / part).isel(Y=slice(0, 128), X=slice(0, 128))
            images.write(picture, target / part)
    return folder
