"""Hierarchical DivNoising: free bits, samples, and trainings that go on."""

import csv

import numpy as np
import pytest
from noisy_images import SMALL, camera, error, noisy

from imagej_dl import models, training
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.methods.hdn import HDN
from imagej_dl.methods.shared.losses import whole
from imagej_dl.methods.shared.noise_model_method import unit_of
from imagej_dl.models.networks.registry import network
from imagej_dl.prediction import predict_image
from imagej_dl.training import Settings
from imagej_dl.training.finalize import LAST

LADDER = {**SMALL, "depth": 2, "width": 8, "learning_rate": 1e-2, "network": {"latent": 4}}


def own(**more):
    return {"noise_model": camera(), "samples": 6, **more}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hdn") / "model"
    longer = {**LADDER, "epochs": 2, "steps": 45}
    training.train([noisy()], folder, kind="hdn", method_settings=own(), **longer)
    return folder


@pytest.fixture(scope="module")
def bundle(trained):
    return models.load(trained, verify=True)


@pytest.fixture(scope="module")
def stack(bundle):
    return predict_image(bundle, noisy(), samples=6)


@pytest.mark.thorough
@pytest.mark.tf
def test_the_loss_counts_each_layer_with_its_free_bits():
    import tensorflow as tf

    model = camera()
    method = HDN(noise_model=model, latents=2, free_bits=3.0, divergence_weight=0.5)
    rng = np.random.default_rng(0)
    values = rng.uniform(model.low, model.high, (2, 8, 8)).astype(np.float32)
    signal = rng.uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    # In nats per patch: [[1.28, 12.8], [6.4, 0]]; what is below 3 counts as 3.
    divergences = np.array(((0.02, 0.2), (0.1, 0.0)), np.float32)[:, None, None]
    outputs = np.concatenate([signal, np.broadcast_to(divergences, (2, 8, 8, 2))], -1)
    targets = values[..., None] / unit_of(model)
    found = float(method.loss("elbo", total=whole)(tf.constant(targets), tf.constant(outputs)))
    likelihood = np.log(model.density(values, model.between(signal[..., 0]))).mean()
    charged = ((3 + 12.8) + (6.4 + 3)) / 2 / 64
    assert found == pytest.approx(0.5 * charged - likelihood, rel=1e-3)
    # What is reported is the bound itself.
    measures = method.measures(method.tally(targets, outputs))
    bound = likelihood - (0.22 + 0.1) / 2
    assert measures["elbo"] == pytest.approx(bound, rel=1e-3)


@pytest.mark.thorough
@pytest.mark.tf
def test_a_layer_below_its_free_bits_is_not_pushed_further():
    import tensorflow as tf

    method = HDN(noise_model=camera(), latents=2, free_bits=1.0)
    outputs = tf.Variable(np.full((1, 4, 4, 3), (0.0, 0.01, 0.2), np.float32))
    with tf.GradientTape() as tape:
        value = method.divergence(outputs[..., 1:], 1.0, whole)
    gradient = tape.gradient(value, outputs).numpy()
    assert not gradient[..., :2].any()
    np.testing.assert_allclose(gradient[..., 2], 1 / 16)


@pytest.mark.thorough
@pytest.mark.tf
def test_samples_differ_and_their_mean_is_better_than_one(bundle, stack):
    assert dict(stack.sizes) == {"Z": 6, "Y": 96, "X": 96}
    assert stack.std("Z").mean() > 0.2
    assert error(stack.mean("Z")) < min(error(one) for one in stack)
    mean = predict_image(bundle, noisy())
    np.testing.assert_allclose(mean, stack.mean("Z"), rtol=1e-4)
    assert error(mean) < 0.5 * error(noisy())


@pytest.mark.thorough
@pytest.mark.tf
def test_the_loss_falls(trained):
    with (trained / "log.csv").open() as file:
        first, *_, last = csv.DictReader(file)
    assert float(last["loss"]) < float(first["loss"])
    assert float(last["val_elbo"]) > float(first["val_elbo"])
    assert float(last["val_divergence"]) > 0


@pytest.mark.thorough
@pytest.mark.tf
def test_the_same_samples_are_drawn_each_time_and_in_tiles(trained, bundle, stack):
    assert bundle.config.multiple_of == 4
    np.testing.assert_array_equal(predict_image(models.load(trained), noisy(), samples=6), stack)
    # The halo of this network is wider than the image: the tiles are cut out of a longer one.
    side = 2 * (bundle.config.halo + 8)
    long = np.random.default_rng(0).normal(noisy().mean(), noisy().std(), (16, side + 64))
    long = long.astype(np.float32)
    tiled, at_once = (predict_image(bundle, long, tile=tile) for tile in (side, 2 * side))
    np.testing.assert_allclose(tiled, at_once, rtol=2e-5)


@pytest.mark.thorough
@pytest.mark.tf
def test_the_model_of_the_last_epoch_is_whole_and_can_be_trained_further(trained):
    bundle = models.load(trained / LAST, verify=True)
    # Its weights lie in the decoder of the samples, in the order of the network in training.
    config = bundle.config
    again = network(config.architecture.name, config.architecture.arguments).build()
    again.set_weights(bundle.model.get_weights())
    ready = bundle.prepare(noisy().data)[None, :32, :32]
    found = config.method.deployed(again)(ready)
    np.testing.assert_allclose(found, bundle.model(ready), rtol=1e-5)


@pytest.mark.thorough
@pytest.mark.tf
def test_a_stopped_training_goes_on_as_if_it_had_not_been(tmp_path):
    short = {**LADDER, "kind": "hdn", "method_settings": own(), "steps": 1, "depth": 1, "width": 2}
    whole_run = training.train([noisy()], tmp_path / "a", **short)

    def stop(epoch):
        if epoch.epoch == 1:
            raise Cancelled

    training.train([noisy()], tmp_path / "b", watch=stop, **short)
    resumed = training.train([noisy()], tmp_path / "b", resume=True, **short)
    for one, two in zip(whole_run.model.get_weights(), resumed.model.get_weights(), strict=True):
        # Sums of several threads are not the same each time.
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_the_depth_says_how_many_layers_there_are():
    settings = Settings.of({"kind": "hdn", "method_settings": own(), "depth": 4})
    assert settings.method.latents == 4
    network = settings.built(1).model_dump()
    assert (network["depth"], network["classes"]) == (4, 5)
    assert Settings.of(settings.model_dump()) == settings
    assert Settings.of({"kind": "hdn", "method_settings": own()}).method.latents == 3


@pytest.mark.parametrize(
    ("changed", "given", "words"),
    [
        ({"latents": 6}, {}, "latents: 6 layers.*the depth is 3"),
        ({"free_bits": -1}, {}, "free_bits"),
        ({"noise_model": None}, {}, "kind hdn needs one"),
        ({}, {"network": {"latent": 0}}, "latent"),
        ({}, {"network": {"depth": 2}}, "2 layers of latent variables"),
        ({}, {"architecture": "vae"}, "classes"),
        ({}, {"depth": 5, "patch": 48}, "48 px is not a multiple"),
    ],
)
def test_a_wrong_setting_is_one_clear_error(changed, given, words):
    mine = {name: value for name, value in own(**changed).items() if value is not None}
    with pytest.raises(UserError, match=words) as caught:
        Settings.of({"kind": "hdn", "method_settings": mine, **given})
    assert "\n" not in caught.value.problem
