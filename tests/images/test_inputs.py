"""What callers hand over: arrays and paths work where they are clear, else it is said."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from imagej_dl import images, prediction, rois, tracking
from imagej_dl.errors import UserError

sys.path.append(str(Path(__file__).parents[1] / "prediction"))


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((3, 20, 24), np.uint16)
    for t in range(3):
        labels[t, 3:9, 4 + t : 11 + t] = 1
        labels[t, 12:18, 14:20] = 2
    return labels


def test_label_maps_are_made_of_paths_and_arrays(labels: np.ndarray, tmp_path: Path) -> None:
    plane = labels[0]
    rois.write(rois.trace(plane), tmp_path / "RoiSet.zip")
    images.write(images.make(plane), tmp_path / "a.tif")
    expected, _ = rois.label_map(rois.read(tmp_path / "RoiSet.zip"), (20, 24))
    for like in (plane, tmp_path / "a.tif", str(tmp_path / "a.tif"), np.array((20, 24))):
        found, _ = rois.label_map(tmp_path / "RoiSet.zip", like)
        assert np.array_equal(found, expected)
        assert np.array_equal(found, plane)
    one, _ = rois.label_map(rois.trace(plane)[0], plane)
    assert one.max() == 1


def test_tracing_and_tracking_take_paths_and_arrays(labels: np.ndarray, tmp_path: Path) -> None:
    images.write(images.make(labels, "TYX"), tmp_path / "a.tif")
    assert len(rois.trace(tmp_path / "a.tif")) == len(rois.trace(labels)) == 6
    for source in (labels, tmp_path / "a.tif"):
        assert len(tracking.track(source, engine="embedded").spots) == 6


@pytest.mark.tf
def test_predict_takes_paths_and_arrays(tmp_path: Path) -> None:
    import small_models

    bundle = small_models.threshold()
    small_models.stored(bundle, tmp_path / "m")
    plane = np.zeros((40, 50), np.uint8)
    plane[5:15, 5:15] = 250
    images.write(images.make(plane), tmp_path / "a.tif")
    expected = prediction.predict(bundle, images.make(plane)).labels
    assert expected.max() == 1
    assert np.array_equal(prediction.predict(bundle, plane).labels, expected)
    assert np.array_equal(prediction.predict(tmp_path / "m", tmp_path / "a.tif").labels, expected)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            np.zeros((3, 4, 5)),
            r'axes of an array of shape \(3, 4, 5\) are not named.*images.make\(array, "T',
        ),
        (xr.DataArray(np.zeros((4, 5))), r"dims T, C, Z, Y, X.*this one has dim_0, dim_1.*rename"),
        ([[1, 2], [3, 4]], "an image is needed, not a list"),
        (None, "an image is needed, not a NoneType"),
    ],
)
def test_what_is_unclear_is_said(source: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        images.image_of(source)
