"""Losses of classes: cross-entropy with Dice, and those of microscopy-dl-suite-tf by its names.

(esgomezm/microscopy-dl-suite-tf, MIT.) All take probabilities; what the suite computes of logits
is the same of their probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import Any

from imagej_dl.methods.base import Loss, Total

CLASS_WEIGHTED = ("categorical_cce", "multiple_output")
"""The names of those that heed weights of the classes."""

_TINY = 1e-7


def whole(*parts: Any) -> tuple[Any, ...]:
    """Return the sums as they are: one device has the whole batch."""
    return parts


def cross_entropy(one_class: bool, dice_weight: float = 0.0, total: Total = whole) -> Loss:
    """Return the loss `cross_entropy`.

    It is the weighted mean of the cross-entropy (the binary one for one class), plus
    `dice_weight` × (1 − mean soft Dice of the classes that are not background, over the batch).
    """
    tf = _tensorflow()

    def compute(target: Any, probability: Any, weights: Any = 1.0) -> Any:
        # Added and not clipped: clipping would hide a probability that is no number.
        likelihood = target * tf.math.log(probability + _TINY)
        if one_class:
            likelihood += (1 - target) * tf.math.log(1 - probability + _TINY)
        value = weighted_mean(-tf.reduce_sum(likelihood, -1), weights, total)
        if dice_weight:
            counted = tf.cast(weights > 0, tf.float32)[..., None]
            both, sizes = total(
                tf.reduce_sum(counted * target * probability, (0, 1, 2)),
                tf.reduce_sum(counted * (target + probability), (0, 1, 2)),
            )
            # One pixel is added to both, so that a batch without objects has a Dice of 1.
            dice = (2 * both + 1) / (sizes + 1)
            value += dice_weight * (1 - tf.reduce_mean(dice[-max(2, target.shape[-1] - 1) :]))
        return value

    return compute


def weighted_mean(values: Any, weights: Any, total: Total) -> Any:
    """Return the mean of values by weights, which are made of the same shape; 0 where all are 0.

    A batch of which nothing is known has nothing to teach.
    """
    tf = _tensorflow()
    weights = tf.broadcast_to(weights, tf.shape(values))
    weighted, weight = total(tf.reduce_sum(weights * values), tf.reduce_sum(weights))
    return tf.math.divide_no_nan(weighted, weight)


def named(loss: str, class_weights: Sequence[float] | None = None, total: Total = whole) -> Loss:
    """Return the suite's loss of this name."""
    functions: dict[str, Loss] = {
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
    entropy = _tensorflow().reduce_mean(_bce(target, probability), -1)
    return _mean(weights * entropy, total)


def weighted_bce_dice(
    target: Any, probability: Any, weights: Any = 1.0, *, total: Total = whole
) -> Any:
    """Sum of a cross-entropy and a Dice loss that weigh the pixels near outlines three times.

    With a the mean of y over 11×11 px (of those inside the picture), w is 3 where .005 < a < .995,
    else 1, all divided by their mean. z is the logit of p:

    Σ[(1−y)z + (1+(w−1)y)(log(1+e^−|z|) + max(−z, 0))] / Σw + 1 − (2Σw²yp + 1) / (Σw²y + Σw²p + 1)
    """
    tf = _tensorflow()
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
    tf = _tensorflow()
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
    tf = _tensorflow()
    each = _mean(_bce(target, probability), total, (0, 1, 2))
    factors = 1.0 if class_weights is None else tf.constant(class_weights, tf.float32)
    return tf.reduce_sum(factors * each)


def _bce(target: Any, probability: Any) -> Any:
    tf = _tensorflow()
    # Added and not clipped: clipping would hide a probability that is no number.
    likelihood = target * tf.math.log(probability + _TINY)
    return -(likelihood + (1 - target) * tf.math.log(1 - probability + _TINY))


def _mean(values: Any, total: Total, axes: Any = None) -> Any:
    tf = _tensorflow()
    sums = tf.reduce_sum(values, axes)
    found, count = total(sums, tf.cast(tf.size(values) / tf.size(sums), tf.float32))
    return found / count


def _tensorflow() -> ModuleType:
    # Models know methods, so methods cannot import them at the top.
    from imagej_dl.models import backend

    return backend.tensorflow()
