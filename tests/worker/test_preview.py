"""A training's preview is for images: a label map that lies open is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.worker import Session
from imagej_dl.worker.training_events import Live


def _previews(image: np.ndarray) -> bool:
    return Live(Session(Path(), image=images.make(image, "YX"))).plane is not None


def test_label_maps_and_masks_have_none() -> None:
    y, x = np.mgrid[:128, :128]
    cells = ((y // 16) * 8 + x // 16 + 1) * (((y % 16) > 1) & ((x % 16) > 1))
    assert not _previews(cells.astype(np.uint16))
    assert not _previews(((cells > 0) * 255).astype(np.uint8))
    touching = (y // 16) * 8 + x // 16
    assert not _previews(touching.astype(np.uint8))
    assert not _previews(cells.astype(np.float32))


def test_images_have_one() -> None:
    y, x = np.mgrid[:256, :256]
    rng = np.random.default_rng(3)
    assert _previews(x.astype(np.uint8))
    assert _previews(np.maximum(0, 200 - np.hypot(y - 128, x - 128)).astype(np.uint8))
    assert _previews(rng.poisson(2, (256, 256)).astype(np.uint16))
    assert _previews(np.zeros((64, 64), np.uint8))


@pytest.mark.parametrize(("part", "previews"), [("image.tif", True), ("labels.tif", False)])
def test_real_ones(shared_data: Path, part: str, previews: bool) -> None:
    found = sorted((shared_data / "nuclei" / "train").glob(f"*/{part}"))[:20]
    assert found
    assert [_previews(np.asarray(images.read(path).data)) for path in found] == [previews] * len(
        found
    )
