"""Which outputs are probabilities of objects, and what is made of their channels."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl.models.packages.description import Tensor
from imagej_dl.models.packages.outputs import PackageLabels, Roles, is_probability, roles_of


def tensor(*channels, identifier="output", **more):
    axes = [
        {"type": "batch"},
        {"type": "channel", "channel_names": list(channels)},
        {"type": "space", "id": "y", "size": 64},
        {"type": "space", "id": "x", "size": 64},
    ]
    return Tensor.model_validate({"id": identifier, "axes": axes, **more})


@pytest.mark.parametrize(
    ("channels", "roles"),
    [
        (("nuclei",), Roles(object=0)),
        (("out",), Roles(object=0)),
        (("boundary",), None),
        (("background",), None),
        (("background", "foreground"), Roles(object=1, background=0)),
        (("foreground", "boundaries"), Roles(object=0, border=1)),
        (("bg", "cell", "contour"), Roles(object=1, border=2, background=0)),
        (("one", "two"), None),
        (("cell", "nucleus"), None),
        (("background", "cell", "nucleus"), None),
        (("class 0", "class 1", "class 2"), None),
    ],
)
def test_each_of_several_channels_says_what_it_is(channels, roles):
    assert roles_of(tensor(*channels), None) == roles


def test_values_beyond_0_and_1_are_no_probabilities():
    assert roles_of(tensor("nuclei"), np.array([0.0, 1.5])) is None
    assert roles_of(tensor("nuclei"), np.array([0.0, 1.0])) == Roles(object=0)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, False),
        ({"data": {"range": [0.0, 1.0]}}, True),
        ({"postprocessing": [{"id": "sigmoid"}]}, True),
        ({"identifier": "probability"}, True),
        ({"identifier": "denoised_cells"}, False),
        ({"description": "The restored image.", "data": {"range": [0.0, 1.0]}}, False),
    ],
)
def test_what_tells_that_it_is_a_probability(more, expected):
    assert is_probability(tensor("out", **more)) == expected


def test_borders_keep_touching_objects_apart():
    inside = np.zeros((40, 60), np.float32)
    inside[10:30, 10:50] = 1
    border = np.zeros_like(inside)
    border[10:30, 28:32] = 1
    method = PackageLabels(names=("foreground", "boundary"), roles=Roles(object=0, border=1))
    labels, _ = method.instances(np.stack([inside, border], -1), method.default_postprocessing())
    assert labels.max() == 2
    assert (labels > 0).sum() == inside.sum()
    classes = np.stack([1 - inside, inside - border, border], -1)
    roles = Roles(object=1, border=2, background=0)
    method = PackageLabels(names=("bg", "cell", "contour"), roles=roles)
    labels, _ = method.instances(classes, method.default_postprocessing())
    assert labels.max() == 2
    assert (labels > 0).sum() == inside.sum()
