"""Match TrackMate's spots to ours by their positions, and convert its links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.fiji.trackmate import settings

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from imagej_dl.tracking.links import Links

_LARGE = 65535


def low_ids(labels: xr.DataArray) -> xr.DataArray:
    """Number the objects of each frame from 1 in the order of their ids, where ids are large.

    TrackMate's detector makes a list of all numbers up to the largest: with 16 million it does not
    finish.
    """
    frames = np.asarray(labels)
    if frames.max(initial=0) <= _LARGE:
        return labels
    low = np.zeros(frames.shape, np.uint32)
    for number, frame in enumerate(frames):
        ids, place = np.unique(frame, return_inverse=True)
        low[number] = place.reshape(frame.shape) + int(ids[0] != 0)
    return images.with_data(labels, images.as_labels(low))


def match(spots: pd.DataFrame, collection: Any) -> dict[int, int]:
    """Return, for the ID of each of TrackMate's spots, the row of our spot at the same place.

    Raises
    ------
    UserError : when its spots differ from those of the labels.
    """
    from scipy.spatial import cKDTree

    theirs = [
        (
            int(s.ID()),
            int(s.getFeature("FRAME")),
            s.getDoublePosition(0),
            s.getDoublePosition(1),
        )
        for s in collection.iterable(False)
    ]
    if len(theirs) != len(spots):
        raise _other_spots(f"it detected {len(theirs)} spots, imagej-dl {len(spots)}")
    pairs: dict[int, int] = {}
    table = np.array([(float(i), f, x, y) for i, f, x, y in theirs]).reshape(-1, 4)
    for key, group in spots.reset_index(drop=True).groupby("frame"):
        frame = int(str(key))
        there = table[table[:, 1] == frame]
        tree = cKDTree(group[["x", "y"]].to_numpy())
        distance, index = tree.query(there[:, 2:])
        if len(there) != len(group) or len(set(index.tolist())) != len(group):
            raise _other_spots(f"it detected {len(there)} in frame {frame + 1}, not {len(group)}")
        if distance.max() > 1e-6 * (1 + there.max()):
            raise _other_spots(f"those of frame {frame + 1} lie elsewhere")
        rows = group.index.to_numpy()[index]
        pairs |= dict(zip(there[:, 0].astype(int).tolist(), rows.tolist(), strict=True))
    return pairs


def _other_spots(how: str) -> UserError:
    return UserError(
        f"the spots of this TrackMate ({settings.version()}) are not those of the labels: {how}",
        remedy="Track with --engine embedded, which needs no TrackMate.",
    )


def links(tracks: Any, row: dict[int, int]) -> Links:
    """Return TrackMate's links between the rows of our spots table, forward in time."""
    from imagej_dl.tracking.links import Links

    edges = []
    for edge in tracks.edgeSet():
        ends = (tracks.getEdgeSource(edge), tracks.getEdgeTarget(edge))
        early, late = sorted(ends, key=lambda spot: float(spot.getFeature("FRAME")))
        pair = row[int(early.ID())], row[int(late.ID())]
        edges.append((*pair, float(tracks.getEdgeWeight(edge))))
    table = np.array(edges).reshape(-1, 3)
    return Links(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2])
