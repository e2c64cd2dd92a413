import numpy as np
import pytest

from imagej_dl.methods import registry
from imagej_dl.training.augmentation import NONE
from imagej_dl.training.backgrounds import background
from imagej_dl.training.patches import Example, Patches, Sampling


def test_backgrounds_vary_and_depend_on_the_generator_alone() -> None:
    drawn = [background(64, 2, np.random.default_rng(seed)) for seed in range(20)]
    again = background(64, 2, np.random.default_rng(3))
    assert all(one.shape == (64, 64, 2) and one.dtype == np.float32 for one in drawn)
    np.testing.assert_array_equal(again, drawn[3])
    contrasts = [float(np.ptp(np.percentile(one, (1, 99)))) for one in drawn]
    assert max(contrasts) > 3 * min(contrasts)


def test_frames_and_channels_share_what_is_uneven_and_not_the_noise() -> None:
    pairs = [background(128, 2, np.random.default_rng(seed)) for seed in range(40)]
    alike = [np.corrcoef(one[..., 0].ravel(), one[..., 1].ravel())[0, 1] for one in pairs]
    assert max(alike) > 0.9
    assert not any(np.array_equal(one[..., 0], one[..., 1]) for one in pairs)


@pytest.mark.parametrize("side", [8, 9, 33, 128])
def test_backgrounds_of_any_side_are_finite_and_as_bright_as_prediction_makes_them(side) -> None:
    for seed in range(30):
        drawn = background(side, 1, np.random.default_rng(seed))
        assert np.isfinite(drawn).all()
        assert drawn.min() > -1.5
        assert np.percentile(drawn, 99) < 3


@pytest.mark.parametrize("kind", [k for k, m in registry.METHODS.items() if m.gives == "instances"])
def test_the_target_of_a_patch_without_objects_is_that_of_an_empty_label_map(kind) -> None:
    method = registry.method(kind, {"border_size": 2})
    labels = np.zeros((48, 48), np.uint16)
    labels[10:30, 12:30] = 1
    nothing = np.zeros_like(labels)
    dark = np.zeros((48, 48, 1), np.float32)

    def batch(truth, share):
        example = Example("a", dark, truth, vectors=method.vectors(truth))
        rule = NONE.model_copy(update={"empty": share})
        return Patches([example], Sampling(method, 32, 12, 0, augmentation=rule)).batch(0)

    images, targets, weights = batch(labels, 0.5)
    _, empty, _ = batch(nothing, 0.0)
    bare = images.max(axis=(1, 2, 3)) > 0
    assert 0 < bare.sum() < 12
    if method.intensities:  # the first channels are of the image
        targets, empty = (one[..., 2 * method.intensities :] for one in (targets, empty))
    np.testing.assert_array_equal(targets[bare], empty[: bare.sum()])
    assert (weights == 1).all()
