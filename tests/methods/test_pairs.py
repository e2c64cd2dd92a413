"""CARE and Noise2Noise: learnt from pairs of images, they denoise in the input's intensities."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_search
from click.testing import CliRunner
from scipy import ndimage as ndi

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.methods.registry import METHODS
from imagej_dl.prediction import predict_image

pytestmark = pytest.mark.tf

TINY = {"epochs": 4, "steps": 30, "batch": 8, "patch": 32, "depth": 1, "width": 8, "seed": 1}
SHORT = {**TINY, "epochs": 1, "steps": 4, "width": 4}
NOISE = 12.0


def clean(seed, side=64, channels=1):
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side))
    planes = []
    for _ in range(channels):
        plane = np.full((side, side), 20.0)
        for _ in range(12):
            cy, cx = rng.uniform(0, side, 2)
            plane[(y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(3, 7) ** 2] = rng.uniform(60, 100)
        planes.append(ndi.gaussian_filter(plane, 1))
    return planes[0] if channels == 1 else np.stack(planes)


def noisy(plane, seed):
    return (plane + np.random.default_rng(1000 + seed).normal(0, NOISE, plane.shape)).astype(
        np.float32
    )


def image(array, title=""):
    return images.make(array, "CYX" if array.ndim == 3 else "YX", title=title)


def pairs(target, count=6, channels=1):
    """Return noisy images with `target(clean, seed)`."""
    made = [clean(seed, channels=channels) for seed in range(count)]
    return [
        (image(noisy(plane, seed), f"n{seed}"), image(target(plane, seed)))
        for seed, plane in enumerate(made)
    ]


def exposed(plane, seed):
    """A long exposure: without noise, 40 times as bright, with an offset."""
    return (40 * plane + 700).astype(np.uint16)


def exposed_noisy(plane, seed):
    return 3 * noisy(plane, seed + 50) + 70


def psnr(found, true):
    return 10 * np.log10(np.ptp(true) ** 2 / np.square(found - true).mean())


@pytest.mark.thorough(except_for=["care-exposed"])
@pytest.mark.parametrize(("kind", "target"), [("care", exposed), ("noise2noise", exposed_noisy)])
def test_noise_is_taken_off_and_intensities_stay_those_of_the_input(tmp_path, kind, target):
    out = tmp_path / "model"
    training.train(pairs(target), out, kind=kind, **TINY)
    true = clean(77)
    given = noisy(true, 77)
    found = predict_image(models.load(out, verify=True), image(given))
    assert psnr(found.data, true) > psnr(given, true) + 3
    assert abs(found.data.mean() - true.mean()) < 3
    # Contrast, too: the targets' own is 40 or 3 times as much.
    slope = np.polyfit(true.ravel(), found.data.ravel(), 1)[0]
    assert 0.75 < slope < 1.15
    config = json.loads((out / "config.json").read_text())
    assert config["classes"] == ["intensity"]
    assert config["training"]["loss"] == METHODS[kind].losses[0]


@pytest.mark.thorough
def test_several_channels_are_learnt_together(tmp_path):
    bundle = training.train(pairs(exposed, channels=2), tmp_path / "model", kind="care", **TINY)
    true = clean(77, channels=2)
    given = noisy(true, 77)
    found = predict_image(bundle, image(given))
    assert found.dims == ("C", "Y", "X")
    for channel in range(2):
        assert psnr(found.data[channel], true[channel]) > psnr(given[channel], true[channel])
    assert bundle.config.method.image_channels == 2


def test_targets_that_are_no_partner_are_refused_by_name(tmp_path):
    good = pairs(exposed)
    for wrong, words in (
        (image(clean(0)[:40]), "64 × 40 px, but its image is 64 × 64 px"),
        (image(clean(0, channels=2)), "with 2 channels"),
        (images.make(np.stack([clean(0)] * 3), "TYX"), "with 3 frames"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            training.train([*good, (good[0][0], wrong)], tmp_path / "no", kind="care", **SHORT)
        assert "the target of n0" in str(caught.value)
    holed = clean(0)
    holed[3, 4] = np.nan
    for broken in ((good[0][0], image(holed)), (image(holed, "n0"), good[0][1])):
        with pytest.raises(UserError, match="NaN or infinite, the first at x=4, y=3"):
            training.train([*good, broken], tmp_path / "no", kind="care", **SHORT)


def test_files_are_named_and_a_file_s_target_may_be_elsewhere(tmp_path):
    for seed, (given, target) in enumerate(pairs(exposed, 3)):
        images.write(given, tmp_path / "low" / f"{seed}.tif")
        images.write(target, tmp_path / "high" / f"{seed}.tif")
    training.train(tmp_path, tmp_path / "model", kind="care", **SHORT)
    images.write(image(clean(0)[:40].astype(np.float32)), tmp_path / "low" / "3.tif")
    images.write(image(exposed(clean(0), 0)), tmp_path / "high" / "3.tif")
    with pytest.raises(UserError, match=r"high.3\.tif: is 64 × 64 px"):
        training.train(tmp_path, tmp_path / "no", kind="care", **SHORT)
    (tmp_path / "high" / "3.tif").unlink()
    with pytest.raises(UserError, match=r"3\.tif"):
        training.train(tmp_path, tmp_path / "no", kind="care", **SHORT)


def test_the_command_takes_a_folder_of_targets(tmp_path):
    for seed, (given, target) in enumerate(pairs(exposed, 3)):
        images.write(given, tmp_path / "noisy" / f"{seed}.tif")
        images.write(target, tmp_path / "good" / f"{seed}.tif")
    command = ["train", str(tmp_path / "noisy"), "--targets", str(tmp_path / "good")]
    options = ["--epochs", "1", "--width", "4", "--depth", "1", "--patch", "32"]
    options += ["--settings", '{"steps": 3}', "--out"]

    def run(kind, out):
        asked = [*command, *options, str(tmp_path / out), "--kind", kind]
        return CliRunner().invoke(cli, asked)

    done = run("care", "model")
    assert done.exit_code == 0, done.output
    assert "PSNR" in done.output
    refused = run("border", "no")
    assert "learns from no targets" in str(refused.exception)
    images.write(image(clean(9).astype(np.float32)), tmp_path / "noisy" / "alone.tif")
    refused = run("noise2noise", "no")
    assert "alone.tif" in str(refused.exception)
    assert not (tmp_path / "no").exists()


@pytest.mark.thorough
def test_hyperparameters_are_searched_on_pairs(tmp_path):
    from imagej_dl.search import search

    for seed, (given, target) in enumerate(pairs(exposed, 4)):
        images.write(given, tmp_path / "data" / "inputs" / f"{seed}.tif")
        images.write(target, tmp_path / "data" / "targets" / f"{seed}.tif")
    found = search(tmp_path / "data", tmp_path / "search", kind="care", **tiny_search.options())
    assert found is not None
    assert np.isfinite(found.score)


@pytest.mark.thorough
def test_shifted_and_saturated_pairs_are_said_and_trained_on(tmp_path):
    def moved(plane, seed):
        return ndi.shift(exposed(clean(seed), seed).astype(float), (0, 4), mode="nearest")

    with pytest.warns(DataWarning, match=r"n\d: the target is shifted by 4\.\d px along X"):
        training.train(pairs(moved), tmp_path / "model", kind="care", **SHORT)
    bright = [
        (given, image((20 * t.data.astype(float)).clip(0, 65535).astype(np.uint16)))
        for given, t in pairs(exposed)
    ]
    with pytest.warns(DataWarning, match=r"the target of n\d: .*saturated"):
        training.train(bright, tmp_path / "bright", kind="care", **SHORT)


@pytest.mark.thorough
def test_a_stopped_training_goes_on_and_a_model_is_fine_tuned(tmp_path):
    def stop(epoch):
        if epoch.epoch == 1:
            raise KeyboardInterrupt

    out = tmp_path / "model"
    longer = {**SHORT, "epochs": 2}
    training.train(pairs(exposed), out, kind="care", watch=stop, **longer)
    with pytest.raises(UserError, match="other images"):
        training.train(pairs(exposed, 5), out, resume=True)
    resumed = training.train(pairs(exposed), out, resume=True)
    whole = training.train(pairs(exposed), tmp_path / "whole", kind="care", **longer)
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    tuned = training.train(
        pairs(exposed_noisy), tmp_path / "tuned", start=tmp_path / "whole", epochs=1, steps=2
    )
    assert tuned.config.kind == "care"


@pytest.mark.parametrize("kind", ["care", "noise2noise"])
def test_losses_are_the_errors_of_pixels_that_count(kind):
    import tensorflow as tf

    method = METHODS[kind]()
    target = np.zeros((1, 2, 2, 2), np.float32)
    output = np.full((1, 2, 2, 2), 3, np.float32)
    output[0, 0, 0] = 5
    weights = np.ones((1, 2, 2), np.float32)
    weights[0, 0, 0] = 0
    for name, all_of_them, without in (("mae", 3.5, 3.0), ("mse", 13.0, 9.0)):
        loss = method.loss(name, total=lambda *sums: sums)
        assert float(loss(tf.constant(target), tf.constant(output))) == pytest.approx(all_of_them)
        assert float(loss(target, output, tf.constant(weights))) == pytest.approx(without)
