"""Objects from probabilities: the true outlines, touching objects apart, small ones not lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl import images
from imagej_dl.methods.border import border_target
from imagej_dl.models import Instances
from imagej_dl.prediction import instances

# For targets without a network's doubts: real predictions want hills that are higher.
SHARP = {"smoothing": 1.0, "object_weight": 20.0, "marker_height": 1.0}
BORDER = Instances.of_kind("border", 2).model_copy(update=SHARP)
BINARY = Instances.of_kind("binary", 2).model_copy(update=SHARP)


def scores(truth, found, thresholds=(0.5, 0.7, 0.9)):
    """TP / (TP + FP + FN) over all pairs of label maps; above 0.5 a match is the only one."""
    hits, total = np.zeros(len(thresholds)), np.zeros(len(thresholds))
    for a, b in zip(truth, found, strict=True):
        both = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
        np.add.at(both, (a.ravel().astype(int), b.ravel().astype(int)), 1)
        union = both.sum(1, keepdims=True) + both.sum(0, keepdims=True) - both
        iou = (both / union)[1:, 1:]
        tp = np.array([(iou > t).sum() for t in thresholds])
        hits += tp
        total += sum(iou.shape) - tp
    return hits / total


def ideal(labels, kind="border"):
    if kind == "binary":
        return (labels[..., None] > 0).astype(np.float32)
    classes = border_target(labels, 2, edge="mirror")
    return (classes[..., None] == np.arange(3)).astype(np.float32)


@pytest.fixture(scope="module")
def truth(shared_data: Path):
    files = sorted((shared_data / "nuclei").glob("*/*/labels.tif"))
    assert len(files) == 48
    return [images.read(file).data for file in files]


@pytest.mark.slow
def test_ideal_border_targets_of_real_nuclei_give_the_nuclei_back(truth):
    found = [instances(ideal(labels), BORDER) for labels in truth]
    half, seven, nine = scores(truth, found)
    assert half >= 0.975
    assert seven >= 0.955
    assert nine >= 0.895
    # Without the erosion the outline would lie two pixels too far out.
    wide = [
        instances(ideal(labels), BORDER.model_copy(update={"region_erosion": 0}))
        for labels in truth[:12]
    ]
    assert scores(truth[:12], wide)[2] < 0.2


@pytest.mark.slow
def test_ideal_targets_survive_noise_and_blur(truth):
    rng = np.random.default_rng(3)
    found = []
    for labels in truth[::3]:
        blurred = ndi.gaussian_filter(ideal(labels), (0.7, 0.7, 0))
        noisy = np.clip(blurred + rng.normal(0, 0.1, blurred.shape), 0.01, None)
        settings = BORDER.model_copy(update={"minimum_area": 12})
        found.append(instances(noisy / noisy.sum(-1, keepdims=True), settings))
    half, seven, _ = scores(truth[::3], found)
    assert half >= 0.85
    assert seven >= 0.8


@pytest.mark.slow
def test_ideal_binary_targets_are_split_where_they_touch(truth):
    split = scores(truth, [instances(ideal(labels, "binary"), BINARY) for labels in truth])
    whole = BINARY.model_copy(update={"split": False})
    joined = scores(truth, [instances(ideal(labels, "binary"), whole) for labels in truth])
    assert split[0] >= 0.9
    assert split[0] > joined[0] + 0.05


def disc(shape, y, x, radius):
    yy, xx = np.indices(shape)
    return (yy - y) ** 2 + (xx - x) ** 2 <= radius**2


def test_touching_discs_are_two_and_each_pixel_is_right():
    labels = np.zeros((40, 60), np.uint16)
    labels[disc(labels.shape, 20, 18, 10)] = 1
    labels[disc(labels.shape, 20, 38, 10) & (labels == 0)] = 2
    found = instances(ideal(labels), BORDER)
    assert found.max() == 2
    # The gap of one pixel between them is less than the border class can show.
    assert (found != labels).sum() <= 12


@pytest.mark.parametrize("radius", [1.5, 2, 2.5])
def test_an_object_that_is_all_border_is_found(radius):
    labels = disc((24, 24), 12, 12, radius).astype(np.uint16)
    classes = border_target(labels, 2, edge="mirror")
    assert (classes == 1).sum() <= 1, "nothing but border is the point of this test"
    found = instances(ideal(labels), BORDER)
    assert found.max() == 1
    assert (found != labels).sum() <= 4


def test_an_object_at_the_images_edge_reaches_it():
    labels = disc((30, 30), 0, 15, 9).astype(np.uint16)
    found = instances(ideal(labels), BORDER)
    np.testing.assert_array_equal(found[0] > 0, labels[0] > 0)


def test_holes_are_filled_but_an_object_in_a_ring_stays():
    ring = disc((50, 50), 25, 25, 20) & ~disc((50, 50), 25, 25, 12)
    dot = disc((50, 50), 25, 25, 5)
    p = (ring | dot).astype(np.float32)[..., None]
    settings = Instances(object_weight=0, split=False)
    found = instances(p, settings)
    assert found.max() == 2
    assert found[25, 25] == 2
    assert found[25, 25 - 9] == 1
    assert found[25, 5:46].all()


def test_ids_run_in_reading_order_and_small_objects_go():
    p = np.zeros((30, 30, 1), np.float32)
    p[20:28, 2:10] = 1
    p[2:10, 15:25] = 1
    p[15, 28] = 1
    found = instances(p, Instances(minimum_area=4))
    assert found.dtype == np.uint16
    assert found.max() == 2
    assert found[5, 20] == 1
    assert found[25, 5] == 2
    assert found[15, 28] == 0


def test_objects_hang_together_by_their_sides(truth):
    for labels in truth[:8]:
        found = instances(ideal(labels), BORDER)
        for label in range(1, int(found.max()) + 1):
            assert ndi.label(found == label)[1] == 1


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_plane_of_one_class_only(value, channels):
    p = np.full((20, 33, channels), (1 - value) / 2 if channels == 3 else value, np.float32)
    p[..., -2 if channels == 3 else 0] = value
    if channels == 3 and value == 0:
        p[..., 0], p[..., 2] = 1, 0
    found = instances(p, BORDER if channels == 3 else Instances())
    assert found.max() == value
    assert (found == found[0, 0]).all()


@pytest.mark.slow
def test_ids_above_65535_do_not_wrap():
    p = np.zeros((1030, 260, 1), np.float32)
    p[::2, ::2] = 1
    found = instances(p, Instances(split=False))
    count = p.sum()
    assert count > 65535
    assert found.dtype == np.uint32
    assert found.max() == count


def one_class(*rows):
    """Probabilities of kind "binary" drawn as text."""
    return np.array([[c == "#" for c in row] for row in rows], np.float32)[..., None]


def test_post_processing_is_switched_step_by_step():
    picture = one_class(
        "#.........",
        "#..####...",
        "...#..#...",
        "...####..#",
        ".........#",
        "..##.##...",
        "..##.##...",
        "..........",
    )
    plain = Instances(split=False, fill_holes=False)

    def areas(**settings):
        labels = instances(picture, plain.model_copy(update=settings))
        return sorted(np.bincount(labels.ravel())[1:].tolist())

    assert areas() == [2, 2, 4, 4, 10]
    assert areas(fill_holes=True) == [2, 2, 4, 4, 12]
    assert areas(drop_edge=True) == [4, 4, 10]
    assert areas(minimum_area=4) == [4, 4, 10]


def test_peaks_with_object_between_them_are_one():
    labels = np.zeros((30, 50), np.uint16)
    labels[disc(labels.shape, 15, 16, 9) | disc(labels.shape, 15, 32, 9)] = 1
    values = ideal(labels)
    values[:, 23:26] = 0.2, 0.6, 0.2  # a waist that is rather object than border
    apart = BORDER.model_copy(update={"joining": 0.0})
    assert instances(values, apart).max() == 2
    assert instances(values, apart.model_copy(update={"joining": 0.7})).max() == 2
    assert instances(values, apart.model_copy(update={"joining": 0.5})).max() == 1


def test_what_is_hardly_sure_is_no_object():
    labels = np.zeros((30, 60), np.uint16)
    labels[disc(labels.shape, 15, 15, 8)] = 1
    labels[disc(labels.shape, 15, 40, 8)] = 2
    values = ideal(labels)
    values[:, 30:] = 0.4 * np.array([1, 0, 0], np.float32) + 0.6 * values[:, 30:]
    one, both = (
        instances(values, BORDER.model_copy(update={"least_mean": least})) for least in (0.7, 0.5)
    )
    assert one.max() == 1
    np.testing.assert_array_equal(one > 0, (both == 1))
    assert both.max() == 2


def test_keys_that_earlier_versions_refuse_are_left_out_where_they_say_nothing():
    assert not {"joining", "least_mean"} & set(Instances().model_dump())
    assert Instances(joining=0.3).model_dump()["joining"] == 0.3


def test_closing_joins_what_is_a_pixel_apart():
    picture = one_class("........", ".##.##..", ".##.##..", ".##.##..", "........")
    plain = Instances(split=False)
    assert instances(picture, plain).max() == 2
    closed = instances(picture, plain.model_copy(update={"closing": 1}))
    assert (closed.max(), np.count_nonzero(closed)) == (1, 13)


def test_closing_a_region_takes_nothing_off_at_the_edge():
    picture = np.zeros((20, 20, 1), np.float32)
    picture[:6, :6] = 1
    found = instances(picture, Instances(split=False, closing=3))
    assert (found > 0).sum() == 36


def test_a_network_whose_two_outputs_do_not_sum_to_one_is_read_by_their_ratio():
    picture = np.zeros((4, 6, 2), np.float32)
    picture[..., 0], picture[..., 1] = 0.3, 0.1
    picture[1:3, 1:4] = (0.6, 0.7)  # 1 - p_background alone would be below a half
    found = instances(picture, Instances(split=False))
    assert (found > 0).sum() == 6


def test_instances_of_models_saved_before_are_read():
    old = {"region_threshold": 0.5, "region_erosion": 2, "split": True, "minimum_area": 9}
    kept = Instances.model_validate(old)
    assert (kept.closing, kept.fill_holes, kept.drop_edge) == (0, True, False)
