"""Objects that are copied into patches touch those there, cover nothing, and are as they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.errors import UserError
from imagej_dl.methods.base import Truth
from imagej_dl.methods.registry import method
from imagej_dl.training.builder import sampling_of
from imagej_dl.training.crowding import Objects
from imagej_dl.training.fit import _settings
from imagej_dl.training.patches import Example, Patches, Sampling
from imagej_dl.training.settings import Settings

SIDE = 64
AS_IT_IS = np.eye(2)
TURNED = np.array(((0.0, -1.0), (1.0, 0.0)))


@pytest.fixture
def example():
    """Three objects far from each other, on noise, no two pixels alike."""
    labels = np.zeros((120, 120), np.uint16)
    y, x = np.mgrid[:120, :120]
    for label, (row, column, height, width) in enumerate(
        ((25, 25, 9, 6), (30, 90, 5, 8), (90, 60, 7, 7)), 1
    ):
        labels[((y - row) / height) ** 2 + ((x - column) / width) ** 2 <= 1] = label
    image = np.random.default_rng(0).normal(0.1, 0.02, labels.shape) + 0.5 * (labels > 0)
    return Example("plane", image[..., None].astype(np.float32), labels)


def put(example, matrix=AS_IT_IS, seed=0, labels=None, margin=2, **truth):
    """Copy objects into the upper left part of a plane."""
    labels = example.labels[:SIDE, :SIDE] if labels is None else labels
    image = example.image[margin : SIDE - margin, margin : SIDE - margin]
    before = Truth(labels, margin, **truth)
    objects = Objects(example, SIDE)
    found = objects.put_beside(image, before, matrix, np.random.default_rng(seed))
    return (image, before), found


@pytest.mark.parametrize("seed", range(8))
def test_nothing_that_is_there_is_covered(example, seed):
    (image, before), (changed, truth) = put(example, seed=seed)
    assert len(np.unique(truth.labels)) > len(np.unique(before.labels))
    there = before.labels > 0
    np.testing.assert_array_equal(truth.labels[there], before.labels[there])
    np.testing.assert_array_equal(changed[there[2:-2, 2:-2]], image[there[2:-2, 2:-2]])
    # Far from what was put there, nothing changes.
    far = ndi.distance_transform_edt(truth.labels == before.labels) > 5
    np.testing.assert_array_equal(changed[far[2:-2, 2:-2]], image[far[2:-2, 2:-2]])


@pytest.mark.parametrize("matrix", [AS_IT_IS, TURNED])
def test_a_copied_object_has_its_own_pixels(example, matrix):
    seen = 0
    for seed in range(12):
        (_, before), (changed, truth) = put(example, matrix, seed)
        for label in np.setdiff1d(np.unique(truth.labels), np.unique(before.labels)):
            pixels = np.sort(changed[(truth.labels == label)[2:-2, 2:-2]].ravel())
            sources = [np.sort(example.image[example.labels == n].ravel()) for n in (1, 2, 3)]
            whole = [s for s in sources if len(s) == len(pixels)]
            seen += any(np.array_equal(pixels, s) for s in whole)
            assert all(np.isin(pixels, example.image[example.labels > 0]))
    assert seen > 5


def test_more_objects_touch(example):
    touching = 0
    for seed in range(20):
        _, (_, truth) = put(example, seed=seed)
        apart = ndi.label(truth.labels > 0, np.ones((3, 3)))[1]
        touching += len(np.unique(truth.labels)) - 1 > apart
    assert touching > 5  # three in four, less those that lie outside


def test_directions_are_those_of_the_object_where_it_lies(example):
    flows = method("flows", {})
    vectors = flows.vectors(example.labels)
    seen = replace(example, vectors=vectors)
    for matrix in (AS_IT_IS, TURNED):
        for seed in range(4):
            given = vectors[:, :SIDE, :SIDE]
            _, (_, truth) = put(seen, matrix, seed, vectors=given)
            expected = flows.vectors(truth.labels)
            for label in np.unique(truth.labels):
                part = truth.labels == label
                edges = part[[0, -1]].any() or part[:, [0, -1]].any()
                if label and not edges:
                    np.testing.assert_allclose(truth.vectors[:, part], expected[:, part], atol=0.08)


def test_what_is_unknown_is_not_copied(example):
    known = np.ones(example.labels.shape, bool)
    known[30, 98] = False  # at the edge of the second object
    known[96:99, 60] = False  # in and below the third
    partly = replace(example, known=known)
    for seed in range(10):
        (_, before), (changed, truth) = put(partly, seed=seed, known=known[:SIDE, :SIDE].copy())
        new = (truth.labels > 0) & (before.labels == 0)
        inner = changed[new[2:-2, 2:-2]]
        assert np.isin(inner, example.image[example.labels == 1]).all()
        assert truth.known[new].all()


def test_ids_never_wrap(example):
    labels = np.where(example.labels == 1, 65535, example.labels).astype(np.uint16)[:SIDE, :SIDE]
    _, (_, truth) = put(example, labels=labels)
    assert truth.labels.max() > 65535


def test_no_whole_object_changes_nothing(example):
    for labels in (np.zeros((120, 120), np.uint16), np.ones((120, 120), np.uint16)):
        (image, before), (changed, truth) = put(replace(example, labels=labels))
        assert changed is image
        assert truth is before


def patches(example, **more):
    given = {"method": method("border", {}), "patch": 48, "batch": 4, "seed": 3}
    return Patches([example], Sampling(**given | more))


def test_a_batch_is_a_function_of_seed_and_number(example):
    first, again, none = (patches(example, crowding=share).batch(7) for share in (1.0, 1.0, 0.0))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first[0], none[0])
    assert (first[1] > 0).sum() > (none[1] > 0).sum()


def test_given_contours_and_several_frames_are_left_alone(example):
    given = np.zeros(example.labels.shape, np.uint8)
    for other in (replace(example, contours=given), replace(example, others=(example.image,))):
        usual = patches(other).batch(5)
        for one, two in zip(patches(other, crowding=1.0).batch(5), usual, strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_training_of_an_earlier_version_goes_on_without():
    class Earlier:
        settings = Settings.of({"crowding": 0.0}).model_dump(mode="json")

    assert "crowding" not in Earlier.settings
    assert _settings({}, Earlier, None).crowding == 0


def test_only_kinds_that_find_objects_are_crowded():
    shares = {
        kind: sampling_of(Settings.of({"kind": kind})).crowding
        for kind in ("border", "flows", "star_convex", "denoiseg", "n2v2")
    }
    assert shares == {
        "border": 0.5,
        "flows": 0.5,
        "star_convex": 0.5,
        "denoiseg": 0.5,
        "n2v2": 0.0,
    }
    with pytest.raises(UserError, match="crowding: kind n2v2 learns the intensities"):
        Settings.of({"kind": "n2v2", "crowding": 0.3})
