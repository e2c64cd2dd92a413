"""The report of a training without ground truth: the Gaussian, and noise that it would keep."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl import images
from imagej_dl.denoising import noise_correlation
from imagej_dl.errors import DataWarning
from imagej_dl.methods import registry
from imagej_dl.training import denoising_report, reporting, train
from imagej_dl.training.objective import Validator
from imagej_dl.training.patches import Example

N2V = registry.METHODS["n2v"]()
QUICK = {"epochs": 1, "steps": 2, "patch": 32, "batch": 2, "width": 4, "seed": 0}


def noise(seed: int = 0, rows: float = 0.0, side: int = 192) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(side, side)) + rows * rng.normal(size=(side, 1))


def example(*channels: np.ndarray) -> Example:
    image = np.stack(channels, axis=-1).astype(np.float32)
    return Example("noisy.tif", image, np.ones(image.shape[:2], np.uint8), target=image)


def test_correlated_noise_is_warned_of_with_settings_that_hide_it():
    with pytest.warns(DataWarning, match="correlated horizontally") as caught:
        found = denoising_report.noise(N2V, [example(noise(rows=1.0))])
    assert found[0].lengths == (0, 8)
    text = str(caught[0].message)
    assert "n2v takes such noise for signal" in text
    given = json.loads(re.search(r"--settings '(.*)'", text)[1])
    assert given == {"method_settings": {"direction": "horizontal", "length": 17}}


def test_white_noise_other_methods_and_few_pixels_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert denoising_report.noise(N2V, [example(noise())])[0].lengths == (0, 0)
        assert denoising_report.noise(N2V, [example(noise(rows=1.0, side=64))]) == [None]
        assert denoising_report.noise(N2V, []) == []
        border = registry.METHODS["border"]()
        assert denoising_report.noise(border, [example(noise(rows=1.0))]) == []


def test_the_channel_is_named_where_there_are_several():
    with pytest.warns(DataWarning, match="in channel 2 the noise") as caught:
        found = denoising_report.noise(N2V, [example(noise(), noise(1, 1.0), noise(2))])
    assert len(caught) == 1
    assert [one.lengths for one in found] == [(0, 0), (0, 8), (0, 0)]


def test_what_is_proposed_has_the_form_of_the_noise():
    columns = noise_correlation([noise(rows=1.0).T])
    assert denoising_report.proposed(columns) == {
        "method_settings": {"direction": "vertical", "length": 17}
    }
    blurred = noise_correlation([ndi.gaussian_filter(noise(), 0.7)])
    assert denoising_report.proposed(blurred) == {"method_settings": {"kernel": [[1] * 3] * 3}}
    both = noise(rows=1.0, side=384) + noise(5, 1.0, 384).T
    kernel = np.array(
        denoising_report.proposed(noise_correlation([both]))["method_settings"]["kernel"]
    )
    assert kernel.shape == (17, 17)
    assert kernel.sum() == 33  # a cross


@pytest.mark.parametrize(
    ("hidden", "covered"),
    [
        ((1, 1), False),
        ((1, 3), False),
        ((1, 5), True),
        ((1, 7), True),
        ((5, 1), False),
        ((3, 5), True),
    ],
)
def test_what_is_hidden_already_is_not_proposed(hidden, covered):
    kernel = np.ones((1, 5), bool)
    assert denoising_report._covers(np.ones(hidden, bool), kernel) is covered


def batches(truth: np.ndarray, sigma: float, count: int = 4) -> list:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, sigma, (count, *truth.shape)).astype(np.float32)
    noisy = (truth + noise)[..., None]
    mask = (rng.random(noisy.shape) < 0.05).astype(np.float32)
    return [(noisy, np.concatenate([noisy, mask], -1), None)]


class Model:
    """A network that gives the same image whatever it sees."""

    def __init__(self, truth: np.ndarray) -> None:
        self.truth = truth[None, ..., None]
        self.inputs = [np.empty((0, *self.truth.shape[1:]), np.float32)]

    def __call__(self, batch, training):
        assert not training
        return np.repeat(self.truth, len(batch), axis=0)


def test_a_network_is_compared_at_the_blind_spots():
    truth = ndi.gaussian_filter(noise(3, side=48), 2).astype(np.float32)
    validator = Validator(N2V, None, batches(truth, 0.2))
    good = denoising_report.compared(N2V, validator, Model(truth))
    poor = denoising_report.compared(N2V, validator, Model(np.zeros_like(truth) + 1))
    assert (good.verdict, poor.verdict) == ("network", "gaussian")
    assert good.network == pytest.approx(0.2, rel=0.1)
    assert good.pixels > 2000  # validation hides few hundred
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        denoising_report.warn_if_gaussian(good)
        denoising_report.warn_if_gaussian(None)
    with pytest.warns(DataWarning, match=r"not better than a Gaussian of [\d.]+ px"):
        denoising_report.warn_if_gaussian(poor)
    striped = [noise_correlation([noise(rows=1.0)])]
    assert denoising_report.compared(N2V, validator, Model(truth), striped) is None
    hiding = registry.METHODS["structn2v"](length=17)
    assert denoising_report.compared(hiding, validator, Model(truth), striped).verdict == "network"
    white = [noise_correlation([noise()]), None]
    assert denoising_report.compared(N2V, validator, Model(truth), white) == good
    border = registry.METHODS["border"]()
    assert denoising_report.compared(border, validator, Model(truth)) is None


@pytest.mark.tf
def test_a_training_says_how_good_a_gaussian_is(tmp_path):
    shape = ndi.gaussian_filter(noise(4), 3)
    values = 1000 + 3000 * shape / shape.std() + 300 * noise(5)
    image = images.make(np.clip(values, 0, 65535).astype(np.uint16), "YX", title="noisy.tif")
    with pytest.warns(DataWarning) as caught:
        bundle = train([image], tmp_path / "model", kind="n2v", **QUICK)
    texts = [str(one.message) for one in caught]
    assert sum("not better than a Gaussian" in text for text in texts) == 1
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    kept = metrics["denoising"]["blind_spots"]
    assert kept["better"] == "gaussian"
    assert kept["network"] == pytest.approx(metrics["validation"]["val_masked_error"], rel=0.3)
    assert kept["pixels"] > 500
    assert kept["network"] > kept["gaussian"] > 0
    assert len(metrics["denoising"]["noise_correlation"]) == 1
    text = reporting.summary(tmp_path / "model", metrics, bundle.config.method)
    assert f"a Gaussian of {kept['width']:g} px gives" in text
