"""Patches of volumes: where they are cut, how they are turned, and what validates."""

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.methods.care import Care
from imagej_dl.methods.n2v2 import N2V2
from imagej_dl.training.augmentation import NONE, TURNED
from imagej_dl.training.examples import Examples
from imagej_dl.training.patches import Example, Patches, Sampling
from imagej_dl.training.validation_patches import validation

DEPTH, SIDE, SLICES = 7, 16, 3


def example():
    """The value of a voxel says where it lies."""
    z, y, x = np.mgrid[:DEPTH, :24, :20].astype(np.float32)
    image = (z * 10_000 + y * 100 + x)[..., None]
    return Example("a", image, np.broadcast_to(np.uint8(1), image.shape[1:3]), target=image)


def sampling(method, augmentation=TURNED):
    return Sampling(method, SIDE, 16, 0, augmentation=augmentation, slices=SLICES)


def test_patches_are_slices_that_follow_each_other_turned_as_one():
    patches = Patches([example()], sampling(Care()))
    first, orders, turns = set(), set(), set()
    for number in range(6):
        inputs, targets, weights = patches.batch(number)
        assert inputs.shape == targets.shape == (16, SIDE, SIDE, SLICES)
        np.testing.assert_array_equal(inputs, targets)
        assert (weights == 1).all()
        for patch in inputs:
            z = patch // 10_000
            assert (z == z[0, 0]).all()
            steps = np.unique(np.diff(z[0, 0]))
            assert steps in ([1], [-1])
            orders.add(int(steps[0]))
            first.add(int(z.min()))
            # Row and column are the same in all slices.
            assert (patch % 10_000 == (patch % 10_000)[..., :1]).all()
            turns.add(
                (float(patch[1, 0, 0] - patch[0, 0, 0]), float(patch[0, 1, 0] - patch[0, 0, 0]))
            )
    assert first == set(range(DEPTH - SLICES + 1))
    assert orders == {1, -1}
    assert len(turns) == 8


def test_slices_are_not_turned_round_where_nothing_is_turned():
    patches = Patches([example()], sampling(N2V2(), NONE))
    _, targets, _ = patches.batch(0)
    assert targets.shape == (16, SIDE, SIDE, 2 * SLICES)
    assert (np.diff(targets[..., :SLICES], axis=-1) == 10_000).all()


def test_validation_covers_all_slices():
    batches = validation([example()], sampling(N2V2(), NONE), 100)
    seen = np.concatenate([targets[..., :SLICES] for _, targets, _ in batches])
    assert {int(v) for v in np.unique(seen // 10_000)} == set(range(DEPTH))
    assert len(np.unique(seen)) == DEPTH * 24 * 20


def read(image, target=None, **more):
    pair = (image, image if target is None else target)
    method = N2V2() if target is None else Care()
    return Examples([pair], Normalisation(), method=method, slices=SLICES, **more)


def test_each_frame_is_a_volume_that_is_normalised_as_a_whole():
    rng = np.random.default_rng(0)
    values = rng.normal(100, 10, (2, 4, 32, 40)) + np.arange(4)[None, :, None, None] * 50
    found = read(images.make(values.astype(np.float32), "TZYX", title="m"))
    (volumes,) = found.sources
    assert [one.name for one in volumes] == ["m T=1", "m T=2"]
    assert all(one.image.shape == (4, 32, 40, 1) for one in volumes)
    assert found.raw.shape == (4, 32, 40)
    # The brighter slice stays brighter.
    means = volumes[0].image.mean(axis=(1, 2, 3))
    assert (np.diff(means) > 0.1).all()
    part = volumes[0].part((slice(8, 24), slice(0, 8)))
    assert part.image.shape == part.target.shape == (4, 16, 8, 1)
    np.testing.assert_array_equal(part.image, volumes[0].image[:, 8:24, :8])


def test_targets_of_volumes_come_into_the_intensities_of_the_images():
    rng = np.random.default_rng(1)
    clean = np.kron(rng.normal(size=(4, 8, 8)), np.ones((1, 5, 5))) * 20 + 100
    noisy, target = clean + rng.normal(0, 2, clean.shape), clean * 3 + 7
    image, good = (images.make(one.astype(np.float32), "ZYX") for one in (noisy, target))
    from imagej_dl.training.split import Split
    from imagej_dl.training.target_intensities import matched

    (volumes,) = read(image, good).sources
    (only,) = matched(Split(volumes, [], [], "files", 0)).train
    assert only.truth.shape == (40, 40, 4)
    np.testing.assert_allclose(only.truth, np.moveaxis(only.image[..., 0], 0, 2), atol=0.15)


@pytest.mark.parametrize(
    ("shape", "axes", "words"),
    [
        ((32, 32), "YX", "has one slice: there is no volume.*Leave --patch-slices out.$"),
        ((5, 32, 32), "TYX", "has one slice.*If its 5 frames are slices"),
        ((2, 32, 32), "ZYX", "has 2 slices, fewer than the patches \\(3\\).*--patch-slices 2"),
    ],
)
def test_stacks_without_enough_slices_are_refused(shape, axes, words):
    values = np.random.default_rng(0).random(shape, np.float32)
    with pytest.raises(UserError, match=words):
        read(images.make(values, axes))
