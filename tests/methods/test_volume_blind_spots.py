"""Blind spots of volumes: boxes in three dimensions, and nothing that is scored is seen."""

import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.methods import registry
from imagej_dl.methods.base import Truth
from imagej_dl.methods.shared import masking
from imagej_dl.methods.shared.volumes import as_channels, as_slices
from imagej_dl.training import Settings

KINDS = ("n2v2", "n2v", "structn2v")
SLICES, SIDE = 6, 24
HUGE = np.float32(1e6)
CROSS = np.zeros((3, 3, 3), int)
CROSS[1, 1] = CROSS[1, :, 1] = CROSS[:, 1, 1] = 1


def method(kind, channels=1, **own):
    return registry.method(kind, {}, {"image_channels": channels, **own})


def volume(channels=1, seed=0):
    """Each voxel has a value of its own, so that it is known where a value came from."""
    shape = (SLICES, SIDE, SIDE, channels)
    values = np.random.default_rng(seed).permutation(np.prod(shape)).astype(np.float32)
    return values.reshape(shape)


def sampled(made, voxels, seed=3):
    """Return what is left, the values and the mask, (Z, Y, X, C) each."""
    image = as_channels(voxels)
    truth = Truth(image[..., 0], 0, image=image)
    changed, targets = made.sample(image, truth, np.random.default_rng(seed))
    parts = (changed, *np.split(targets, 2, axis=-1))
    return [as_slices(part, made.image_channels) for part in parts]


def test_slices_become_channels_and_back():
    voxels = volume(2)
    together = as_channels(voxels)
    assert together.shape == (SIDE, SIDE, SLICES * 2)
    np.testing.assert_array_equal(together[..., 2 * 3 + 1], voxels[3, ..., 1])
    np.testing.assert_array_equal(as_slices(together, 2), voxels)


@pytest.mark.parametrize("share", [0.05, 0.01])
def test_one_voxel_of_each_box_is_chosen(share):
    box = round(share ** (-1 / 3))
    rng = np.random.default_rng(1)
    chosen = np.array([masking.stratified((9, 30, 32), share, rng) for _ in range(60)])
    for one in chosen:
        places = np.argwhere(one)
        starts = np.stack(np.meshgrid(*[np.arange(box)] * 3, indexing="ij"), -1).reshape(-1, 3)
        # Never two in a box, wherever the grid lies.
        assert any(len({*map(tuple, (places + s) // box)}) == len(places) for s in starts)
    assert chosen.mean() == pytest.approx(1 / box**3, rel=0.05)


def test_all_voxels_are_chosen_equally_often():
    rng = np.random.default_rng(2)
    count = 2000
    often = sum(masking.stratified((5, 8, 8), 0.04, rng).astype(int) for _ in range(count))
    expected = count / 27
    assert abs(often.mean() / expected - 1) < 0.02
    assert np.abs(often - expected).max() < 6 * np.sqrt(expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("together", [True, False])
def test_what_is_scored_is_hidden_and_all_else_stays(kind, together):
    made, voxels = method(kind, 2, together=together), volume(2)
    changed, values, mask = sampled(made, voxels)
    np.testing.assert_array_equal(values, voxels)
    assert set(np.unique(mask)) == {0, 1}
    assert (changed != voxels)[mask > 0].all()
    assert np.array_equal(mask[..., 0], mask[..., 1]) == together
    assert mask.any(axis=(1, 2, 3)).sum() >= SLICES // 2
    hidden = np.stack([masking.under(kernel(made), mask[..., i] > 0) for i in (0, 1)], -1)
    np.testing.assert_array_equal(changed[~hidden], voxels[~hidden])
    # What stands in the place of a voxel comes of its own slice and channel, and of there alone.
    for z in range(SLICES if kind == "n2v" else 0):
        for c in (0, 1):
            assert np.isin(changed[z, ..., c], voxels[z, ..., c]).all()


def kernel(made):
    return made.hidden if made.hidden.ndim == 3 else made.hidden[None]


@pytest.mark.parametrize("kind", KINDS)
def test_no_hidden_voxel_changes_what_the_network_sees(kind):
    made, voxels = method(kind, share=0.03), volume()
    changed, _, mask = sampled(made, voxels)
    places = np.argwhere(mask > 0)
    for at in places[:: max(1, len(places) // 20)]:
        other = voxels.copy()
        other[tuple(at)] = HUGE
        again, values, scored = sampled(made, other)
        np.testing.assert_array_equal(again, changed)
        np.testing.assert_array_equal(scored, mask)
        assert values[tuple(at)] == HUGE


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"length": 3}, np.ones((1, 1, 3), bool)),
        ({"kernel": ((0, 1, 0), (1, 1, 1), (0, 1, 0))}, CROSS[1:2] | CROSS[1:2].swapaxes(1, 2)),
        ({"kernel_3d": CROSS.tolist()}, CROSS),
    ],
)
def test_structn2v_hides_its_whole_kernel(own, expected):
    made, voxels = method("structn2v", **own), volume()
    np.testing.assert_array_equal(kernel(made), np.asarray(expected, bool))
    changed, _, mask = sampled(made, voxels)
    under = masking.under(kernel(made), mask[..., 0] > 0)
    other = np.where(under[..., None], HUGE, voxels)
    np.testing.assert_array_equal(sampled(made, other)[0], changed)


def test_a_kernel_in_three_dimensions_ends_at_the_edge():
    chosen = np.zeros((2, 4, 4), bool)
    chosen[0, 0, 3] = True
    hidden = masking.under(np.ones((3, 3, 1), bool), chosen)
    expected = np.zeros_like(chosen)
    expected[:2, :2, 3] = True
    np.testing.assert_array_equal(hidden, expected)


def test_patches_are_turned_only_so_that_the_kernel_stays():
    lopsided = [[[0, 1, 0]], [[0, 1, 0]], [[0, 0, 0]]]
    made = method("structn2v", kernel_3d=lopsided)
    assert not made.flips_slices
    assert made.symmetries == "flips"
    assert method("structn2v", kernel_3d=CROSS.tolist()).flips_slices
    assert method("structn2v", kernel_3d=CROSS.tolist()).symmetries == "all"
    assert method("structn2v").flips_slices
    assert method("n2v2").flips_slices


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "border", "patch_slices": 4}, "patch_slices: kind border learns planes"),
        ({"kind": "denoiseg", "patch_slices": 4}, "patch_slices: kind denoiseg learns planes"),
        ({"kind": "n2v2", "patch_slices": 1}, "patch_slices: .*greater than or equal to 2"),
        ({"kind": "n2v2", "patch_slices": 8, "architecture": "unet"}, "the network unet is 2-D"),
        (
            {"kind": "n2v2", "patch_slices": 6, "network": {"z_levels": 2}},
            "patch_slices: 6 is not a multiple of 2\\^z_levels = 4",
        ),
        ({"kind": "n2v2", "patch_slices": 256, "patch": 2048}, "batch of 4 patches.*too large"),
        (
            {"kind": "structn2v", "method_settings": {"kernel_3d": CROSS.tolist()}},
            "kernel_3d has 3 slices, the patches have 1: give patch_slices",
        ),
        (
            {"kind": "structn2v", "method_settings": {"kernel_3d": [[[1, 1]]]}},
            "has 1 slices of 1 rows of 2; all must be odd",
        ),
        (
            {"kind": "structn2v", "method_settings": {"kernel_3d": [[[1]], [[1], [1]]]}},
            "slices or rows have different lengths",
        ),
    ],
)
def test_a_wrong_setting_is_one_clear_error(given, words):
    with pytest.raises(UserError, match=words):
        Settings.of(given)


def test_volumes_have_defaults_of_their_own():
    usual, planes = (Settings.of({"kind": "n2v2", **more}) for more in ({"patch_slices": 8}, {}))
    assert (usual.patch, usual.batch, usual.patch_slices) == (32, 4, 8)
    assert (planes.patch, planes.batch, planes.patch_slices) == (64, 8, None)
    assert Settings.of({"kind": "n2v2", "patch_slices": 8, "patch": 64}).patch == 64
    assert "patch_slices" not in planes.model_dump()
    assert Settings.of(usual.model_dump()) == usual
    for slices, halvings in ((2, 0), (5, 0), (6, 0), (8, 1), (12, 1), (16, 2), (64, 2)):
        network = Settings.of({"kind": "n2v2", "patch_slices": slices}).built(1)
        assert network.multiple_of_z == 2**halvings
