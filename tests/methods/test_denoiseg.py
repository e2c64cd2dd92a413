"""DenoiSeg: blind spots and classes in one network; images without labels teach the former."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import ndimage as ndi

from imagej_dl import images, models, training
from imagej_dl.cli import cli
from imagej_dl.errors import UserError
from imagej_dl.methods.base import Truth
from imagej_dl.methods.denoiseg import DenoiSeg
from imagej_dl.methods.shared.losses import whole
from imagej_dl.prediction import predict, predict_image
from imagej_dl.training.builder import sampling_of
from imagej_dl.training.examples import Examples
from imagej_dl.training.patches import Patches, Sampling

TINY = {"epochs": 1, "steps": 4, "batch": 4, "patch": 32, "depth": 1, "width": 4, "seed": 1}
LONGER = {**TINY, "epochs": 3, "steps": 30, "width": 8, "depth": 2}


def nuclei(seed, side=64):
    """Return a label map, the image, and the image with noise."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.uint16)
    y, x = np.indices(labels.shape)
    for label in range(1, 8):
        cy, cx = rng.uniform(4, side - 4, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(4, 7) ** 2] = label
    clean = 20 + 60 * ndi.gaussian_filter((labels > 0).astype(float), 0.7)
    return labels, clean, (clean + rng.normal(0, 12, clean.shape)).astype(np.float32)


def pairs(count=6, labelled=2):
    made = [nuclei(seed) for seed in range(count)]
    return [
        (images.make(noisy, title=f"n{i}"), images.make(labels) if i < labelled else None)
        for i, (labels, _, noisy) in enumerate(made)
    ]


def batch(method, known):
    labels, _, noisy = nuclei(0, 32)
    image = (noisy[..., None] - 20) / 80
    truth = Truth(np.pad(labels, method.margin), method.margin)
    shown, targets = method.sample(image, truth, np.random.default_rng(0))
    weights = np.full((1, 32, 32), float(known), np.float32)
    return shown, targets[None], weights


def output(method, seed):
    values = np.random.default_rng(seed).random((1, 32, 32, len(method.channels)), np.float32)
    values[..., 1:] /= values[..., 1:].sum(-1, keepdims=True)
    return values


def computed(method, known, seed=0, classes=None):
    import tensorflow as tf

    _, targets, weights = batch(method, known)
    values = output(method, seed)
    if classes is not None:
        values[..., 1:] = output(method, classes)[..., 1:]
    variable = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        loss = method.loss(method.losses[0], total=whole)(tf.constant(targets), variable, weights)
    return float(loss), tape.gradient(loss, variable).numpy()


@pytest.mark.tf
def test_without_labels_the_loss_has_no_part_of_segmentation():
    method = DenoiSeg(alpha=0.3)
    bare, gradient = computed(method, known=False)
    assert bare > 0
    assert computed(method, known=False, classes=9)[0] == pytest.approx(bare)
    assert not gradient[..., 1:].any()
    assert gradient[..., 0].any()
    labelled, gradient = computed(method, known=True)
    assert labelled > bare
    assert gradient[..., 1:].any()


@pytest.mark.tf
def test_alpha_goes_from_segmentation_alone_to_denoising_alone():
    segmented, gradient = computed(DenoiSeg(alpha=0.0), known=True)
    assert not gradient[..., 0].any()
    denoised, gradient = computed(DenoiSeg(alpha=1.0), known=True)
    assert not gradient[..., 1:].any()
    both, _ = computed(DenoiSeg(alpha=0.25), known=True)
    assert both == pytest.approx(0.25 * denoised + 0.75 * segmented, rel=1e-5)
    # The mean of the image is an error of 1.
    method = DenoiSeg(alpha=1.0)
    _, targets, weights = batch(method, True)
    mean = np.full((1, 32, 32, 4), targets[..., 0].mean(), np.float32)
    assert float(method.loss(method.losses[0], total=whole)(targets, mean, weights)) == (
        pytest.approx(1, rel=0.5)
    )


def test_targets_are_the_image_its_blind_spots_and_the_classes_of_border():
    method = DenoiSeg(border_size=1)
    shown, targets, _ = batch(method, True)
    labels, _, noisy = nuclei(0, 32)
    np.testing.assert_allclose(targets[0, ..., 0], (noisy - 20) / 80, rtol=1e-6)
    scored = targets[0, ..., 1] > 0
    assert 0 < scored.sum() < 0.1 * scored.size
    assert (shown[..., 0] != targets[0, ..., 0])[scored].all()
    truth = Truth(np.pad(labels, 1), 1)
    np.testing.assert_array_equal(targets[0, ..., 2:].argmax(-1), method.border.targets(truth))


def test_half_of_the_patches_are_cut_from_what_is_labelled():
    given = pairs(12, labelled=1)
    settings = training.Settings(kind="denoiseg", **TINY)
    examples = Examples(given, settings.normalisation, method=settings.method)
    flat = [example for source in examples.sources for example in source]
    assert [example.is_unlabelled for example in flat] == [False] + [True] * 11
    patches = Patches(flat, Sampling(settings.method, 32, 32, seed=0))
    weights = np.concatenate([patches.batch(i)[2] for i in range(4)])
    known = (weights > 0).any(axis=(1, 2)).mean()
    assert 0.35 < known < 0.65
    three = DenoiSeg(labelled=0.2)
    weights = np.concatenate(
        [Patches(flat, Sampling(three, 32, 32, 0)).batch(i)[2] for i in range(4)]
    )
    assert 0.1 < (weights > 0).any(axis=(1, 2)).mean() < 0.3


def of_patches(given, count=6, **settings):
    """Return images, hidden pixels and known pixels of patches, and the first whole image."""
    chosen = training.Settings(kind="denoiseg", **TINY, **settings).of_images(1)
    examples = Examples(given, chosen.normalisation, method=chosen.method)
    flat = [example for source in examples.sources for example in source]
    patches = Patches(flat, sampling_of(chosen, examples))
    batches = [patches.batch(i) for i in range(count)]
    images, targets, weights = (np.concatenate(part) for part in zip(*batches, strict=True))
    hidden = (targets[..., 1] > 0).any(axis=(1, 2))
    return images, targets, hidden, (weights > 0).any(axis=(1, 2)), flat[0].image[..., 0]


def test_what_is_varied_teaches_segmentation_alone():
    never, often = ({"method_settings": {"varied": share}} for share in (0.0, 0.6))
    *_, hidden, known, _ = of_patches(pairs(4, 2), 20, **never)
    assert hidden.all()
    assert 0.3 < known.mean() < 0.7
    _, targets, hidden, known, _ = of_patches(pairs(4, 2), 20, **often)
    assert hidden[~known].all()
    assert 0.4 < (~hidden[known]).mean() < 0.8
    # The classes are there in both, and nothing of the image is scored in the one.
    assert (targets[known & ~hidden][..., 1] == 0).all()
    assert (targets[known & ~hidden][..., 3] > 0).any()


def test_what_teaches_denoising_has_the_pixels_as_they_are():
    still = {"augmentation": {"gamma": 1, "contrast": 0, "brightness": 0, "noise": 0}}
    images, targets, hidden, _, whole_image = of_patches(pairs(1, 1), 10, **still)
    there = set(np.round(whole_image, 6).ravel().tolist())
    assert hidden.any()
    assert (~hidden).any()
    assert set(np.round(targets[hidden][..., 0], 6).ravel().tolist()) <= there
    assert not set(np.round(images[~hidden], 6).ravel().tolist()) <= there


def test_copies_and_other_conditions_are_for_what_is_varied():
    settings = training.Settings(kind="denoiseg")
    assert settings.varies_imaging
    assert settings.finds_objects
    still = training.Settings(kind="denoiseg", method_settings={"varied": 0.0})
    assert not still.varies_imaging
    with pytest.raises(UserError, match="crowding"):
        training.Settings.of(
            {"kind": "denoiseg", "method_settings": {"varied": 0.0}, "crowding": 0.3}
        )


@pytest.mark.tf
def test_it_finds_objects_and_validates_on_labelled_images_alone(tmp_path):
    out = tmp_path / "model"
    training.train(pairs(8, labelled=3), out, kind="denoiseg", **LONGER)
    bundle = models.load(out, verify=True)
    found = predict(bundle, images.make(nuclei(77)[2]), probabilities=True)
    assert found.labels.data.max() >= 3
    np.testing.assert_allclose(found.probabilities.data[1:].sum(0), 1, rtol=1e-4)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["validation"]["objects"] > 0
    assert metrics["validation"]["val_masked_error"] > 0
    split = json.loads((out / "split.json").read_text())
    bare = {f"n{i}" for i in range(3, 8)}
    assert bare <= set(split["train"])
    assert not bare & {*split["validation"], *split["test"]}
    config = json.loads((out / "config.json").read_text())
    assert config["classes"] == ["intensity", "background", "object", "border"]


@pytest.mark.thorough
@pytest.mark.tf
def test_the_denoised_image_has_the_intensities_of_the_input(tmp_path):
    alone = {"method_settings": {"alpha": 1.0}, "architecture": "unet_n2v"}
    bundle = training.train(
        pairs(8, labelled=3), tmp_path / "model", kind="denoiseg", **LONGER, **alone
    )
    _, clean, noisy = nuclei(77)
    given = images.make((30 * (noisy + 50)).clip(0, 65535).astype(np.uint16))
    found = predict(bundle, given, probabilities=True)
    denoised = found.probabilities.transpose("C", "Y", "X").data[0]
    error = np.square(denoised / 30 - 50 - clean).mean()
    assert error < 0.6 * np.square(noisy - clean).mean()
    np.testing.assert_array_equal(predict_image(bundle, given), denoised)


@pytest.mark.tf
def test_one_labelled_image_is_enough_and_none_is_not(tmp_path):
    training.train(pairs(3, labelled=1), tmp_path / "model", kind="denoiseg", **TINY)
    split = json.loads((tmp_path / "model" / "split.json").read_text())
    assert all(name.startswith("n0") for name in split["validation"])
    with pytest.raises(UserError, match="contains an object"):
        training.train(pairs(3, labelled=0), tmp_path / "no", kind="denoiseg", **TINY)
    with pytest.raises(UserError, match=r"n1: .*without its ground truth"):
        training.train(pairs(3, labelled=1), tmp_path / "no", kind="border", **TINY)


@pytest.mark.tf
def test_planes_of_a_movie_that_nobody_labelled_are_learnt_from(tmp_path):
    made = [nuclei(seed) for seed in range(4)]
    movie = images.make(np.stack([noisy for _, _, noisy in made]), "TYX", title="movie")
    labels = np.stack([labels for labels, _, _ in made])
    labels[2:] = 0
    settings = training.Settings(kind="denoiseg", **TINY)
    examples = Examples(
        [(movie, images.make(labels, "TYX"))], settings.normalisation, method=settings.method
    )
    (planes,) = examples.sources
    assert [example.is_unlabelled for example in planes] == [False, False, True, True]


@pytest.mark.tf
@pytest.mark.parametrize("layout", ["images", "names"])
def test_a_folder_may_hold_images_without_label_map(tmp_path, layout):
    folder = tmp_path / "data"
    for number, (image, labels) in enumerate(pairs(5, labelled=2)):
        if layout == "images":
            place, other = folder / "images" / f"{number}.tif", folder / "masks" / f"{number}.tif"
        else:
            place, other = folder / f"n{number}" / "image.tif", folder / f"n{number}" / "labels.tif"
        images.write(image, place)
        if labels is not None:
            images.write(labels, other)
    images.write(pairs(7)[6][0], folder / "unlabelled" / "more.tif")
    out = tmp_path / "model"
    options = ["--epochs", "1", "--width", "4", "--depth", "1", "--patch", "32", "--batch", "2"]
    options += ["--settings", '{"steps": 3, "method_settings": {"alpha": 0.7}}']
    command = ["train", str(folder), "--out", str(out), *options]
    done = CliRunner().invoke(cli, [*command, "--kind", "denoiseg"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    split = json.loads((out / "split.json").read_text())
    assert len(split["train"]) >= 5
    assert any("more" in name for name in split["train"])
    assert models.load_config(out).method.alpha == 0.7
    if layout == "images":
        plain = ["train", str(folder), "--out", str(tmp_path / "no"), "--kind", "border"]
        refused = CliRunner().invoke(cli, plain)
        assert "has no label map" in str(refused.exception)


@pytest.mark.thorough
@pytest.mark.tf
def test_a_stopped_training_goes_on_and_a_model_is_fine_tuned(tmp_path):
    def stop(epoch):
        if epoch.epoch == 1:
            raise KeyboardInterrupt

    out = tmp_path / "model"
    given = {**TINY, "epochs": 2}
    stopped = training.train(pairs(4), out, kind="denoiseg", watch=stop, **given)
    for other in (pairs(5), pairs(4, labelled=3)):
        with pytest.raises(UserError, match="other images or labels"):
            training.train(other, out, resume=True)
    resumed = training.train(pairs(4), out, resume=True)
    assert json.loads((out / "metrics.json").read_text())["epochs"] == 2
    before, after = (bundle.model.get_weights() for bundle in (stopped, resumed))
    assert any((one != other).any() for one, other in zip(before, after, strict=True))

    given = {"start": out, "epochs": 1, "steps": 2, "batch": 4}
    tuned = training.train(pairs(3, labelled=3), tmp_path / "tuned", **given)
    assert (tuned.config.kind, tuned.config.method.alpha) == ("denoiseg", 0.1)
    metrics = json.loads((tmp_path / "tuned" / "metrics.json").read_text())
    assert metrics["started_from"]["model"] == "model"
    known = json.loads((out / "split.json").read_text())["digests"]
    split = json.loads((tmp_path / "tuned" / "split.json").read_text())["digests"]
    assert set(known["train"]) <= set(split["train"])
    settings = {"method_settings": {"alpha": 0.7}}
    with pytest.raises(UserError, match=r"method_settings is .* in the model to start from"):
        training.train(pairs(3), tmp_path / "no", **given, **settings)


@pytest.mark.thorough
@pytest.mark.tf
def test_a_search_divides_what_is_labelled(tmp_path):
    import tiny_search

    from imagej_dl.search import search

    found = search(
        training.Given(pairs(6, labelled=3)),
        tmp_path / "search",
        kind="denoiseg",
        **tiny_search.options(),
    )
    assert found is not None
    assert 0 <= found.score <= 1


def test_alpha_and_shares_are_checked():
    for wrong in ({"alpha": 1.5}, {"labelled": 0}, {"labelled": 1}, {"varied": 1}):
        with pytest.raises(UserError):
            training.Settings.of({"kind": "denoiseg", "method_settings": wrong})
    alphas = [DenoiSeg(alpha=alpha).alpha for alpha in (0, 0.5, 1)]
    assert all(low < high for low, high in pairwise(alphas))
