"""Grey pictures saved in colours are one channel, in training and in prediction alike."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from imagej_dl import images, project, rois
from imagej_dl.commands.labels import Labels
from imagej_dl.errors import DataWarning
from imagej_dl.images import Normalisation, grey_rgb
from imagej_dl.progress import silent
from imagej_dl.training.examples import Examples

GREY = np.random.default_rng(0).integers(0, 255, (24, 30)).astype(np.uint8)
SAME = "red, green and blue are the same"


def coloured() -> np.ndarray:
    made = np.stack([GREY] * 3, -1)
    made[3, 4, 1] += 1
    return made


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_grey_picture_in_colours_becomes_one_channel(
    tmp_path: Path, suffix: str, channels: int
) -> None:
    if (suffix, channels) == ("jpg", 4):
        return  # there is none with transparency
    path = save(tmp_path / f"grey.{suffix}", np.stack([GREY] * channels, -1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        image = images.read(path)
    if "C" in image.dims:
        with pytest.warns(DataWarning, match=SAME):
            image = grey_rgb.as_grey(image, path)
    assert image.dims == ("Y", "X")
    if suffix == "png":
        np.testing.assert_array_equal(image, GREY)


def test_one_pixel_of_colour_keeps_the_colours(tmp_path: Path) -> None:
    image = images.read(save(tmp_path / "c.png", coloured()))
    assert grey_rgb.as_grey(image) is image
    assert image.sizes["C"] == 3


def test_channels_of_a_microscope_are_no_colours() -> None:
    image = images.make(GREY, title="dapi.tif")
    assert grey_rgb.with_channels(image, 3) is image
    two = images.make(np.stack([GREY] * 2), "CYX")
    assert grey_rgb.with_channels(two, 1) is two


def labels() -> xr.DataArray:
    made = np.zeros((24, 30), np.uint16)
    made[4:12, 4:12], made[14:20, 16:26] = 1, 2
    return images.make(made)


def read(*sources: object) -> Examples:
    return Examples([(source, labels()) for source in sources], Normalisation())  # type: ignore[misc]


def test_training_on_grey_pictures_in_colours_makes_a_model_of_one_channel(tmp_path: Path) -> None:
    one = save(tmp_path / "a.png", np.stack([GREY] * 3, -1))
    two = save(tmp_path / "b.png", GREY)
    with pytest.warns(DataWarning, match=SAME):
        found = read(one, two)
    assert found.channels == 1
    np.testing.assert_array_equal(found.sources[0][0].image, found.sources[1][0].image)


def test_a_grey_picture_among_coloured_ones_has_three_channels(tmp_path: Path) -> None:
    one = save(tmp_path / "a.png", GREY)
    two = save(tmp_path / "b.png", coloured())
    with pytest.warns(DataWarning, match="grey values are used for red, green and blue"):
        found = read(one, two)
    assert found.channels == 3
    assert found.sources[0][0].image.shape == (24, 30, 3)


def test_prepare_and_labels_make_one_channel(tmp_path: Path) -> None:
    project.create(tmp_path / "p")
    save(tmp_path / "p" / "Raw" / "a.png", np.stack([GREY] * 4, -1))
    with pytest.warns(DataWarning, match=SAME):
        project.prepare_all(tmp_path / "p")
    made = images.read(tmp_path / "p" / "Labeling" / "a" / "images" / "a.tif")
    np.testing.assert_array_equal(made, GREY)

    flat = tmp_path / "flat"
    save(flat / "b.png", np.stack([GREY] * 3, -1))
    rois.write(rois.trace(labels()), flat / "b.zip")
    with pytest.warns(DataWarning, match=SAME):
        Labels(source=flat, out=tmp_path / "out").run(silent)
    np.testing.assert_array_equal(images.read(tmp_path / "out" / "images" / "b.tif"), GREY)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_many_pictures_to_train_on_are_said_in_few_lines(tmp_path: Path, suffix: str) -> None:
    labels = images.make(np.pad(np.ones((9, 9), np.uint16), ((5, 10), (5, 16))))
    paths = [save(tmp_path / f"{i}.{suffix}", np.stack([GREY] * 3, -1)) for i in range(9)]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Examples([(path, labels) for path in paths], Normalisation())
    words = [str(w.message) for w in said if SAME in str(w.message)]
    assert len(words) == 4
    assert words[-1] == f"6 more images whose {SAME}"
