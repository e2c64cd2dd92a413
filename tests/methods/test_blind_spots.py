"""Methods of blind spots: what the network sees, and what it is scored on."""

import json

import numpy as np
import pytest

from imagej_dl import images, models, training
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.methods import registry
from imagej_dl.methods.base import Truth
from imagej_dl.methods.shared.blind_spots import BlindSpotMethod
from imagej_dl.methods.shared.losses import whole
from imagej_dl.models import backend
from imagej_dl.models.networks.registry import NETWORKS
from imagej_dl.prediction import predict_image
from imagej_dl.training import Settings

KINDS = [name for name, kind in registry.METHODS.items() if kind.__base__ is BlindSpotMethod]
SMALL = {"epochs": 2, "steps": 3, "batch": 2, "patch": 32, "width": 4, "seed": 1}
HUGE = np.float32(1e6)


def method(kind, channels=1, **own):
    return registry.method(kind, {}, {"image_channels": channels, **own})


def patch(channels=1, side=32, seed=0):
    image = np.random.default_rng(seed).random((side, side, channels), np.float32)
    return image, Truth(np.ones((side, side), np.uint8), 0, image=image)


def sampled(made, image, seed=3):
    return made.sample(image, Truth(image[..., 0], 0, image=image), np.random.default_rng(seed))


def movie(shape=(64, 80), axes="YX", seed=0, **more):
    rng = np.random.default_rng(seed)
    return images.make(rng.normal(100, 10, shape).astype(np.float32), axes, **more)


def test_all_of_the_family_are_here():
    assert {"n2v", "n2v2", "structn2v"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("together", [True, False])
def test_what_is_scored_is_hidden_and_all_else_stays(kind, together):
    made = method(kind, 2, together=together)
    image, truth = patch(2)
    changed, targets = made.sample(image, truth, np.random.default_rng(1))
    values, mask = targets[..., :2], targets[..., 2:]
    np.testing.assert_array_equal(values, image)
    assert set(np.unique(mask)) == {0, 1}
    assert (changed != image)[mask > 0].all()
    hidden = np.stack(
        [_under(made.hidden, mask[..., i] > 0) for i in range(2)],
        axis=-1,
    )
    np.testing.assert_array_equal(changed[~hidden], image[~hidden])
    assert np.array_equal(mask[..., 0], mask[..., 1]) == together


def _under(kernel, chosen):
    """Dilate by the kernel, pixel by pixel."""
    hidden = np.zeros_like(chosen)
    middle = np.array(kernel.shape) // 2
    for at in np.argwhere(chosen):
        for y, x in np.argwhere(kernel) - middle + at:
            if 0 <= y < len(chosen) and 0 <= x < chosen.shape[1]:
                hidden[y, x] = True
    return hidden


@pytest.mark.parametrize("kind", KINDS)
def test_no_hidden_pixel_changes_what_the_network_sees(kind):
    """Not even as the value that stands in the place of another hidden pixel."""
    made = method(kind, share=0.05)
    image, _ = patch()
    changed, targets = sampled(made, image)
    for at in np.argwhere(targets[..., 1] > 0):
        other = image.copy()
        other[tuple(at)] = HUGE
        again, scored = sampled(made, other)
        np.testing.assert_array_equal(again, changed)
        np.testing.assert_array_equal(scored[..., 1], targets[..., 1])
        assert scored[*at, 0] == HUGE


@pytest.mark.tf
@pytest.mark.parametrize("kind", KINDS)
def test_a_scored_pixel_has_no_part_in_the_output_and_the_others_gradients(kind):
    tf = backend.tensorflow()
    made = method(kind, share=0.05)
    image, _ = patch()
    settings = Settings.of({"kind": kind, "width": 4})
    network = settings.built(1).build()
    compute = made.loss("masked_mse", total=whole)

    def outcome(picture):
        changed, targets = sampled(made, picture)
        with tf.GradientTape() as tape:
            output = network(changed[None])
            tape.watch(output)
            loss = compute(targets[None], output)
        return output.numpy(), tape.gradient(loss, output).numpy()[0, ..., 0], targets[..., 1]

    output, gradient, mask = outcome(image)
    y, x = np.argwhere(mask > 0)[7]
    other = image.copy()
    other[y, x] = HUGE
    again, changed, _ = outcome(other)
    np.testing.assert_array_equal(again, output)
    elsewhere = np.ones_like(mask, bool)
    elsewhere[y, x] = False
    np.testing.assert_array_equal(changed[elsewhere], gradient[elsewhere])
    assert changed[y, x] != gradient[y, x]
    assert not gradient[mask == 0].any()
    assert gradient[mask > 0].all()


@pytest.mark.tf
def test_the_loss_is_the_mean_of_the_scored_pixels_that_weigh_something():
    made = method("n2v2")
    targets = np.zeros((1, 2, 2, 2), np.float32)
    targets[..., 0] = ((1, 2), (3, 4))
    targets[..., 1] = ((1, 1), (0, 1))
    outputs = np.zeros((1, 2, 2, 1), np.float32)
    compute = made.loss("masked_mse", total=whole)
    assert float(compute(targets, outputs)) == pytest.approx((1 + 4 + 16) / 3)
    weights = np.array((((1, 1), (1, 0)),), np.float32)
    assert float(compute(targets, outputs, weights)) == pytest.approx(5 / 2)
    assert float(compute(targets, outputs, 0 * weights)) == 0
    np.testing.assert_allclose(made.tally(targets, outputs, weights), (5, 2))
    found = made.measures(made.tally(targets, outputs))
    assert found["masked_error"] == pytest.approx(7**0.5)
    assert found["masked_psnr"] == pytest.approx(-10 * np.log10(7))


def test_structn2v_hides_its_whole_kernel():
    rows = ((0, 1, 0), (1, 0, 1), (0, 0, 0))
    for own, expected in (
        ({"direction": "vertical", "length": 5}, np.ones((5, 1), bool)),
        ({"length": 3}, np.ones((1, 3), bool)),
        ({"kernel": rows}, np.array(((0, 1, 0), (1, 1, 1), (0, 0, 0)), bool)),
    ):
        made = method("structn2v", **own)
        np.testing.assert_array_equal(made.hidden, expected)
        image, _ = patch()
        changed, targets = sampled(made, image)
        under = _under(expected, targets[..., 1] > 0)
        other = np.where(under[..., None], HUGE, image)
        np.testing.assert_array_equal(sampled(made, other)[0], changed)


@pytest.mark.parametrize(
    ("own", "turns"),
    [
        ({}, "flips"),
        ({"direction": "vertical"}, "flips"),
        ({"kernel": ((0, 1, 0), (1, 1, 1), (0, 1, 0))}, "all"),
        ({"kernel": ((1, 0, 0), (0, 1, 0), (0, 0, 1))}, "none"),
    ],
)
def test_structn2v_turns_patches_only_so_that_stripes_stay_in_line(own, turns):
    from imagej_dl.training.patches import Example, Patches, Sampling

    made = method("structn2v", **own)
    assert made.symmetries == turns
    image = np.zeros((48, 48, 1), np.float32)
    image[:, ::2] = 1  # vertical stripes
    example = Example("a", image, image[..., 0] >= 0, target=image)
    settings = Settings.of({"kind": "structn2v", "method_settings": own, "patch": 32, "batch": 32})
    sampling = Sampling(made, 32, 32, 0, augmentation=settings.augmentation)
    _, targets, _ = Patches([example], sampling).batch(0)
    upright = [np.ptp(one[..., 0], axis=0).max() == 0 for one in targets]
    assert all(upright) == (turns != "all")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"length": 4}, "length: 4 is even"),
        ({"kernel": ((1, 1), (1, 1), (1, 1))}, "has 3 rows of 2; both must be odd"),
        ({"kernel": ((1, 1, 1), (1, 1, 1))}, "has 2 rows of 3; both must be odd"),
        ({"kernel": ((1, 1, 1), (1,), (1, 1, 1))}, "rows have different lengths"),
        ({"kernel": ()}, "kernel: "),
        ({"kernel": ((1, 2, 1),)}, "0 or 1"),
        ({"radius": 0}, "radius"),
        ({"share": 0.5}, "share"),
    ],
)
def test_a_wrong_setting_is_one_clear_error(own, words):
    with pytest.raises(UserError, match=words) as caught:
        Settings.of({"kind": "structn2v", "method_settings": own})
    assert "Traceback" not in str(caught.value)


def test_the_defaults_are_the_methods_and_those_given_count():
    usual = Settings.of({"kind": "n2v2"})
    assert usual.patch == 64
    assert usual.architecture == "unet_n2v"
    assert usual.test == 0
    assert usual.learning_rate == NETWORKS["unet_n2v"].learning_rate
    other = Settings.of({"kind": "n2v2", "architecture": "unet_suite"})
    assert other.learning_rate == NETWORKS["unet_suite"].learning_rate
    turned = Settings.of({"kind": "n2v2", "augmentation": {"turn": False}}).augmentation
    assert turned.keeps_pixels
    assert not turned.turn
    arguments = usual.built(1).model_dump()
    assert (arguments["pooling"], arguments["residual"], arguments["top_skip"]) == (
        "blur",
        False,
        False,
    )
    given = Settings.of({"kind": "n2v", "patch": 32, "network": {"residual": False}})
    assert given.patch == 32
    assert not given.built(1).model_dump()["residual"]
    assert given.built(1).model_dump()["pooling"] == "max"


@pytest.mark.parametrize("name", ["zoom", "gamma", "noise", "rotation", "blur"])
def test_what_would_change_the_noise_is_refused(name):
    with pytest.raises(UserError, match="learns from the noise"):
        Settings.of({"kind": "n2v2", "augmentation": {name: 2 if name in ("zoom", "gamma") else 1}})


def test_patches_have_the_very_pixels_of_the_image():
    from imagej_dl.training.patches import Example, Patches, Sampling

    image = np.random.default_rng(0).random((50, 70, 1), np.float32)
    example = Example("a", image, image[..., 0] >= 0, target=image)
    settings = Settings.of({"kind": "n2v2"})
    sampling = Sampling(settings.method, 32, 8, 0, augmentation=settings.augmentation)
    for number in range(4):
        inputs, targets, _ = Patches([example], sampling).batch(number)
        assert np.isin(targets[..., 0], image).all()
        kept = targets[..., 1] == 0
        np.testing.assert_array_equal(inputs[..., 0][kept], targets[..., 0][kept])


@pytest.mark.thorough(except_for=["n2v2"])
@pytest.mark.tf
@pytest.mark.parametrize("kind", KINDS)
def test_one_image_is_trained_on_and_denoised(kind, tmp_path):
    image, out = movie(), tmp_path / "model"
    bundle = training.train(image, out, kind=kind, **SMALL)
    made = predict_image(models.load(out, verify=True), image)
    assert made.shape == image.shape
    assert np.isfinite(made).all()
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics["validation"]) == {"val_loss", "val_masked_error", "val_masked_psnr"}
    assert bundle.config.object_diameter is None
    split = json.loads((out / "split.json").read_text())
    assert split["by"] == "regions"
    assert "image_channels" not in bundle.config.method_settings


@pytest.mark.thorough
@pytest.mark.tf
@pytest.mark.parametrize("together", [True, False])
def test_several_channels_come_back(together, tmp_path):
    image = movie((2, 64, 72), "CYX")
    out = tmp_path / "model"
    training.train(image, out, kind="n2v2", method_settings={"together": together}, **SMALL)
    bundle = models.load(out, verify=True)
    assert bundle.config.method.image_channels == 2
    made = predict_image(bundle, image)
    assert made.sizes == image.sizes
    # Each by itself, the other channel changes nothing.
    other = image.copy()
    other[1] = np.flip(other[1].values)
    same = np.array_equal(predict_image(bundle, other)[0], made[0])
    assert same == (not together)
    again = training.train(image, tmp_path / "on", start=out, epochs=1, steps=1, batch=2)
    assert again.config.method == bundle.config.method


@pytest.mark.thorough
@pytest.mark.tf
def test_a_stopped_training_goes_on_as_if_it_had_not_been(tmp_path):
    image = movie((3, 64, 64), "TYX")
    more = {"kind": "n2v2", "method_settings": {"radius": 3}, **SMALL, "epochs": 3}
    whole_run = training.train(image, tmp_path / "a", **more)

    def stop(epoch):
        if epoch.epoch == 1:
            raise Cancelled

    training.train(image, tmp_path / "b", watch=stop, **more)
    resumed = training.train(image, tmp_path / "b", resume=True, **more)
    for one, two in zip(whole_run.model.get_weights(), resumed.model.get_weights(), strict=True):
        # Sums of several threads are not the same each time.
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)
