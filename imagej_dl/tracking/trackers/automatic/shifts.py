"""Jumps of the stage: a shift that most objects of a frame have in common."""

from __future__ import annotations

import numpy as np

from imagej_dl.tracking.trackers.automatic.frames import Candidates
from imagej_dl.tracking.trackers.automatic.objects import Objects

_STILL = 0.5
"""In radii; objects of a still stage have one of the next frame within this distance."""
_MOST = 0.6  # of the objects that the jump leaves in the image have it in common
_LEAST = 4  # objects: fewer do not tell a jump from motion of their own
_VOTERS = 64
_ALIKE = np.log(1.5)
"""Largest logarithm of the ratio of two areas that may be one object's."""


def common(objects: Objects, found: Candidates) -> np.ndarray:
    """Measure the jumps between frames.

    A shift counts as a jump where most of the objects then have one of similar area within half a
    radius, and twice as many as without it.

    Parameters
    ----------
    found : pairs of near objects as the stage is in each frame.

    Returns
    -------
    shift : (frames, 2) x, y from each frame to the next in the image's unit; 0 where the stage
        stood still.
    """
    from scipy.spatial import cKDTree

    shifts = np.zeros((objects.frames, 2))
    bounds, radius = objects.bounds, objects.radius
    still = _still(objects, found)
    counts = np.diff(bounds)
    several = np.minimum(counts[:-1], counts[1:]) >= _LEAST
    for frame in np.flatnonzero(several & (still[:-1] < 0.5)):
        now = np.arange(bounds[frame], bounds[frame + 1])
        then = np.arange(bounds[frame + 1], bounds[frame + 2])
        shift = _voted(objects, now, then)
        places = objects.place[now] + shift
        distance, nearest = cKDTree(objects.place[then]).query(places)
        alike = np.abs(np.log(objects.area[then][nearest] / objects.area[now])) < _ALIKE
        moved = alike & (distance < _STILL * radius[now])
        stays = np.ones(len(now), bool)
        if objects.size.all():
            stays = ((places >= 0) & (places <= objects.size)).all(axis=1)
        enough = max(_LEAST, _MOST * stays.sum(), 2 * still[frame] * len(now))
        if moved.sum() >= enough:
            exact = objects.place[then][nearest] - objects.place[now]
            shifts[frame] = np.median(exact[moved], axis=0)
    return shifts


def _still(objects: Objects, found: Candidates) -> np.ndarray:
    """(frames,) share of the objects near which the next frame has one."""
    near = np.zeros(len(objects.frame), bool)
    near[found.sources[found.distance < _STILL]] = True
    counts = np.bincount(objects.frame, minlength=objects.frames)
    some = np.bincount(objects.frame[near], minlength=objects.frames)
    return np.asarray(some / np.maximum(counts, 1))


def _voted(objects: Objects, now: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Return the displacement that most pairs of objects of similar area have."""
    voters = now[np.unique(np.linspace(0, len(now) - 1, _VOTERS).astype(int))]
    apart = (objects.place[then][None] - objects.place[voters][:, None]).reshape(-1, 2)
    ratio = np.log(objects.area[then][None] / objects.area[voters][:, None]).ravel()
    apart = apart[np.abs(ratio) < _ALIKE]
    if not len(apart):
        return np.zeros(2)
    cell = _STILL * float(np.median(objects.radius[now]))
    # Each vote counts in the four cells round it, so that none is lost at a cell's border.
    low = np.floor(apart / cell - 0.5).astype(np.int64)
    around = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    cells = (low[:, None] + around).reshape(-1, 2)
    cells -= cells.min(axis=0)
    width = int(cells[:, 1].max()) + 1
    keys, count = np.unique(cells[:, 0] * width + cells[:, 1], return_counts=True)
    best = keys[np.argmax(count)]
    inside = (cells[:, 0] * width + cells[:, 1] == best).reshape(-1, 4).any(axis=1)
    return np.asarray(np.median(apart[inside], axis=0))
