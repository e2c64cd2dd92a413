import json

import flow_fields
import numpy as np
import pytest
import tiny_search

from imagej_dl import images, models, training
from imagej_dl.correction import proposals
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.methods.base import Truth
from imagej_dl.methods.border import Border
from imagej_dl.methods.flows import Flows
from imagej_dl.methods.shared.flow_objects import FlowObjects
from imagej_dl.methods.shared.heat_flows import label_flows
from imagej_dl.methods.shared.losses import whole
from imagej_dl.prediction import predict, preview
from imagej_dl.search import search
from imagej_dl.training import Settings
from imagej_dl.training.augmentation import Augmentation
from imagej_dl.training.examples import Examples
from imagej_dl.training.patches import Example, Patches, Sampling
from imagej_dl.training.validation_patches import validation

TURNS = [(turns, mirrored) for turns in range(-1, 5) for mirrored in (False, True)]


def ideal(labels):
    return Flows().targets(Truth(labels, 0))


def turned(image, turns, mirrored):
    return np.rot90(image[:, ::-1] if mirrored else image, turns)


def test_targets_are_flows_and_object():
    labels = flow_fields.crowd()
    targets = ideal(labels)
    np.testing.assert_array_equal(targets[..., 2], labels > 0)
    np.testing.assert_array_equal(np.moveaxis(targets[..., :2], -1, 0), label_flows(labels))
    assert Flows().channels == ("flow_y", "flow_x", "object")


@pytest.mark.parametrize(("turns", "mirrored"), TURNS)
def test_the_output_of_a_turned_image_is_brought_back(turns, mirrored):
    labels = flow_fields.odd()
    output = ideal(np.ascontiguousarray(turned(labels, turns, mirrored)))
    back = Flows().restored(output, turns, mirrored)
    # Of two pixels as near to the middle the first is the centre: turned, it is the other one.
    near = np.abs(back - ideal(labels)).max(-1) < 1e-4
    for label in (2, 3, 4, 5, 6, 7, 10):
        assert near[labels == label].mean() > 0.97, label
    assert near[labels == 0].all()


def example(labels):
    image = np.random.default_rng(0).random((*labels.shape, 1), np.float32)
    return Example("a", image, labels, vectors=Flows().vectors(labels))


def drawn(labels, side=64, **varied):
    settings = Augmentation.model_validate({"turn": False, "zoom": 1.0} | varied)
    sampling = Sampling(Flows(), side, 24, 0, augmentation=settings)
    return Patches([example(labels)], sampling).batch(0)[1]


def test_patches_show_the_flows_to_the_middle_of_whole_objects():
    labels = flow_fields.whole()
    patches = drawn(labels)
    lengths = np.hypot(patches[..., 0], patches[..., 1])
    assert patches.shape == (24, 64, 64, 3)
    inside = patches[..., 2] > 0
    assert np.mean(np.abs(lengths[inside] - 1) < 1e-5) > 0.999
    assert not lengths[~inside].any()
    # In the upper half of the large object all flows lead down, to a middle that is not shown.
    first = validation([example(labels)], Sampling(Flows(), 64, 8, 0), 100)[0][1][0]
    assert first[..., 0].sum() > 0.5 * first[..., 2].sum()


@pytest.mark.parametrize("varied", [{"turn": True}, {"rotation": 180.0}, {"zoom": 1.5}])
def test_flows_turn_with_the_patch(varied):
    """They are those of the turned objects, but for the pixels' grid."""
    y, x = np.indices((300, 300))
    labels = ((y - 150) ** 2 / 1600 + (x - 150) ** 2 / 400 < 1).astype(np.uint16)
    patches = drawn(labels, 128, **varied)
    seen = 0
    for patch in patches:
        around = np.ones((128, 128), bool)
        around[1:-1, 1:-1] = False
        if patch[around, 2].any() or not patch[..., 2].any():
            continue
        seen += 1
        expected = ideal((patch[..., 2] > 0).astype(np.uint16))
        inside = patch[..., 2] > 0
        cosine = (patch[..., :2] * expected[..., :2]).sum(-1)[inside]
        assert np.mean(cosine) > 0.97
    assert seen > 5


def test_flows_beyond_the_image_are_mirrored_with_it():
    labels = np.zeros((20, 30), np.uint16)
    labels[2:17, 3:27] = 1
    targets = validation([example(labels)], Sampling(Flows(), 48, 4, 0), 4)[0][1][0]
    y, x = np.nonzero(targets[..., 2])
    after = y + np.sign(targets[y, x, 0]).astype(int), x + np.sign(targets[y, x, 1]).astype(int)
    # Every flow leads to a pixel that is nearer to its copy's middle: no outline is crossed.
    assert targets[..., 2][tuple(np.clip(a, 0, 47) for a in after)].mean() > 0.99


def test_a_part_of_an_example_has_flows_of_its_own():
    whole_example = example(flow_fields.whole())
    assert whole_example.part((slice(0, 40), slice(0, 50))).vectors is None


def test_flows_are_made_once_of_each_whole_label_map():
    pairs = [discs(seed, 1) for seed in range(2)]
    for limit, kind in ((2**30, np.ndarray), (0, np.memmap)):
        examples = Examples(pairs, Normalisation(), method=Flows(), memory_limit=limit)
        planes = [one for source in examples.sources for one in source]
        told: list[tuple[str, int, int]] = []
        ready = examples.with_vectors(planes, Flows(), lambda *stage, told=told: told.append(stage))
        assert [one.name for one in ready] == [one.name for one in planes]
        for one in ready:
            assert isinstance(one.vectors, kind)
            np.testing.assert_array_equal(one.vectors, label_flows(one.labels))
        assert told == [("building", done, 4) for done in range(4)]
        assert examples.with_vectors(planes, Border()) == planes


@pytest.mark.tf
def test_the_loss_is_cellposes():
    rng = np.random.default_rng(0)
    targets = ideal(flow_fields.crowd())[None, :64, :64]
    output = np.concatenate(
        (rng.normal(0, 1, (1, 64, 64, 2)), rng.uniform(0.05, 0.95, (1, 64, 64, 1))), -1
    ).astype(np.float32)
    compute = Flows().loss("flows", total=whole)
    p, y = output[..., 2], targets[..., 2]
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    squares = np.square(5 * (targets[..., :2] - output[..., :2])).mean(-1)
    expected = 0.5 * squares.mean() + entropy.mean()
    assert float(compute(targets, output)) == pytest.approx(expected, rel=1e-5)

    weights = rng.integers(0, 3, (1, 64, 64)).astype(np.float32)
    expected = (weights * (0.5 * squares + entropy)).sum() / weights.sum()
    assert float(compute(targets, output, weights)) == pytest.approx(expected, rel=1e-5)
    wrong = np.where(weights[..., None] > 0, output, 7 * rng.random(output.shape, np.float32) / 8)
    assert float(compute(targets, wrong, weights)) == pytest.approx(expected, rel=1e-5)


def test_the_measures_are_of_the_pixels_that_count():
    targets = ideal(flow_fields.crowd())[None]
    method = Flows()
    right = method.measures(method.tally(targets, targets))
    assert right == {"jaccard": 1, "dice": 1, "accuracy": 1, "flow_error": 0}
    wrong = targets.copy()
    wrong[:, :70, :, 2] = 1 - wrong[:, :70, :, 2]
    wrong[:, :70, :, :2] *= -1
    weights = np.ones(targets.shape[:3], np.float32)
    weights[:, :70] = 0
    assert method.measures(method.tally(targets, wrong, weights)) == right
    some = method.measures(method.tally(targets, wrong))
    share = np.count_nonzero(np.hypot(*np.moveaxis(targets[0, :70, :, :2], -1, 0)))
    assert some["flow_error"] == pytest.approx(4 * share / targets[..., 2].sum(), rel=1e-4)
    assert some["accuracy"] == pytest.approx(74 / 144)
    empty = method.measures(method.tally(0 * targets, 0 * targets))
    assert empty == {"jaccard": 1, "dice": 1, "accuracy": 1, "flow_error": 0}


def test_what_flows_have_not_is_refused():
    for given, words in (
        ({"loss": "sparse_cce"}, "sparse_cce"),
        ({"class_weights": (1, 2, 3)}, "no classes"),
        ({"closing": 2}, "closing"),
    ):
        with pytest.raises(UserError, match=words):
            Settings.of({"kind": "flows"} | given)
    settings = Settings.of({"kind": "flows"})
    assert (settings.loss, settings.weight_map) == ("flows", "none")


def test_only_the_object_is_a_probability():
    method, output = Flows(), ideal(flow_fields.crowd())
    assert not method.is_probability
    np.testing.assert_array_equal(method.class_probabilities(output), output[..., 2:])
    shown = method.pictures(np.stack((output, 3 * output)))
    assert list(shown) == ["object", "flow_y", "flow_x"]
    for picture in shown.values():
        assert picture.shape == (2, *output.shape[:2], 1)
        assert picture.dtype == np.float32
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_large_planes_are_worked_on_in_files():
    method = Flows()
    plane = method.accumulator((40, 50), method.default_postprocessing())
    assert isinstance(plane, FlowObjects)
    labels = np.zeros((40, 50), np.uint16)
    labels[5:20, 5:20], labels[5:20, 20:40] = 1, 2
    plane.add(0, ideal(labels))
    found = plane.finish()
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_array_equal(method.instances(ideal(labels), plane.settings)[0], labels)


def discs(seed, colours):
    rng = np.random.default_rng(seed)
    labels = np.zeros((2, 64, 64), np.uint16)
    y, x = np.indices((64, 64))
    for plane in labels:
        for label in range(1, 8):
            cy, cx = rng.uniform(0, 64, 2)
            plane[((y - cy) ** 2 + (x - cx) ** 2 < 49) & (plane == 0)] = label
    image = rng.normal(20, 3, (2, 64, 64, colours)) + 60 * (labels > 0)[..., None]
    image = image.clip(0, 255).astype(np.uint8)
    axes = "TYX" if colours == 1 else "TYXC"
    pixels = image[..., 0] if colours == 1 else image
    return images.make(pixels, axes, title=f"d{seed}.tif"), images.make(labels, "TYX")


@pytest.mark.thorough(except_for=["1"])
@pytest.mark.tf
@pytest.mark.parametrize("colours", [1, 3])
def test_a_model_is_trained_and_predicts(tmp_path, monkeypatch, colours):
    small = {"steps": 20, "batch": 4, "patch": 32, "depth": 2, "width": 8, "seed": 1}
    small["imaging"] = 0.0  # in so few batches all are to show what is predicted
    pairs = [discs(seed, colours) for seed in range(5)]
    out = tmp_path / "model"
    training.train(pairs, out, kind="flows", epochs=3, learning_rate=0.01, **small)
    again = models.load(out, verify=True)
    config = json.loads((out / "config.json").read_text())
    assert config["classes"] == ["flow_y", "flow_x", "object"]
    assert again.config.channels == colours
    assert "val_flow_error" in (out / "log.csv").read_text().splitlines()[0]
    metrics = json.loads((out / "metrics.json").read_text())["validation"]
    assert metrics["val_dice"] > 0.8
    image = pairs[0][0]
    found = predict(again, image, probabilities=True)
    assert found.labels.shape == (2, 64, 64)
    assert found.labels.data.max() >= 2
    assert found.probabilities.sizes["C"] == 3
    first = image.isel(T=0)
    np.testing.assert_array_equal(preview(again, first), predict(again, first).labels)
    monkeypatch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
    np.testing.assert_array_equal(predict(again, image).labels, found.labels)


TINY = {"steps": 4, "batch": 2, "patch": 32, "depth": 1, "width": 4, "seed": 1}


@pytest.mark.thorough
@pytest.mark.tf
def test_a_training_is_resumed_and_gone_on_from(tmp_path):
    pairs = [discs(seed, 1) for seed in range(5)]
    through = training.train(pairs, tmp_path / "a", kind="flows", epochs=2, **TINY)

    def stop(event):
        if event.epoch == 1:
            raise KeyboardInterrupt

    training.train(pairs, tmp_path / "b", kind="flows", epochs=2, watch=stop, **TINY)
    resumed = training.train(pairs, tmp_path / "b", resume=True)
    for one, other in zip(through.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

    more = {k: v for k, v in TINY.items() if k in ("steps", "batch")}
    second = training.train(pairs, tmp_path / "c", start=tmp_path / "a", epochs=1, **more)
    assert second.config.kind == "flows"
    labels, uncertainty = proposals.predict(second, pairs[0][0])
    assert labels.shape == (2, 64, 64)
    assert 0 < uncertainty.value < 1


@pytest.mark.thorough
@pytest.mark.tf
def test_hyperparameters_are_searched_by_the_average_precision(tmp_path):
    pairs = [discs(seed, 1) for seed in range(4)]
    found = search(
        training.Given(pairs), tmp_path / "search", kind="flows", **tiny_search.options()
    )
    assert found is not None
    assert 0 <= found.score <= 1
