"""Flow fields made by formula; the label maps that Cellpose makes of them are in flow_fields.npz.

They come from `cellpose.dynamics.compute_masks` of Cellpose 3.1.1.2 (on the processor, with PyTorch
1.13), for flows × 5 and a cell probability of 1 where the object probability is above .5, else -1;
with `max_size_fraction` .4, and with `flow_threshold` 0 and `min_size` -1 (NAME_unchecked), .4 and
-1 (NAME), .4 and 15 (NAME_filled). Flows are multiples of 1/256, the same on all machines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.shared.heat_flows import label_flows

Y, X = np.indices((144, 160))


def disc(cy: float, cx: float, a: float, b: float | None = None, turn: float = 0.0) -> NDArray:
    """An ellipse with the half axes a and b, the first turned by so many degrees from y to x."""
    y, x, angle = Y - cy, X - cx, np.radians(turn)
    u, v = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    return (u / a) ** 2 + (v / (b or a)) ** 2 < 1


def crowd() -> NDArray:
    """Ellipses that touch, and lie over the edges."""
    labels = np.zeros(Y.shape, np.uint16)
    for number in range(60):
        cy, cx = 17 * (number // 8) + 5, 21 * (number % 8) + 7 * (number // 8 % 2)
        half = 8 + number * 7 % 5
        labels[disc(cy, cx, half + 3, half, 37 * number) & (labels == 0)] = number + 1
    return labels


def odd() -> NDArray:
    """Nested, concave, long and tiny objects."""
    labels = np.zeros(Y.shape, np.uint16)
    labels[disc(30, 30, 25) & ~disc(30, 30, 14)] = 1
    labels[disc(30, 30, 11)] = 2
    labels[disc(30, 90, 24) & ~disc(30, 102, 20)] = 3
    labels[disc(90, 60, 52, 6, 80)] = 4
    labels[disc(110, 60, 52, 6, 60)] = 5
    labels[60, 150] = 6
    labels[64, 150:152] = 7
    labels[70:72, 100:130] = 8
    labels[20:44, 158:160] = 9
    labels[disc(143, 140, 18)] = 10
    labels[120:140, 2:5] = 11
    labels[40:44, 130:134] = 12
    return labels


def whole() -> NDArray:
    """An object that is more than half of the plane, and one beside it."""
    labels = np.zeros(Y.shape, np.uint16)
    labels[4:140, 4:120] = 1
    labels[disc(70, 140, 14)] = 2
    return labels


def swirls(strength: float, length: float) -> NDArray[np.float32]:
    """Errors (2, Y, X) that change over about `length` px."""
    y, x = Y / length, X / length
    down = np.sin(2.1 * y + 1.3 * x) + np.sin(3.7 * x - 1.9 * y + 1) * np.cos(1.1 * y)
    right = np.sin(1.7 * x - 2.3 * y + 2) + np.sin(3.1 * y + 1.3 * x) * np.cos(2.9 * x)
    return strength * np.stack((down, right)).astype(np.float32)


def output(flows: NDArray, region: NDArray) -> NDArray[np.float32]:
    """What a network would give: (Y, X, channels)."""
    rounded = np.round(flows * 256) / 256
    return np.stack((*rounded, np.where(region, 0.9, 0.1)), axis=-1).astype(np.float32)


def fields() -> dict[str, NDArray[np.float32]]:
    """Return outputs by their names."""
    crowded, strange, large = crowd(), odd(), whole()
    return {
        "crowd": output(label_flows(crowded), crowded > 0),
        "crowd_with_errors": output(label_flows(crowded) + swirls(0.35, 4), crowded > 0),
        "crowd_with_large_errors": output(label_flows(crowded) + swirls(0.5, 8), crowded > 0),
        "odd": output(label_flows(strange), strange > 0),
        "odd_with_errors": output(label_flows(strange) + swirls(0.2, 5), strange > 0),
        "whole": output(label_flows(large), large > 0),
        "all_above_the_threshold": output(swirls(0.6, 9), np.ones(Y.shape, bool)),
        "nothing": output(swirls(0.6, 9), np.zeros(Y.shape, bool)),
    }
