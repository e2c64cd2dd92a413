"""Flows: in each pixel of an object the direction to its centre, as Cellpose defines them.

(Stringer, Wang, Michaelos & Pachitariu, Nature Methods 18, 2021; the details are those of
Cellpose 3.1.) Heat is put into an object at the pixel nearest to its mean position, one unit an
iteration, and spreads by the mean over 3 × 3 pixels; what leaves the object is lost. The flow is
the gradient of the heat, of length 1. So it leads around concave outlines to the centre.

All objects are diffused at once, side by side in strips, which is what makes it fast in numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.labels.bounding_boxes import boxes
from imagej_dl.methods.shared.centres import central_pixel

_STRIP = 2**14
"""Pixels that are worked on at once: they stay in the processor's cache."""
_NOISE = 1e-10
"""Gradients below this share of the heat are the rounding errors of zero."""


def label_flows(labels: NDArray) -> NDArray[np.float32]:
    """Return the flows of all objects of a label map.

    Parameters
    ----------
    labels : label map (Y, X), background 0. A label of several pieces has one centre; pieces
        without it have no flow.

    Returns
    -------
    float32 (2, Y, X), steps along y and x of length 1; 0 outside of objects, and where there is no
    direction, as in an object of one pixel.
    """
    result = np.zeros((2, *labels.shape), np.float32)
    found = boxes(labels)
    for index, inside, flows in object_flows([labels[box] == label for label, box in found]):
        result[(slice(None), *found[index][1])][:, inside] = flows
    return result


def object_flows(
    objects: Sequence[NDArray[np.bool_]],
) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.float64]]]:
    """Give the flows of objects, each cut out in its bounding box.

    Yields the object's place in the sequence, the object, and its flows (2, pixels), in the order
    of `flows[:, object]`. The order of the objects is that of their heights.
    """
    order = sorted(range(len(objects)), key=lambda i: objects[i].shape)
    strip: list[int] = []
    width = 0
    for index in order:
        height, more = objects[index].shape
        if strip and (width + more + 1) * (height + 2) > _STRIP:
            yield from _strip(objects, strip)
            strip, width = [], 0
        strip.append(index)
        width += more + 1
    if strip:
        yield from _strip(objects, strip)


def _strip(
    objects: Sequence[NDArray[np.bool_]], chosen: list[int]
) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.float64]]]:
    """Diffuse objects that lie side by side, with a line of background around each."""
    height = max(objects[i].shape[0] for i in chosen) + 2
    width = sum(objects[i].shape[1] + 1 for i in chosen) + 1
    share = np.zeros((height, width))
    starts, sources, rounds = [], [], []
    column = 1
    for i in chosen:
        inside = objects[i]
        y, x = central_pixel(inside)
        share[1 : 1 + inside.shape[0], column : column + inside.shape[1]] = inside
        sources.append((1 + y) * width + column + x)
        rounds.append(2 * (inside.shape[0] + inside.shape[1] + 4))
        starts.append(column)
        column += inside.shape[1] + 1
    heat = _diffused(share / 9, np.array(sources), np.array(rounds)).reshape(height, width)
    down = np.zeros_like(heat)
    right = np.zeros_like(heat)
    down[1:-1] = heat[2:] - heat[:-2]
    right[:, 1:-1] = heat[:, 2:] - heat[:, :-2]
    length = np.sqrt(down**2 + right**2)
    length[length <= _NOISE * heat] = np.inf
    down /= length
    right /= length
    for i, start in zip(chosen, starts, strict=True):
        inside = objects[i]
        place = (slice(1, 1 + inside.shape[0]), slice(start, start + inside.shape[1]))
        yield i, inside, np.stack((down[place][inside], right[place][inside]))


def _diffused(
    share: NDArray[np.float64], sources: NDArray[np.intp], rounds: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the heat after as many rounds as each object has: one with fewer begins later.

    Sums go along the array as one line: what crosses the ends of rows lies in the background.
    """
    width, weights = share.shape[1], share.ravel()
    heat, columns = np.zeros(weights.shape), np.zeros(weights.shape)
    order = np.argsort(-rounds)
    sources, last = sources[order], int(rounds.max())
    begun = np.searchsorted(-rounds[order], -last + np.arange(last), "right")
    inner, above, below = columns[width:-width], heat[: -2 * width], heat[2 * width :]
    middle = heat[width:-width]
    for count in begun.tolist():
        heat[sources[:count]] += 1
        np.add(above, below, out=inner)
        inner += middle
        np.add(columns[:-2], columns[2:], out=heat[1:-1])
        heat[1:-1] += columns[1:-1]
        heat *= weights
    return heat
