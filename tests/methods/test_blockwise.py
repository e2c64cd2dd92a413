"""The objects of a plane found block by block are those of the whole plane."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl import images
from imagej_dl.errors import DataWarning
from imagej_dl.images import memory_maps
from imagej_dl.methods.shared.blockwise import _NOTHING, Blocks
from imagej_dl.methods.shared.postprocessing import instances_with_dropped
from imagej_dl.models import Instances
from imagej_dl.prediction import instances


def picture(seed=0, shape=(331, 417), share=0.35, scale=4):
    """Probabilities of three classes with clumps, rings around objects, and a long thread."""
    rng = np.random.default_rng(seed)
    noise = ndi.gaussian_filter(rng.normal(size=shape), scale)
    noise = (noise - np.quantile(noise, 1 - share)) / noise.std()
    yy, xx = np.indices(shape)
    for y, x, r in ((70, 64, 40), (200, 250, 60), (128, 130, 20), (290, 64, 33)):
        away = np.hypot(yy - y, xx - x)
        noise = np.where(away < r + 4, np.abs(away - r) < 3, noise)  # a ring, two pixels clear
        for inner, thick in ((0.5, 2.5), (0.15, 2)):
            noise = np.where(np.abs(away - inner * r) < thick, 1.5, noise)
    noise[150:153, 20:400] = 1.0
    noise = noise + 0.01 * rng.normal(size=shape)  # as in life, no two hills are equally high
    something = 1 / (1 + np.exp(-6 * noise))
    return _classes(something, noise)


def _classes(something, noise):
    body = something / (1 + np.exp(-4 * (noise - 0.3)))
    return np.stack([1 - something, body, something - body], axis=-1).astype(np.float32)


def by_blocks(values, settings, block=64, wide=512, rows=50):
    made = Blocks(values.shape[:2], settings, block, wide)
    for low in range(0, len(values), rows):
        made.add(low, values[low : low + rows])
    return made.finish()


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"region_erosion": 2, "minimum_area": 15, "drop_edge": True},
        {"closing": 2, "smoothing": 0.5, "marker_height": 0.5},
        {"joining": 0.5, "least_mean": 0.7, "region_erosion": 1},
        {"split": False, "fill_holes": False},
        {"split": False},
    ],
)
def test_the_same_as_of_the_whole_plane(more):
    settings = Instances(**more)
    for seed in range(3):
        values = picture(seed)
        expected, found = instances(values, settings), by_blocks(values, settings)
        assert expected.max() > 100
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_as_many_are_left_out_as_of_the_whole_plane():
    settings = Instances(region_erosion=2, minimum_area=40)
    values = picture(1)
    made = Blocks(values.shape[:2], settings, 64)
    made.add(0, values)
    made.finish()
    _, count = instances_with_dropped(values, settings)
    assert count == len(made.small) > 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["two", "one"])
def test_other_classes(kind):
    values = picture(4)[..., :2] if kind == "two" else picture(4)[..., 1:2]
    settings = Instances(marker_height=1.0)
    np.testing.assert_array_equal(by_blocks(values, settings), instances(values, settings))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_plane_of_one_class(value):
    values = np.full((90, 120, 1), value, np.float32)
    found = by_blocks(values, Instances())
    np.testing.assert_array_equal(found, instances(values, Instances()))


@pytest.mark.slow
def test_what_hangs_together_beyond_all_windows_is_parted_as_well():
    values = picture(1, (700, 660), share=0.8, scale=6)
    settings = Instances()
    expected = instances(values, settings)
    with pytest.warns(DataWarning, match="more than 128 px"):
        found = by_blocks(values, settings, block=128, wide=128)
    assert ndi.label(expected > 0, np.ones((3, 3)))[1] < expected.max() / 3
    assert found.max() == pytest.approx(expected.max(), abs=2)
    assert np.count_nonzero((found > 0) != (expected > 0)) < 1e-3 * expected.size
    # Nearly all of each object of the whole plane is one object.
    both = np.stack([expected, found]).reshape(2, -1)
    pairs, number = np.unique(both, axis=1, return_counts=True)
    same = sum(number[pairs[0] == label].max() for label in np.unique(pairs[0]))
    assert same > 0.995 * expected.size


def test_a_memory_map_is_let_go_of_and_keeps_what_was_written(tmp_path):
    array = np.memmap(tmp_path / "a", np.uint32, "w+", shape=(3, 500, 400))
    array[2, 7, 9] = 70000
    memory_maps.forget(array)
    assert array[2, 7, 9] == 70000
    assert memory_maps.largest(array) == 70000
    assert memory_maps.mapped(array[1])
    assert not memory_maps.mapped(np.zeros(3))
    own = np.memmap(tmp_path / "a", np.uint32, "c", shape=(3, 500, 400))
    own[0] = 5
    memory_maps.forget(own[0])
    assert (own[0] == 5).all()
    assert _NOTHING > 70000
    images.write(images.coloured(images.make(array, "TYX")), tmp_path / "a.tif")
    kept = images.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(kept.data, array)
    assert kept.attrs["display_ranges"] == [(0.0, 70000.0)]
