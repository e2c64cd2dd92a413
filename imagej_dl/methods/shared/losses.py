"""The losses of microscopy-dl-suite-tf (esgomezm/microscopy-dl-suite-tf, MIT), by its names.

All take probabilities; what the suite computes of logits is the same of their probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from imagej_dl.models import CLASSES, backend

Loss = Literal[
    "cross_entropy",
    "binary_cce",
    "weighted_bce",
    "weighted_bce_dice",
    "sparse_cce",
    "categorical_cce",
    "multiple_output",
]
Function = Callable[..., Any]
"""(targets, probabilities, weights=1) → number: (N, Y, X, classes) twice, (N, Y, X)."""

Total = Callable[..., tuple[Any, ...]]
"""Sums tensors over the devices that share a batch. All that a loss sums over the batch goes
through it, so that the loss is that of the whole batch on each of them."""


def whole(*parts: Any) -> tuple[Any, ...]:
    """Return the sums as they are: one device has the whole batch."""
    return parts


_TINY = 1e-7
_ONE = ("binary_cce", "weighted_bce")
_SEVERAL = ("sparse_cce", "categorical_cce", "multiple_output")


def output(loss: str) -> str | None:
    """Return the last activation that a loss needs, None for the network's own."""
    return "sigmoid" if loss in ("multiple_output", "weighted_bce_dice") else None


def fits(loss: str, kind: str, class_weights: Sequence[float] | None) -> None:
    """Raise ValueError where a loss does not go with the kind, or weights with its classes."""
    count = len(CLASSES[kind])
    if loss in _ONE and count != 1:
        raise ValueError(f"the loss {loss} is for one class (kind binary), not for kind {kind}")
    if loss in _SEVERAL and count == 1:
        raise ValueError(f"the loss {loss} is for several classes (kind foreground), not binary")
    if class_weights is not None and len(class_weights) != count:
        raise ValueError(f"{len(class_weights)} class weights for the {count} classes of {kind}")


def named(
    loss: str, class_weights: Sequence[float] | None = None, total: Total = whole
) -> Function:
    """Return the loss of this name; for `cross_entropy` see `imagej_dl.training.objective`."""
    functions: dict[str, Function] = {
        "binary_cce": binary_cce,
        "weighted_bce": weighted_bce,
        "weighted_bce_dice": weighted_bce_dice,
        "sparse_cce": sparse_cce,
        "categorical_cce": partial(categorical_cce, class_weights=class_weights),
        "multiple_output": partial(multiple_output, class_weights=class_weights),
    }
    return partial(functions[loss], total=total)


def binary_cce(target: Any, probability: Any, weights: Any = 1.0, *, total: Total = whole) -> Any:
    """Mean of −y log p − (1−y) log(1−p), whatever the weights."""
    return _mean(_bce(target, probability), total)


def weighted_bce(target: Any, probability: Any, weights: Any = 1.0, *, total: Total = whole) -> Any:
    """Mean of the binary cross-entropy times the map of weights (N, Y, X)."""
    entropy = backend.tensorflow().reduce_mean(_bce(target, probability), -1)
    return _mean(weights * entropy, total)


def weighted_bce_dice(
    target: Any, probability: Any, weights: Any = 1.0, *, total: Total = whole
) -> Any:
    """Sum of a cross-entropy and a Dice loss that weigh the pixels near outlines three times.

    With a the mean of y over 11×11 px (of those inside the picture), w is 3 where .005 < a < .995,
    else 1, all divided by their mean. z is the logit of p:

    Σ[(1−y)z + (1+(w−1)y)(log(1+e^−|z|) + max(−z, 0))] / Σw + 1 − (2Σw²yp + 1) / (Σw²y + Σw²p + 1)
    """
    tf = backend.tensorflow()
    near = tf.nn.avg_pool2d(target, 11, 1, "SAME")
    border = tf.cast((near > 0.005) & (near < 0.995), tf.float32)
    w = 1 + 2 * border
    w = w / _mean(w, total)
    p = tf.clip_by_value(probability, _TINY, 1 - _TINY)
    # Clipping alone would hide a probability that is no number.
    p = tf.where(tf.math.is_nan(probability), probability, p)
    z = tf.math.log(p / (1 - p))
    soft = tf.math.log1p(tf.exp(-tf.abs(z))) + tf.maximum(-z, 0.0)
    entropy, weight, both, sizes = total(
        tf.reduce_sum((1 - target) * z + (1 + (w - 1) * target) * soft),
        tf.reduce_sum(w),
        tf.reduce_sum(w * w * target * probability),
        tf.reduce_sum(w * w * target) + tf.reduce_sum(w * w * probability),
    )
    return entropy / weight + 1 - (2 * both + 1) / (sizes + 1)


def sparse_cce(target: Any, probability: Any, weights: Any = 1.0, *, total: Total = whole) -> Any:
    """Mean of −log p of the true class, whatever the weights."""
    return categorical_cce(target, probability, total=total)


def categorical_cce(
    target: Any,
    probability: Any,
    weights: Any = 1.0,
    class_weights: Sequence[float] | None = None,
    total: Total = whole,
) -> Any:
    """Mean of −w_c log p_c of the true class c; w_c is 1 where no class weights are given."""
    tf = backend.tensorflow()
    factors = 1.0 if class_weights is None else tf.constant(class_weights, tf.float32)
    likelihood = tf.reduce_sum(factors * target * tf.math.log(probability + _TINY), -1)
    return -_mean(likelihood, total)


def multiple_output(
    target: Any,
    probability: Any,
    weights: Any = 1.0,
    class_weights: Sequence[float] | None = None,
    total: Total = whole,
) -> Any:
    """Sum over the classes of class weight × mean binary cross-entropy, each class for itself."""
    tf = backend.tensorflow()
    each = _mean(_bce(target, probability), total, (0, 1, 2))
    factors = 1.0 if class_weights is None else tf.constant(class_weights, tf.float32)
    return tf.reduce_sum(factors * each)


def l1l2(target: Any, probability: Any, weights: Any = 1.0, sigma: float = 4.0) -> Any:
    """Loss of networks that find points: MSE of the blurred prediction + its mean absolute value.

    Parameters
    ----------
    target : heat map (N, Y, X, 1), blurred already.
    sigma : in px, of the 15×15 Gaussian, whose sum is 1, that blurs the prediction.
    """
    tf = backend.tensorflow()
    line = tf.exp(-(tf.range(-7.0, 8.0) ** 2) / (2 * sigma**2))
    kernel = line[:, None] * line[None, :]
    kernel = (kernel / tf.reduce_sum(kernel))[:, :, None, None]
    blurred = tf.nn.conv2d(probability, kernel, 1, "SAME")
    return tf.reduce_mean((blurred - target) ** 2) + tf.reduce_mean(tf.abs(probability))


def _bce(target: Any, probability: Any) -> Any:
    tf = backend.tensorflow()
    # Added and not clipped: clipping would hide a probability that is no number.
    likelihood = target * tf.math.log(probability + _TINY)
    return -(likelihood + (1 - target) * tf.math.log(1 - probability + _TINY))


def _mean(values: Any, total: Total, axes: Any = None) -> Any:
    tf = backend.tensorflow()
    sums = tf.reduce_sum(values, axes)
    found, count = total(sums, tf.cast(tf.size(values) / tf.size(sums), tf.float32))
    return found / count
