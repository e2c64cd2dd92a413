import numpy as np
import pytest
from click.testing import CliRunner
from noisy_images import SMALL, camera, error, noisy

from imagej_dl import images, models, noise, training
from imagej_dl.cli import cli
from imagej_dl.errors import UserError
from imagej_dl.methods.divnoising import DivNoising
from imagej_dl.methods.shared.losses import whole
from imagej_dl.methods.shared.noise_model_method import unit_of
from imagej_dl.prediction import predict_image
from imagej_dl.training.finalize import LAST

pytestmark = [pytest.mark.tf, pytest.mark.thorough]

LONGER = {**SMALL, "depth": 2, "epochs": 2, "steps": 60, "width": 8, "learning_rate": 4e-3}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("divnoising") / "model"
    own = {"noise_model": camera(), "samples": 10}
    training.train([noisy()], folder, kind="divnoising", method_settings=own, **LONGER)
    return folder


def test_samples_differ_and_their_mean_is_better_than_one(trained):
    bundle = models.load(trained, verify=True)
    stack = predict_image(bundle, noisy(), samples=10)
    assert stack.dims == ("Z", "Y", "X")
    assert stack.sizes["Z"] == 10
    assert np.all(stack.std("Z").mean() > 0.5)
    errors = [error(one) for one in stack]
    assert error(stack.mean("Z")) < min(errors)
    mean = predict_image(bundle, noisy())
    np.testing.assert_allclose(mean, stack.mean("Z"), rtol=1e-4)
    assert error(mean) < error(noisy())


def test_the_same_samples_are_drawn_each_time_and_in_tiles(trained):
    bundle = models.load(trained)
    stack = predict_image(bundle, noisy(), samples=3)
    np.testing.assert_array_equal(predict_image(models.load(trained), noisy(), samples=3), stack)
    tiled = predict_image(bundle, noisy(), samples=3, tile=80)
    np.testing.assert_allclose(tiled, stack, rtol=2e-5)


def test_the_model_of_the_last_epoch_is_whole_too(trained):
    last = models.load(trained / LAST, verify=True)
    assert predict_image(last, noisy()).dims == ("Y", "X")


def test_another_seed_draws_other_samples(trained):
    bundle = models.load(trained)
    other = bundle.config.method.model_copy(update={"draws": 7})
    ready = bundle.prepare(noisy().data)[None]
    first, second = (m.sampling(bundle.model, 2)(ready) for m in (bundle.config.method, other))
    assert np.abs(np.asarray(first) - np.asarray(second)).mean() > 1e-3


def test_samples_of_a_stack_with_slices_are_channels(trained):
    bundle = models.load(trained)
    stack = images.make(np.stack([noisy(0).data, noisy(1).data]), "ZYX")
    found = predict_image(bundle, stack, samples=2)
    assert dict(found.sizes) == {"C": 2, "Z": 2, "Y": 96, "X": 96}
    movie = images.make(np.stack([noisy(0).data, noisy(1).data]), "TYX")
    found = predict_image(bundle, movie, samples=3)
    assert dict(found.sizes) == {"T": 2, "Z": 3, "Y": 96, "X": 96}
    np.testing.assert_allclose(found[0], predict_image(bundle, noisy(0), samples=3), rtol=1e-5)


def test_the_loss_is_likelihood_and_divergence():
    import tensorflow as tf

    model = camera()
    method = DivNoising(noise_model=model, divergence_weight=0.5)
    rng = np.random.default_rng(0)
    values = rng.uniform(model.low, model.high, (2, 8, 8)).astype(np.float32)
    outputs = rng.uniform(-1, 1, (2, 8, 8, 2)).astype(np.float32)
    compute = method.loss("elbo", total=whole)
    targets = values[..., None] / unit_of(model)
    found = float(compute(tf.constant(targets), tf.constant(outputs)))
    likelihood = np.log(model.density(values, model.between(outputs[..., 0])))
    expected = 0.5 * outputs[..., 1].mean() - likelihood.mean()
    assert found == pytest.approx(expected, rel=1e-3)
    measures = method.measures(method.tally(targets, outputs))
    assert measures["elbo"] == pytest.approx(likelihood.mean() - outputs[..., 1].mean(), rel=1e-3)


def test_the_command_writes_the_samples_as_a_hyperstack(trained, tmp_path):
    images.write(noisy(), tmp_path / "in" / "noisy.tif")
    command = ["predict", str(trained), str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, [*command, "--samples", "4"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = images.read(tmp_path / "out" / "noisy.tif")
    assert dict(found.sizes) == {"Z": 4, "Y": 96, "X": 96}
    np.testing.assert_array_equal(found, predict_image(models.load(trained), noisy(), samples=4))


def test_the_command_trains_with_a_noise_model(tmp_path):
    images.write(noisy(), tmp_path / "in" / "noisy.tif")
    noise.write(camera(), tmp_path / "noise.json")
    command = ["train", str(tmp_path / "in"), "--out", str(tmp_path / "model")]
    command += ["--kind", "divnoising", "--epochs", "1", "--patch", "32", "--width", "4"]
    command += ["--settings", '{"steps": 2}', "--batch", "2"]
    result = CliRunner().invoke(cli, command)
    assert "noise_model: kind divnoising needs one" in str(result.exception)
    command += ["--noise-model", str(tmp_path / "noise.json")]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert models.load_config(tmp_path / "model").method.known_noise == camera()


def test_models_that_draw_none_have_no_samples(trained, tmp_path):
    bundle = models.load(trained)
    with pytest.raises(UserError, match="several models"):
        predict_image(bundle, noisy(), samples=2, ensemble=[trained])
    own = {"noise_model": camera(), "samples": 4}
    short = {**SMALL, "epochs": 1, "steps": 1}
    other = training.train([noisy()], tmp_path / "m", kind="pn2v", method_settings=own, **short)
    with pytest.raises(UserError, match="draws no samples"):
        predict_image(other, noisy(), samples=2)
