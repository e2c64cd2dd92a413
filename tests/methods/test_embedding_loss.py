"""The loss of embeddings against its definition, object by object and with sorted errors."""

from __future__ import annotations

import numpy as np
import pytest
from embedded import discs, ideal

from imagej_dl.methods.base import Truth
from imagej_dl.methods.embeddings import Embeddings
from imagej_dl.methods.shared.losses import whole

pytestmark = pytest.mark.tf

METHOD = Embeddings(length=8)


def lovasz_hinge(logit, inside):
    """Berman et al. 2018, algorithm 1, of a binary mask."""
    error = 1 - logit * np.where(inside, 1, -1)
    order = np.argsort(-error)
    inside = inside[order]
    left = inside.sum() - np.cumsum(inside)
    jaccard = 1 - left / (inside.sum() + np.cumsum(~inside))
    return np.maximum(error[order], 0) @ np.diff(jaccard, prepend=0)


def defined(target, output, weights):
    """The loss of EmbedSeg, of a batch as a whole."""
    output = output.astype(np.float64)
    instance = smooth = seeds = objects = 0.0
    for number, centre, out, weight in zip(
        target[..., 0], target[..., 1:], output, weights, strict=True
    ):
        known = weight > 0
        place = np.stack(np.indices(number.shape), -1) + METHOD.length * out[..., :2]
        seeds += (weight * out[..., 4] ** 2)[number == 0].sum()
        for one in np.unique(number[known & (number > 0)]):
            mine = known & (number == one)
            spread = out[mine, 2:4].mean(0)
            away = (place - centre[mine][0]) / (METHOD.length * np.exp(spread))
            gaussian = np.exp(-np.square(away).sum(-1) / 2)
            instance += lovasz_hinge(2 * gaussian[known] - 1, mine[known])
            smooth += np.square(out[mine, 2:4] - spread).mean()
            seeds += 10 * (weight * (out[..., 4] - gaussian) ** 2)[mine].sum()
            objects += 1
    each = (instance + 10 * 0.2**2 * smooth) / objects if objects else 0
    return each + (seeds / weights.sum() if weights.any() else 0)


def batch(seed=0, size=3):
    """Targets, outputs of a network that has learnt nothing, weights of 0 and others."""
    rng = np.random.default_rng(seed)
    labels = [discs(seed + i, (48, 40), 7) * (i > 0) for i in range(size)]
    target = np.stack([METHOD.targets(Truth(one, 0)) for one in labels])
    output = rng.normal(0, 0.4, (*target.shape[:3], 5))
    output[..., 4] = rng.random(target.shape[:3])
    weights = rng.choice([0, 1, 2.5], target.shape[:3])
    return tuple(array.astype(np.float32) for array in (target, output, weights))


def loss(*arrays, total=whole):
    return float(METHOD.loss("lovasz_seeds", total=total)(*arrays))


@pytest.mark.parametrize("seed", [0, 5])
def test_the_loss_is_that_of_each_object_for_itself(seed):
    target, output, weights = batch(seed)
    assert loss(target, output, weights) == pytest.approx(
        defined(target, output, weights), rel=2e-3
    )
    ones = np.ones_like(weights)
    assert loss(target, output) == pytest.approx(defined(target, output, ones), rel=2e-3)


def test_pixels_without_weight_change_nothing():
    import tensorflow as tf

    target, output, weights = batch()
    unknown = weights == 0
    changed = output.copy()
    changed[unknown] = np.random.default_rng(1).normal(size=(unknown.sum(), 5))
    assert loss(target, changed, weights) == pytest.approx(loss(target, output, weights))
    # Nor does it matter what they are called.
    renamed = target.copy()
    renamed[unknown] = 0
    assert loss(renamed, output, weights) == pytest.approx(loss(target, output, weights))
    output = tf.constant(output)
    with tf.GradientTape() as tape:
        tape.watch(output)
        value = METHOD.loss("lovasz_seeds", total=whole)(target, output, weights)
    gradient = tape.gradient(value, output).numpy()
    assert not gradient[unknown].any()
    assert gradient[~unknown].any(0).all()


def test_without_objects_or_without_known_pixels_there_are_no_errors():
    target, output, weights = batch()
    nothing = np.zeros_like(target)
    assert loss(nothing, output) == pytest.approx(np.square(output[..., 4]).mean(), rel=1e-5)
    assert loss(target, output, 0 * weights) == 0


def test_ideal_output_has_the_least_loss():
    labels = discs(3, (48, 40), 7)
    labels[40:, 30:] = 0
    labels[46, 36] = 9  # one pixel
    target = METHOD.targets(Truth(labels, 0))[None]
    right = ideal(labels, METHOD)[None]
    # The background's embeddings are its own places, some of which lie within an object's sigma.
    right[..., :2][target[..., 0] == 0] = 100
    assert loss(target, right) < 1e-3
    for channel in range(5):
        wrong = right.copy()
        wrong[..., channel] += np.linspace(-0.3, 0.3, 40)
        assert loss(target, wrong) > loss(target, right) + 1e-4


def test_following_the_gradient_leads_to_the_objects():
    import tensorflow as tf

    labels = discs(3, (48, 40), 7)
    target = METHOD.targets(Truth(labels, 0))[None]
    compute = METHOD.loss("lovasz_seeds", total=whole)
    raw = tf.Variable(np.zeros((1, *labels.shape, 5), np.float32))
    optimizer = tf.keras.optimizers.Adam(0.05)

    def output():
        return tf.concat([raw[..., :4], tf.sigmoid(raw[..., 4:])], -1)

    optimizer.build([raw])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = compute(target, output())
        optimizer.apply([tape.gradient(value, raw)], [raw])

    for _ in range(100):
        step()
    measures = METHOD.measures(METHOD.tally(target, output().numpy()))
    assert measures["object_iou"] > 0.9
    assert measures["dice"] > 0.9


def test_the_loss_of_a_part_with_the_sums_of_all_is_that_of_all():
    target, output, weights = batch(2)
    summed = []

    def listen(*parts):
        summed.append(parts)
        return parts

    value = loss(target, output, weights, total=listen)
    given = iter(summed)
    part = loss(target[:1], output[:1], weights[:1], total=lambda *_: next(given))
    assert part == pytest.approx(value)


def test_objects_beyond_the_most_that_are_looked_at_count_for_nothing(monkeypatch):
    target, output, _ = batch(1)
    all_of_them = loss(target, output)
    monkeypatch.setattr("imagej_dl.methods.shared.embedding_loss._MOST", 3)
    few = (target[..., 0] <= 3).astype(np.float32)
    assert loss(target, output) == pytest.approx(loss(target, output, few))
    assert loss(target, output) != pytest.approx(all_of_them, rel=1e-3)
