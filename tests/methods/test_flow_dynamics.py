import flow_fields
import numpy as np
import pytest

from imagej_dl.methods.shared import flow_dynamics
from imagej_dl.methods.shared.flow_dynamics import follow


def step_by_step(flow, starts, iterations):
    """Bilinear Euler steps of all points."""
    height, width = flow.shape[1] - 1, flow.shape[2] - 1
    points = [part.astype(np.float32) for part in np.divmod(starts, width)]
    for _ in range(iterations):
        y, x = (part.astype(int) for part in points)
        dy, dx = points[0].astype(float) - y, points[1].astype(float) - x
        moved = []
        for f, part, size in zip(flow, points, (height, width), strict=True):
            value = f[y, x] * (1 - dy) * (1 - dx) + f[y, x + 1] * (1 - dy) * dx
            value = value + f[y + 1, x] * dy * (1 - dx) + f[y + 1, x + 1] * dy * dx
            moved.append(np.clip(part + value.astype(np.float32), 0, np.float32(size - 1)))
        points = moved
    y, x = (part.astype(int) for part in points)
    return y * width + x


@pytest.mark.slow
@pytest.mark.parametrize("iterations", [1, 2, 7, 8, 48, 49, 60, 201])
@pytest.mark.parametrize("name", ["crowd_with_errors", "odd", "all_above_the_threshold"])
def test_leaving_out_what_has_settled_changes_nothing(name, iterations, monkeypatch):
    monkeypatch.setattr(flow_dynamics, "_POINTS", 1000)
    output = flow_fields.fields()[name]
    flow = np.pad(np.moveaxis(output[..., :2], -1, 0), ((0, 0), (0, 1), (0, 1)))
    starts = np.flatnonzero(output[..., 2] > 0.5)
    expected = step_by_step(flow, starts, iterations)
    np.testing.assert_array_equal(follow(flow, starts, iterations), expected)


def test_nobody_leaves_the_plane():
    flow = np.full((2, 6, 8), 3, np.float32)
    starts = np.arange(5 * 7)
    np.testing.assert_array_equal(follow(flow, starts, 10), 34)
    np.testing.assert_array_equal(follow(-flow, starts, 10), 0)
    assert follow(flow, starts[:0], 10).size == 0
