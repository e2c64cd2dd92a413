import json

import numpy as np
import pytest
from noisy_images import SMALL, camera, clean, error, noisy

from imagej_dl import images, models, noise, training
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.methods.pn2v import PN2V
from imagej_dl.methods.shared.losses import whole
from imagej_dl.methods.shared.noise_model_method import unit_of
from imagej_dl.methods.shared.sample_outputs import samples_of
from imagej_dl.prediction import predict_image
from imagej_dl.training import Settings
from imagej_dl.training.finalize import LAST

pytestmark = pytest.mark.tf

OWN = {"samples": 20}


def settings(**more):
    return {"kind": "pn2v", "method_settings": {"noise_model": camera(), **OWN}, **more}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pn2v") / "model"
    longer = {**SMALL, "steps": 60, "width": 8, "learning_rate": 5e-3}
    training.train([noisy()], folder, **settings(**longer))
    return folder


def test_the_loss_is_that_of_the_mean_density_at_scored_pixels():
    import tensorflow as tf

    model = camera()
    method = PN2V(noise_model=model, samples=5)
    rng = np.random.default_rng(0)
    values = rng.uniform(model.low, model.high, (2, 8, 8)).astype(np.float32)
    mask = (rng.random((2, 8, 8)) < 0.2).astype(np.float32)
    outputs = rng.uniform(-1, 1, (2, 8, 8, 7)).astype(np.float32)
    targets = np.stack([values / unit_of(model), mask], axis=-1)
    compute = method.loss("noise_likelihood", total=whole)
    found = float(compute(tf.constant(targets), tf.constant(outputs)))
    p = model.density(values[..., None], model.between(samples_of(outputs))).mean(axis=-1)
    assert found == pytest.approx(-np.log(p[mask > 0]).mean(), rel=1e-3)
    # A pixel of weight 0 counts for nothing, and neither does what is not hidden.
    weights = np.ones((2, 8, 8), np.float32)
    weights[0] = 0
    found = float(compute(tf.constant(targets), tf.constant(outputs), tf.constant(weights)))
    assert found == pytest.approx(-np.log(p[1][mask[1] > 0]).mean(), rel=1e-3)


def test_samples_that_are_all_one_are_widened():
    """The likelihood alone has next to no gradient there."""
    import tensorflow as tf

    model = camera()
    method = PN2V(noise_model=model, samples=5)
    targets = np.ones((1, 4, 4, 2), np.float32)
    targets[..., 0] = model.between(0.2) / unit_of(model)
    for width, sign in ((-5.5, -1), (-2.0, 0)):
        outputs = np.zeros((1, 4, 4, 7), np.float32)
        outputs[..., 0], outputs[..., 1] = 0.2, width
        variable = tf.Variable(outputs)
        with tf.GradientTape() as tape:
            value = method.loss("noise_likelihood", total=whole)(tf.constant(targets), variable)
        slope = float(tf.reduce_sum(tape.gradient(value, variable)[..., 1]))
        assert slope < -0.01 if sign else slope >= 0


def test_the_estimate_weighs_samples_by_the_observed_pixel():
    import keras

    from imagej_dl.models.posterior import PosteriorMean

    model = camera()
    rng = np.random.default_rng(0)
    observed = rng.uniform(model.low, model.high, (1, 4, 4, 1)).astype(np.float32)
    outputs = rng.uniform(-1, 1, (1, 4, 4, 11)).astype(np.float32)
    layer = PosteriorMean(model.model_dump(mode="json"), unit_of(model))
    found = keras.ops.convert_to_numpy(layer([observed / unit_of(model), outputs]))
    signals = model.between(samples_of(outputs).astype(np.float64))
    p = model.density(observed, signals)
    expected = (p * signals).sum(-1, keepdims=True) / p.sum(-1, keepdims=True)
    np.testing.assert_allclose(found * unit_of(model), expected, rtol=1e-3)
    # Even where no sample is near the pixel the nearest one counts, and nothing is NaN.
    far = keras.ops.convert_to_numpy(layer([np.full_like(observed, 50), outputs]))
    np.testing.assert_allclose(far[..., 0] * unit_of(model), signals.max(-1), rtol=0.02)


def test_the_first_samples_are_dark_and_narrower_than_the_noise():
    """The offset of a camera, many times the contrast, is none to the network."""
    from imagej_dl.models.networks.registry import network

    model = camera()
    method = PN2V(noise_model=model, samples=9, revision=2)
    given = {"channels": 1, "classes": method.outputs, "output": "linear", "width": 2, "depth": 1}
    suited = {k: v for k, v in method.network.items() if k != "apart"}
    built = network("unet_n2v", given | suited).build()
    dark = np.full((1, 4, 4, 1), model.low / unit_of(model), np.float32)
    signals = method.signal(samples_of(np.asarray(built(dark), np.float64)))
    np.testing.assert_allclose(signals.mean(axis=-1), model.low, rtol=1e-3)
    assert 0 < signals.std() < np.sqrt(model.variance(np.array(model.high)))


def test_it_is_trained_and_gives_an_image_in_its_own_intensities(trained):
    bundle = models.load(trained, verify=True)
    assert bundle.config.classes == ("intensity",)
    assert bundle.config.method.known_noise == camera()
    image = noisy()
    made = predict_image(bundle, image)
    assert made.dims == image.dims
    assert error(made) < 0.9 * error(image)
    assert abs(float(made.mean()) - clean().mean()) < 10


def test_the_model_of_the_last_epoch_is_whole_too(trained):
    last = models.load(trained / LAST, verify=True)
    assert predict_image(last, noisy()).dims == ("Y", "X")


def test_tiles_leave_no_seams(trained):
    bundle = models.load(trained)
    whole_plane = predict_image(bundle, noisy())
    tiled = predict_image(bundle, noisy(), tile=32)
    np.testing.assert_allclose(tiled, whole_plane, rtol=1e-5)


def test_an_image_in_other_intensities_is_not_predicted(trained):
    """A guess at its noise would look like a result."""
    stretched = images.with_data(noisy(), (noisy().data - 100) / 300, ["Y", "X"])
    with pytest.raises(UserError, match="darker"):
        predict_image(models.load(trained), stretched)


@pytest.mark.thorough
def test_training_goes_on_from_the_model_with_its_noise_model(trained, tmp_path):
    more = {"epochs": 1, "steps": 2, "batch": 2}
    bundle = training.train([noisy(1)], tmp_path / "second", start=trained, **more)
    assert bundle.config.method.known_noise == camera()
    other = {"noise_model": camera().model_copy(update={"high": 900.0}), **OWN}
    with pytest.raises(UserError, match="noise model"):
        training.train([noisy()], tmp_path / "no", start=trained, method_settings=other, **more)


def test_a_network_of_another_noise_model_is_refused(trained, tmp_path):
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(trained, copy)
    path = copy / "config.json"
    content = json.loads(path.read_text())
    content["method_settings"]["noise_model"]["high"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="other settings of the method"):
        models.load(copy)


def test_the_noise_model_is_read_from_its_file(tmp_path):
    path = tmp_path / "noise.json"
    noise.write(camera(), path)
    found = Settings.of({"kind": "pn2v", "method_settings": {"noise_model": str(path)}})
    assert found.method.known_noise == camera()
    assert found.normalisation.largest == unit_of(camera())
    json.dumps(found.model_dump(mode="json"))


def test_only_a_training_that_begins_has_the_second_network():
    """Weights of version 0.1.0, whose settings name no revision, go into its network."""
    bare = {"noise_model": camera().model_dump(mode="json")}
    begun = Settings.of({"kind": "pn2v", "method_settings": bare})
    assert (begun.method.samples, begun.method.revision) == (32, 2)
    earlier = {**begun.model_dump(mode="json"), "method_settings": bare}
    method = Settings.of(earlier).method
    assert (method.samples, method.revision) == (100, 1)
    assert method.network == {"apart": False, "pooling": "max", "residual": False, "top_skip": True}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "noise_model: kind pn2v needs one"),
        ({"method_settings": {"noise_model": "nowhere.json"}}, "no such file"),
        ({"method_settings": {"noise_model": {"kind": "guess"}}}, "noise_model"),
        (settings(normalisation={"method": "percentile"}), "normalisation: kind pn2v has that"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given, words):
    with pytest.raises(UserError, match=words):
        Settings.of({"kind": "pn2v", **given})


def test_images_of_another_camera_are_refused(tmp_path):
    wrong = images.with_data(noisy(), (noisy().data / 400).astype(np.float32), ["Y", "X"])
    with pytest.raises(UserError, match="darker"):
        training.train([wrong], tmp_path / "no", **settings(**SMALL))
    two = images.make(np.stack([noisy().data] * 2), "CYX")
    with pytest.raises(UserError, match="2 channels"):
        training.train([two], tmp_path / "no", **settings(**SMALL))


def test_pixels_beyond_the_noise_model_are_said():
    method = PN2V(noise_model=camera())
    plane = noisy().data[..., None] / unit_of(camera())
    method.check_images([plane])
    bright = np.where(np.arange(plane.size).reshape(plane.shape) % 10 == 0, 3, plane)
    with pytest.warns(DataWarning, match="brighter than the noise model"):
        method.check_images([bright])
