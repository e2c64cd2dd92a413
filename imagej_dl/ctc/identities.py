"""The ids of objects in masks of the Cell Tracking Challenge, frame by frame, from markers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imagej_dl.ctc.folders import CtcFolder
from imagej_dl.errors import UserError


def followed(masks: NDArray, tracks: NDArray | None = None) -> CtcFolder:
    """Return masks (T, Y, X) whose ids are the same in all frames, with their table of tracks.

    The challenge knows no gaps: after one a track goes on under a new id whose parent is the part
    before. Parents are those of the rows `id, first frame, last frame, parent`, where they are here
    and end before their daughters begin.

    Raises
    ------
    UserError : for ids that 16-bit masks do not hold.
    """
    seen: dict[int, list[int]] = {}
    for t, mask in enumerate(masks):
        for number in np.unique(mask[mask > 0]).tolist():
            seen.setdefault(number, []).append(t)
    masks, free = masks.astype(np.uint32), max(seen, default=0)
    rows: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    for number, frames in sorted(seen.items()):
        parts = list(runs(frames))
        ids = [number, *range(free + 1, free + len(parts))]
        free += len(parts) - 1
        for own, part, before in zip(ids, parts, [0, *ids[:-1]], strict=True):
            rows[own] = [own, part[0], part[-1], before]
            for t in part:
                masks[t][masks[t] == number] = own
        last[number] = ids[-1]
    if free > np.iinfo(np.uint16).max:
        raise UserError(f"the id {free} does not fit into 16-bit masks")
    for number, *_, parent in () if tracks is None else tracks.tolist():
        mother = last.get(parent)
        if number in rows and mother is not None and rows[mother][2] < rows[number][1]:
            rows[number][3] = mother
    table = np.array(sorted(rows.values()), np.int64).reshape(-1, 4)
    return CtcFolder(masks.astype(np.uint16), table)


def matched(objects: NDArray, markers: NDArray) -> dict[int, int]:
    """Return the marker of each object (Y, X) that has one: pairs of the largest overlap first."""
    both = (objects > 0) & (markers > 0)
    pairs, counts = np.unique(
        np.stack([objects[both], markers[both]]).astype(np.int64), axis=1, return_counts=True
    )
    ids: dict[int, int] = {}
    taken: set[int] = set()
    for i in np.argsort(-counts, kind="stable"):
        own, marker = pairs[:, i].tolist()
        if own not in ids and marker not in taken:
            ids[own] = marker
            taken.add(marker)
    return ids


def renamed(objects: NDArray, ids: dict[int, int]) -> NDArray:
    """Return the objects (Y, X) under these ids; one without is background."""
    numbers, place = np.unique(objects, return_inverse=True)
    new = np.array([ids.get(int(number), 0) for number in numbers], np.uint32)
    return new[place].reshape(objects.shape)


def runs(frames: list[int]) -> Iterator[list[int]]:
    """Yield the runs of frames that follow each other."""
    first = 0
    for i in range(1, len(frames) + 1):
        if i == len(frames) or frames[i] != frames[i - 1] + 1:
            yield frames[first:i]
            first = i
