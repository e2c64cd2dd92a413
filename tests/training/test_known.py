"""What is known of a sparsely drawn plane, and that nothing else is learnt from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import Normalisation
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED, ringed
from imagej_dl.methods.registry import METHODS, method
from imagej_dl.training import Settings, known
from imagej_dl.training.augmentation import Augmentation
from imagej_dl.training.data_sources import Maps
from imagej_dl.training.examples import Examples
from imagej_dl.training.finalize import known_record
from imagej_dl.training.objective import Validator
from imagej_dl.training.patches import Example, Patches, Sampling
from imagej_dl.training.split import Split
from imagej_dl.training.validation_patches import validation

OF_LABELS = [name for name, kind in METHODS.items() if kind.learns_from == "labels"]


def discs(seed, shape, count, radius=6):
    """A noisy image of bright discs, and its label map."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint16)
    y, x = np.indices(shape)
    for label in range(1, count + 1):
        cy, cx = rng.uniform(0, shape)
        labels[((y - cy) ** 2 + (x - cx) ** 2 < radius**2) & (labels == 0)] = label
    image = rng.normal(20, 3, shape) + 60 * (labels > 0)
    return np.clip(image, 0, 255).astype(np.uint8), labels


def sparse_example(seed=0, shape=(90, 120), drawn=5):
    """A plane of 16 discs, of which some are drawn."""
    image, labels = discs(seed, shape, count=16)
    few = np.where(labels <= drawn, labels, 0)
    ready = (image[..., None] / 255).astype(np.float32)
    found = known.of_plane(few, None, ready, 2)
    return Example("a", ready, few, known=found.where), labels


def test_of_a_sparse_drawing_objects_rings_and_background_are_known():
    labels, marks = np.zeros((20, 20), np.uint16), np.zeros((20, 20), np.uint8)
    labels[5, 5] = 1
    marks[15:], marks[3, 5] = BACKGROUND, IGNORED
    found = known.of_plane(labels, marks, np.zeros((20, 20, 1), np.float32), 2)
    y, x = np.indices(labels.shape)
    expected = (abs(y - 5) + abs(x - 5) <= 2) | (y >= 15)
    expected[3, 5] = False
    np.testing.assert_array_equal(found.where, expected)
    assert not found.estimated


@pytest.mark.parametrize("inverted", [False, True])
def test_background_is_estimated_where_objects_stand_out(inverted):
    image, labels = discs(3, (120, 120), count=12)
    image = 255 - image if inverted else image
    few = np.where(labels <= 3, labels, 0)
    found = known.background(few, image[..., None].astype(np.float32), 2)
    assert found is not None
    assert (found & (labels > 0)).sum() == 0
    assert (found & (labels == 0)).sum() > 0.3 * (labels == 0).sum()


@pytest.mark.parametrize("sign", [1, -1])
def test_neighbours_that_are_not_drawn_are_no_background(sign):
    labels = np.zeros((120, 120), np.uint16)
    for number, (y, x) in enumerate(np.ndindex(7, 7)):  # side by side, 5 px apart
        labels[3 + 17 * y : 15 + 17 * y, 3 + 17 * x : 15 + 17 * x] = number + 1
    rng = np.random.default_rng(0)
    image = sign * (60 * (labels > 0) + rng.normal(0, 3, labels.shape))[..., None]
    few = np.where(labels == 25, labels, 0)
    found = known.background(few, image.astype(np.float32), 2)
    assert found is not None
    assert not (found & (labels > 0)).any()
    assert found[labels == 0].mean() > 0.2


def test_background_is_not_estimated_where_they_do_not():
    labels = discs(3, (120, 120), count=12)[1]
    noise = np.random.default_rng(0).normal(0, 1, (120, 120, 1)).astype(np.float32)
    assert known.background(labels, noise, 2) is None
    assert known.background(labels * 0, noise, 2) is None
    # As bright as it is around, but for half of the pixels: phase contrast.
    edges = noise + 5 * (ndi.binary_dilation(labels > 0) ^ (labels > 0))[..., None]
    assert known.background(labels, edges.astype(np.float32), 2) is None


@pytest.mark.parametrize("pdf", [None, 4.0])
def test_patches_are_centred_where_something_is_known(pdf):
    example, _ = sparse_example()
    where = np.zeros(example.labels.shape, bool)
    where[70:80, 100:110] = True  # a small mark
    few = np.where(example.labels == 1, 1, 0).astype(np.uint16)
    part = Example("a", example.image, few, known=where | (few > 0))
    given = {"method": method("border", {}), "batch": 4, "seed": 0, "foreground": 0.0, "pdf": pdf}
    patches = Patches([part], Sampling(patch=16, **given))
    rng = np.random.default_rng(0)
    centres = np.array([patches.centre(0, rng) for _ in range(300)]).astype(int)
    assert part.known[tuple(centres.T)].all()
    assert where[tuple(centres.T)].any()


@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_LABELS)
def test_nothing_is_learnt_from_what_is_unknown(kind):
    """Loss and gradients are the same, bit for bit, whatever the labels are there."""
    import tensorflow as tf

    example, every = sparse_example()
    rng = np.random.default_rng(1)
    noise = rng.integers(1, 9, every.shape).astype(np.uint16)
    wrong = [every, noise, np.zeros_like(every)]
    others = [np.where(example.known, example.labels, labels) for labels in wrong]
    # Of what is denoised all is known: it is left aside.
    own = {"method_settings": {"alpha": 0.0}} if METHODS[kind]().intensities else {}
    chosen = Settings.of({"kind": kind, "sparse": True, **own})
    turned = Augmentation(rotation=30, shear=0.1)
    given = {"method": chosen.method, "patch": 64, "batch": 4, "seed": 0, "augmentation": turned}
    given |= {"contact_weight": 5.0 if "contacts" in chosen.method.weight_maps else 0.0}
    loss = chosen.method.loss(chosen.loss, dice=1.0, total=lambda *parts: parts)
    size = len(chosen.method.channels)
    logits = tf.constant(rng.normal(0, 1, (4, 64, 64, size)).astype(np.float32))
    last = chosen.method.activation(chosen.loss) or "sigmoid"
    each = [last] * size if isinstance(last, str) else last
    is_sigmoid = np.array([name in ("sigmoid", "softmax") for name in each])
    found = []
    for labels in others:
        changed = Example("a", example.image, labels, known=example.known)
        images_, targets, weights = Patches([changed], Sampling(**given)).batch(0)
        if chosen.method.target_kind == "classes":
            one = targets[..., None] if size == 1 else targets[..., None] == np.arange(size)
            targets = one.astype(np.float32)
        # Nor if the targets themselves were others there.
        scrambled = np.where(weights[..., None] > 0, targets, rng.permutation(targets.ravel())[0])
        for values in (targets, scrambled):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                output = tf.where(is_sigmoid, tf.sigmoid(logits), logits)
                value = loss(tf.constant(values), output, tf.constant(weights))
            gradient = tape.gradient(value, logits).numpy()
            assert np.isfinite(value)
            assert not gradient[weights == 0].any()
            found.append((value.numpy().tobytes(), gradient.tobytes(), images_.tobytes()))
        assert 0 < (weights > 0).mean() < 1
    assert len(set(found)) == 1


def test_weights_are_0_in_the_unknown_however_patches_are_turned():
    example, _ = sparse_example()
    marked = Example("a", example.known[..., None].astype(np.float32), *(example.labels,))
    marked = Example("a", marked.image, example.labels, known=example.known)
    given = {"method": method("border", {}), "patch": 32, "batch": 8, "seed": 0}
    augmentation = Augmentation(zoom=1, gamma=1, contrast=0, brightness=0, noise=0)
    seen, _, weights = Patches([marked], Sampling(**given, augmentation=augmentation)).batch(0)
    np.testing.assert_array_equal(weights, seen[..., 0])
    (batch,) = validation([marked], Sampling(**(given | {"batch": 99})), 99)
    np.testing.assert_array_equal(batch[2], batch[0][..., 0])


@pytest.mark.tf
def test_validation_counts_what_is_known():
    """Of outputs that are right where something is known, the loss is 0 and all measures are 1."""
    example, every = sparse_example()
    chosen = Settings.of({"kind": "foreground", "sparse": True})
    sampling = Sampling(chosen.method, 32, 4, 0)
    loss = chosen.method.loss(chosen.loss, total=lambda *parts: parts)
    whole = Example("a", every[..., None].astype(np.float32), example.labels, known=example.known)
    batches = validation([whole], sampling, 99)
    right = Validator(chosen.method, loss, [(t, t, w) for _, t, w in batches])
    assert right(lambda x, training: x)["loss"] == pytest.approx(0, abs=1e-6)
    # Undrawn objects that are found do not count either.
    wrong = [(np.where(w[..., None] > 0, t, 0.5), t, w) for _, t, w in batches]
    found = Validator(chosen.method, loss, wrong)(lambda x, training: x)
    assert found["loss"] == pytest.approx(0, abs=1e-6)
    assert found["accuracy"] == found["dice"] == 1


def drawn(seed, background=True):
    """An image, a label map of 3 of its 16 discs, and marks."""
    image, labels = discs(seed, (80, 80), count=16)
    marks = np.zeros(labels.shape, np.uint8)
    if background:
        marks[ndi.distance_transform_edt(labels == 0) > 6] = BACKGROUND
    few = np.where(labels <= 3, labels, 0)
    return images.make(image, title=f"i{seed}"), images.make(few), images.make(marks)


def test_examples_know_their_marks_and_these_are_part_of_the_data():
    image, labels, marks = drawn(0)
    read = {"sparse": True, "ring": 2}
    found = Examples([(image, labels)], Normalisation(), maps=[Maps(marks=marks)], **read)
    (example,) = found.sources[0]
    drawn_or_marked = ringed(labels.values, 2) | (marks.values == BACKGROUND)
    assert example.known[drawn_or_marked].all()
    marks.values[tuple(np.argwhere((marks.values == BACKGROUND) & (labels.values == 0))[0])] = (
        IGNORED
    )
    other = Examples([(image, labels)], Normalisation(), maps=[Maps(marks=marks)], **read)
    assert found.fingerprint != other.fingerprint
    whole = Examples([(image, labels)], Normalisation(), maps=[Maps(whole=True)], **read)
    assert whole.sources[0][0].known is None
    assert known_record(Split([example], [], [], "files", 0), True) == {
        "sparse": True,
        "pixels": int(example.known.sum()),
        "of_pixels": 6400,
        "objects": len(np.unique(labels)) - 1,
    }
    assert known_record(Split(whole.sources[0], [], [], "files", 0), False) is None


def test_without_marks_the_background_is_estimated_and_said():
    image, labels, _ = drawn(1)
    with pytest.warns(DataWarning, match="background is assumed in 1 of 1 planes"):
        found = Examples([(image, labels)], Normalisation(), sparse=True)
    where = found.sources[0][0].known
    assert where[~ringed(labels.values, 2)].any()


def test_without_any_background_it_is_refused():
    _, labels, _ = drawn(1)
    noise = np.random.default_rng(0).integers(0, 255, (80, 80)).astype(np.uint8)
    with pytest.raises(UserError, match="no background is known") as caught:
        Examples([(images.make(noise), labels)], Normalisation(), sparse=True)
    assert "name them background" in str(caught.value)


@pytest.mark.filterwarnings("ignore:background is assumed")
def test_planes_without_drawing_are_left_out():
    image, labels, marks = drawn(2)
    nothing = images.make(np.zeros((80, 80), np.uint16))
    with pytest.warns(DataWarning, match="1 of 1 planes have no labels"):
        found = Examples(
            [(image, nothing), (image, labels), (image, nothing)],
            Normalisation(),
            maps=[Maps(), Maps(marks=marks), Maps(marks=images.make(np.ones((80, 80), np.uint8)))],
            sparse=True,
        )
    assert [len(source) for source in found.sources] == [0, 1, 1]
    assert found.sources[2][0].known.all()


@pytest.mark.parametrize("loss", ["sparse_cce", "categorical_cce", "weighted_bce_dice"])
def test_losses_that_count_all_pixels_are_refused(loss):
    with pytest.raises(UserError, match=f"the loss {loss} counts all pixels") as caught:
        Settings.of({"kind": "foreground", "loss": loss, "sparse": True})
    assert "cross_entropy" in str(caught.value)


def test_the_setting_is_kept_where_it_is_made():
    assert "sparse" not in Settings().model_dump()
    assert Settings.of({"sparse": True}).model_dump()["sparse"] is True
