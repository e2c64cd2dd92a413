"""Each loss against its formula, written with NumPy and loops."""

import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.methods import registry
from imagej_dl.methods.shared import losses
from imagej_dl.methods.shared.class_method import ClassMethod
from imagej_dl.training.objective import of
from imagej_dl.training.settings import Settings

pytestmark = pytest.mark.tf

RNG = np.random.default_rng(1)
SHAPE = (2, 17, 23)


def one_class():
    y = np.zeros(SHAPE, np.float32)
    y[0, 3:9, 4:15] = 1
    y[1, 10:, :5] = 1
    return y[..., None], RNG.uniform(0.02, 0.98, (*SHAPE, 1)).astype(np.float32)


def several(count, independent=False):
    y = np.eye(count, dtype=np.float32)[RNG.integers(0, count, SHAPE)]
    z = RNG.normal(0, 2, (*SHAPE, count))
    p = 1 / (1 + np.exp(-z)) if independent else np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    return y, p.astype(np.float32)


def bce(y, p):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def value(name, *args, class_weights=None):
    return float(losses.named(name, class_weights)(*args))


def test_binary_cce():
    y, p = one_class()
    assert value("binary_cce", y, p, 7.0) == pytest.approx(bce(y, p).mean(), rel=1e-5)


def test_weighted_bce_is_the_mean_of_entropy_times_map():
    y, p = one_class()
    w = RNG.uniform(1, 10, SHAPE).astype(np.float32)
    expected = (w * bce(y, p)[..., 0]).mean()
    assert value("weighted_bce", y, p, w) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("classes", [1, 2])
def test_weighted_bce_dice(classes):
    y, p = one_class() if classes == 1 else several(2, independent=True)
    y = np.where(np.indices(y.shape)[2] < 12, y, 0).astype(np.float32)
    w = np.ones_like(y)
    for n, i, j, c in np.ndindex(y.shape):
        near = y[n, max(i - 5, 0) : i + 6, max(j - 5, 0) : j + 6, c].astype(float)
        if 0.005 < near.mean() < 0.995:
            w[n, i, j, c] = 3
    assert {1, 3} == set(np.unique(w))
    w = w / w.mean()
    z = np.log(p / (1 - p)).astype(float)
    soft = np.log(1 + np.exp(-np.abs(z))) + np.maximum(-z, 0)
    entropy = ((1 - y) * z + (1 + (w - 1) * y) * soft).sum() / w.sum()
    dice = 1 - (2 * (w**2 * y * p).sum() + 1) / ((w**2 * y).sum() + (w**2 * p).sum() + 1)
    assert value("weighted_bce_dice", y, p, 1.0) == pytest.approx(entropy + dice, rel=1e-4)


def test_sparse_cce():
    y, p = several(3)
    expected = -np.log(p[y.astype(bool)]).mean()
    assert value("sparse_cce", y, p, 9.0) == pytest.approx(expected, rel=1e-5)


def test_categorical_cce_with_and_without_class_weights():
    y, p = several(2)
    each = -np.log(p[y.astype(bool)])
    assert value("categorical_cce", y, p, 1.0) == pytest.approx(each.mean(), rel=1e-5)
    w = np.where(y[..., 1].ravel() == 1, 10, 1)
    expected = (w * each).mean()
    found = value("categorical_cce", y, p, 1.0, class_weights=(1, 10))
    assert found == pytest.approx(expected, rel=1e-5)


def test_multiple_output_is_a_weighted_sum_of_entropies():
    y, p = several(2, independent=True)
    expected = bce(y[..., 0], p[..., 0]).mean() + 10 * bce(y[..., 1], p[..., 1]).mean()
    found = value("multiple_output", y, p, 1.0, class_weights=(1, 10))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["binary_cce", "weighted_bce", "weighted_bce_dice", "sparse_cce"])
def test_what_is_no_number_stays_none(name):
    y = np.ones((1, 16, 16, 1), np.float32)
    assert np.isnan(value(name, y, np.full_like(y, np.nan), 1.0))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "weighted_bce"}, "for one class"),
        ({"loss": "sparse_cce", "kind": "binary"}, "for several classes"),
        ({"loss": "categorical_cce", "class_weights": (1, 10)}, "2 class weights for the 4"),
    ],
)
def test_losses_that_do_not_go_with_the_classes_are_refused(given, words):
    with pytest.raises(UserError, match=words):
        Settings.of(given)


def test_losses_of_independent_classes_get_a_sigmoid_at_the_end():
    settings = Settings.of({"loss": "multiple_output", "kind": "foreground"})
    assert settings.built(1).output == "sigmoid"
    assert Settings.of({"loss": "sparse_cce"}).built(1).output is None


@pytest.mark.parametrize("name", ClassMethod.losses)
def test_each_loss_falls_towards_the_truth_without_weights_as_validation_calls_it(name):
    kind = "binary" if name in ("binary_cce", "weighted_bce") else "foreground"
    if name not in registry.METHODS[kind].losses:
        kind = next(k for k, method in registry.METHODS.items() if name in method.losses)
    given = {"loss": name, "kind": kind}
    if name in ("categorical_cce", "multiple_output"):
        given["class_weights"] = (1, 10)
    compute = of(Settings.of(given))
    y = one_class()[0]
    y = y if kind == "binary" else np.concatenate([1 - y, y], -1)
    near, far = (np.abs(y - shift).astype(np.float32) for shift in (0.1, 0.4))
    assert 0 <= float(compute(y, near)) < float(compute(y, far))
