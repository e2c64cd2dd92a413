"""The operations of the specification, with values that are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.models.packages.known_operations import operation
from imagej_dl.models.packages.operations import applied

PLANE = np.array([[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]])


def of(identifier, plane=PLANE, **arguments):
    return applied([operation(identifier, arguments)], plane, {"raw": PLANE})


def test_linear_by_number_and_by_channel():
    np.testing.assert_allclose(of("scale_linear", gain=2, offset=1), 2 * PLANE + 1)
    found = of("scale_linear", gain=[1, 0.1], offset=[0, 1], axis="channel")
    np.testing.assert_allclose(found[1, 1], [4, 5])
    with pytest.raises(UserError, match="3 values for the 2 channels"):
        of("scale_linear", gain=[1, 2, 3], offset=0, axis="channel")


def test_percentiles_of_each_channel_or_of_all():
    each = of("scale_range", axes=["y", "x"], min_percentile=0, max_percentile=100)
    np.testing.assert_allclose(each[..., 0], each[..., 1], atol=1e-6)
    np.testing.assert_allclose(each[1, 1], 1, atol=1e-6)
    every = of("scale_range")
    assert every[..., 0].max() < 0.1
    assert np.isclose(every.max(), 1)


def test_percentiles_are_interpolated_linearly():
    plane = np.arange(101, dtype=np.float64).reshape(1, 101, 1)
    found = of("scale_range", plane, axes=["y", "x"], min_percentile=1.5, max_percentile=99.8)
    np.testing.assert_allclose(found[0, 50, 0], (50 - 1.5) / (99.8 - 1.5 + 1e-6))


def test_percentiles_of_another_tensor():
    found = of("scale_range", PLANE * 0, reference_tensor="raw")
    np.testing.assert_allclose(found, -1 / 39, atol=1e-6)
    with pytest.raises(UserError, match="refers to a tensor other"):
        of("scale_range", reference_tensor="other")


def test_standardised_by_plane_and_by_fixed_values():
    found = of("zero_mean_unit_variance", axes=["y", "x"])
    np.testing.assert_allclose(found.mean(axis=(0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=(0, 1)), 1, atol=1e-5)
    fixed = of("fixed_zero_mean_unit_variance", mean=[1, 10], std=[1, 10], axis="channel")
    np.testing.assert_allclose(fixed[1, 1], 3, atol=1e-5)


def test_mean_and_variance_of_another_tensor():
    other = PLANE * 7 + 3
    found = of("scale_mean_variance", other, reference_tensor="raw", axes=["y", "x"])
    np.testing.assert_allclose(found, PLANE, atol=1e-4)


def test_clipped_by_values_and_by_percentiles():
    assert of("clip", min=2, max=30).max() == 30
    found = of("clip", min_percentile=25, max_percentile=75, axes=["y", "x"])
    np.testing.assert_allclose(found[..., 0], [[1, 2], [3, 3]])


def test_pixel_by_pixel():
    np.testing.assert_allclose(of("sigmoid", np.zeros((1, 1, 1))), 0.5)
    assert of("softmax").sum(axis=2) == pytest.approx(1)
    assert of("binarize", threshold=3).sum() == 5
    assert of("binarize", threshold=[3, 30], axis="channel").sum() == 2
    assert of("ensure_dtype", dtype="uint8").dtype == np.uint8
    assert np.isfinite(of("sigmoid", np.full((1, 1, 1), -1000.0, np.float32))).all()


@pytest.mark.parametrize(
    ("identifier", "arguments", "words"),
    [
        ("custom", {}, "does not run"),
        ("cellpose_flow_dynamics", {}, "does not run"),
        ("clip", {"lowest": 1}, "lowest"),
        ("softmax", {"axis": "z"}, "axis"),
        ("scale_range", {"min_percentile": -3}, "min_percentile"),
        ("scale_linear", {"gain": float("nan")}, "gain"),
    ],
)
def test_others_are_refused(identifier, arguments, words):
    with pytest.raises(UserError, match=words):
        operation(identifier, arguments)


def test_which_look_at_the_whole_plane():
    assert operation("scale_range", {}).whole
    assert operation("clip", {"max_percentile": 99}).whole
    assert not operation("clip", {"max": 1}).whole
    assert not operation("sigmoid", {}).whole
