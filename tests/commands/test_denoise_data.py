"""What a denoising learns from: images, and their targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagej_dl.commands import denoise_data
from imagej_dl.errors import UserError
from imagej_dl.prediction.inputs import find


def zarr(path: Path) -> Path:
    (path / "0").mkdir(parents=True)
    return path


def test_an_ome_zarr_is_one_image_and_no_folder_of_images(tmp_path: Path) -> None:
    noisy, good = zarr(tmp_path / "noisy.ome.zarr"), zarr(tmp_path / "good.ome.zarr")
    data = denoise_data.collect(find([noisy]), "image", good, None, {})
    assert data.given.train == [(noisy, good)]
    assert [target.name for _, target in data.train] == ["good"]
    with pytest.raises(UserError, match=r"good\.ome\.zarr: is no folder: pairs are validated by"):
        denoise_data.check("image", good, good)
    two = [noisy, zarr(tmp_path / "second.ome.zarr")]
    with pytest.raises(UserError, match=r"good\.ome\.zarr: is one image, and there are 2"):
        denoise_data.collect(find(two), "image", good, None, {})
    targets = [zarr(tmp_path / "good" / path.name) for path in two]
    data = denoise_data.collect(find(two), "image", tmp_path / "good", None, {})
    assert [target.path for _, target in data.train] == targets
