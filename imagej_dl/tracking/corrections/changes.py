"""Compare corrected tracks with the automatic result: changed spots and links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from imagej_dl.tracking.tracks import Tracks


def compare(
    tracks: Tracks, automatic: Tracks | None, rows: np.ndarray
) -> tuple[dict[str, int], np.ndarray]:
    """Count the changes, and return the frames with a changed, added or deleted spot.

    Parameters
    ----------
    tracks : the corrected tracks.
    automatic : the automatic result; without it nothing is counted, and all frames are returned.
    rows : for each corrected spot the row of the same one before, −1 for none.
    """
    if automatic is None:
        return {}, np.arange(tracks.shape[0])
    deleted = np.setdiff1d(np.arange(len(automatic.spots)), rows)
    new = np.flatnonzero(rows < 0)
    was, now = automatic.spots.iloc[deleted], tracks.spots.iloc[new]
    changed = _same_objects(was, now)
    kept = rows[tracks.links.sources], rows[tracks.links.targets]
    ours = {pair for pair in zip(*(k.tolist() for k in kept), strict=True) if min(pair) >= 0}
    sources, targets = automatic.links.sources, automatic.links.targets
    stay = np.isin(sources, rows) & np.isin(targets, rows)
    theirs = set(zip(sources[stay].tolist(), targets[stay].tolist(), strict=True))
    counts = {
        "spots kept": int(np.count_nonzero(rows >= 0)),
        "spots changed": changed,
        "spots added": len(new) - changed,
        "spots deleted": len(deleted) - changed,
        "links made": len(ours - theirs),
        "links cut": len(theirs - ours),
    }
    return counts, np.union1d(was["frame"], now["frame"]).astype(np.int64)


def _same_objects(was: pd.DataFrame, now: pd.DataFrame) -> int:
    """Count the pairs of a deleted and an added spot that are one object, moved or redrawn.

    They are in one frame, one within the radius of the other; each counts once, nearest first.
    """
    from scipy.spatial import cKDTree

    count = 0
    for frame in np.intersect1d(was["frame"], now["frame"]):
        old, new = was[was["frame"] == frame], now[now["frame"] == frame]
        reach = max(float(old["radius"].max()), float(new["radius"].max()))
        near = cKDTree(old[["x", "y"]]).sparse_distance_matrix(
            cKDTree(new[["x", "y"]]), reach, output_type="coo_matrix"
        )
        used: tuple[set[int], set[int]] = (set(), set())
        for pair in np.argsort(near.data):
            one, other = int(near.row[pair]), int(near.col[pair])
            limit = max(old["radius"].iloc[one], new["radius"].iloc[other])
            if one in used[0] or other in used[1] or near.data[pair] > limit:
                continue
            used[0].add(one)
            used[1].add(other)
            count += 1
    return count
