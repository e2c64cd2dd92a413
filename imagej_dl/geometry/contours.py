"""Outlines of labels, vertex for vertex as TrackMate (and ImageJ) traces them.

Contour following along pixel edges for all components of many frames at once: every step
moves every outline by one pixel edge, so that the number of NumPy calls grows with the longest
outline and not with the number of objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagej_dl.geometry.corners import scan

# Headings with the object on the left hand: up a right side, left along a top, down a left
# side, right along a bottom. Turning left is the next one.
_AHEAD = np.array([[0, -1], [-1, 0], [0, 1], [1, 0]])
_RIGHT_HAND = np.array([[1, 0], [0, -1], [-1, 0], [0, 1]])
_START_CORNER = np.array([[1, 1], [1, 0], [0, 0], [0, 1]])
_BOTTOM = 3


@dataclass(frozen=True)
class Polygons:
    """Many polygons in one array: polygon i is `points[offsets[i]:offsets[i + 1]]`.

    `points` is (N, 2) with x, y; `offsets` is (number of polygons + 1,).
    """

    points: np.ndarray
    offsets: np.ndarray

    @classmethod
    def group(cls, owners: np.ndarray, points: np.ndarray, count: int) -> Polygons:
        """Collect points in the order given under their owner, a number below `count`."""
        order = np.argsort(owners, kind="stable")
        sizes = np.bincount(owners, minlength=count)
        return cls(points[order], np.concatenate([[0], np.cumsum(sizes)]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.points[self.offsets[index] : self.offsets[index + 1]]

    @property
    def sizes(self) -> np.ndarray:
        """Number of points of each polygon."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """For each point the number of its polygon."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def following(self) -> np.ndarray:
        """For each point the index of the next one round its polygon."""
        after = np.arange(1, len(self.points) + 1)
        filled = self.sizes > 0
        after[self.offsets[1:][filled] - 1] = self.offsets[:-1][filled]
        return after

    def keep(self, chosen: np.ndarray) -> Polygons:
        """Return only the polygons of a boolean mask."""
        return Polygons(
            self.points[np.repeat(chosen, self.sizes)],
            np.concatenate([[0], np.cumsum(self.sizes[chosen])]),
        )


def components(frames: np.ndarray) -> np.ndarray:
    """Number the 8-connected components of each label, frame by frame, from 1 in raster order.

    `frames` is a (T, Y, X) label map; the result has one pixel of zeros added round each frame.
    """
    from skimage.measure import label

    count = 0
    found = np.zeros((len(frames), frames.shape[1] + 2, frames.shape[2] + 2), np.int32)
    for number, frame in enumerate(frames):
        one = label(frame, background=0, connectivity=2)
        found[number, 1:-1, 1:-1] = np.where(one > 0, one + count, 0)
        count += int(one.max(initial=0))
    return found


def trace(numbered: np.ndarray) -> tuple[Polygons, np.ndarray, np.ndarray]:
    """Trace the outer outlines of components; holes are left out, as TrackMate does.

    Parameters
    ----------
    numbered : what :func:`components` gives, shape (T, Y + 2, X + 2).

    Returns
    -------
    polygons : corners in pixel edges (0, 0 is the top left corner of the first pixel), in the
        order of the components, beginning at the right end of the last bottom edge and going up.
        A component that touches itself at corners may make several.
    frames : frame of each polygon.
    pixels : flat index into the unpadded (T, Y, X) array of a pixel in each polygon.
    """
    _, height, width = numbered.shape
    flat = numbered.ravel()
    inside = np.flatnonzero(flat)
    count = int(flat.max(initial=0))
    start = np.zeros(count, np.int64)
    start[flat[inside] - 1] = inside  # the last write stays: the last pixel in raster order
    ahead = _AHEAD @ [1, width]
    diagonal = ahead + _RIGHT_HAND @ [1, width]
    frame = start // (width * height)

    alive = np.arange(count)
    pixel, heading = start.copy(), np.full(count, _BOTTOM)
    owners, corners = [np.zeros(0, np.int64)], [np.zeros((0, 2), np.int64)]
    while alive.size:
        own = flat[pixel]
        beyond, straight = pixel + diagonal[heading], pixel + ahead[heading]
        turn_right = flat[beyond] == own
        go_on = ~turn_right & (flat[straight] == own)
        pixel = np.where(turn_right, beyond, np.where(go_on, straight, pixel))
        turned = ~go_on
        heading = np.where(go_on, heading, np.where(turn_right, heading + 3, heading + 1) % 4)
        at = pixel[turned]
        xy = np.stack([at % width, at // width % height], axis=1) - 1
        owners.append(alive[turned])
        corners.append(xy + _START_CORNER[heading[turned]])
        running = (pixel != start[alive]) | (heading != _BOTTOM)
        alive, pixel, heading = alive[running], pixel[running], heading[running]
    polygons = Polygons.group(np.concatenate(owners), np.concatenate(corners), count)
    polygons, component = _rescan(polygons, numbered, frame)
    # The pixel up and left of where an outline begins is the object's.
    x, y = polygons.points[polygons.offsets[:-1]].T - 1
    pixel = (frame[component] * (height - 2) + y) * (width - 2) + x
    return polygons, frame[component], pixel


def _rescan(
    polygons: Polygons, numbered: np.ndarray, frames: np.ndarray
) -> tuple[Polygons, np.ndarray]:
    """Trace those components anew that touch themselves at a corner; also give the components."""
    unclear = set((_corner_touches(numbered) - 1).tolist())
    if not unclear:
        return polygons, np.arange(len(polygons))
    found: list[np.ndarray] = []
    component: list[int] = []
    for number in range(len(polygons)):
        own = [polygons[number]]
        if number in unclear:
            low, high = own[0].min(axis=0), own[0].max(axis=0)
            box = numbered[frames[number], low[1] + 1 : high[1] + 1, low[0] + 1 : high[0] + 1]
            own = [points + low for points in scan(box == number + 1)]
        found += own
        component += [number] * len(own)
    sizes = [len(points) for points in found]
    return Polygons(np.concatenate(found), np.cumsum([0, *sizes])), np.array(component)


def _corner_touches(numbered: np.ndarray) -> np.ndarray:
    """The numbers of the components of which two pixels touch at a corner only."""
    a, b = numbered[:, :-1, :-1], numbered[:, :-1, 1:]
    c, d = numbered[:, 1:, :-1], numbered[:, 1:, 1:]
    falling = (a == d) & (a > 0) & (b != a) & (c != a)
    rising = (b == c) & (b > 0) & (a != b) & (d != b)
    return np.unique(np.concatenate([a[falling], b[rising]]))
