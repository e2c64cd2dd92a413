"""The spots, the links and the lineage as CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imagej_dl import ctc
from imagej_dl.filesystem import csv_cells
from imagej_dl.filesystem.atomic import atomic, refuse_existing

if TYPE_CHECKING:
    import pandas as pd

    from imagej_dl.tracking.lineage import Segments
    from imagej_dl.tracking.tracks import Tracks


def write_spots(tracks: Tracks, path: str | Path, overwrite: bool = False) -> None:
    """Write one row a spot: id, track_id, tracked_label, frame, x, y, … in the image's unit.

    `track_id` is TrackMate's, empty for spots without links; `tracked_label` is the object's id
    in the tracked label map, `label` that in the label map that was tracked.
    """
    table = tracks.spots.drop(columns=["pixel", "track_id"])
    linked = tracks.spots["track_id"]
    table.insert(1, "track_id", linked.astype("Int64").mask(linked < 0))
    table.insert(2, "tracked_label", tracks.track_labels())
    _write(table, path, overwrite)


def write_edges(tracks: Tracks, path: str | Path, overwrite: bool = False) -> None:
    """Write one row a link: source and target (ids of spots), cost, track_id."""
    _write(tracks.edges, path, overwrite)


def write_lineage(
    tracks: Tracks, path: str | Path, segments: Segments | None = None, overwrite: bool = False
) -> None:
    """Write one row a segment; see :func:`lineage`."""
    _write(lineage(tracks, segments), path, overwrite)


def lineage(tracks: Tracks, segments: Segments | None = None) -> pd.DataFrame:
    """The lineage: one row for each segment, from birth to division or end.

    Columns
    -------
    id : that of the Cell Tracking Challenge masks.
    parent : id of the segment it came from, 0 for none.
    track_id : TrackMate's, empty for a lone spot.
    generation : number of divisions before it in the movie.
    first_frame, last_frame : from 0; spots : number of them.
    start, stop : in seconds (frames if the interval is unknown).
    children : ids of the segments that came from it, with spaces between.
    fate : "divides", "goes on" (after a gap or into a merge, under another id), "ends", or
        "movie ends".
    """
    import numpy as np
    import pandas as pd

    segments = segments or tracks.segments(cut_gaps=True)
    rows = ctc.table(tracks, segments)
    of, spots = segments.of_spot - 1, tracks.spots
    count = len(rows)
    one = np.zeros(count, np.int64)
    one[of] = np.arange(len(of))
    children: list[list[int]] = [[] for _ in range(count)]
    generation = np.zeros(count, np.int64)
    for number, _, _, parent in rows[np.argsort(rows[:, 1], kind="stable")].tolist():
        if parent:
            children[parent - 1].append(number)
    for number, _, _, parent in rows[np.argsort(rows[:, 1], kind="stable")].tolist():
        if parent:
            divides = len(children[parent - 1]) > 1
            generation[number - 1] = generation[parent - 1] + divides
    last = tracks.shape[0] - 1
    fates = [
        "divides" if len(own) > 1 else "goes on" if own else "movie ends" if end == last else "ends"
        for own, end in zip(children, rows[:, 2].tolist(), strict=True)
    ]
    interval = tracks.calibration.frame_interval or 1.0
    linked = spots["track_id"].iloc[one].reset_index(drop=True) if count else spots["track_id"]
    return pd.DataFrame(
        {
            "id": rows[:, 0],
            "parent": rows[:, 3],
            "track_id": linked.astype("Int64").mask(linked < 0),
            "generation": generation,
            "first_frame": rows[:, 1],
            "last_frame": rows[:, 2],
            "spots": np.bincount(of, minlength=count),
            "start": rows[:, 1] * interval,
            "stop": rows[:, 2] * interval,
            "children": [" ".join(map(str, sorted(own))) for own in children],
            "fate": fates,
        }
    )


def _write(table, path: str | Path, overwrite: bool) -> None:  # type: ignore[no-untyped-def]
    path = Path(path)
    refuse_existing(path, overwrite)
    with atomic(path) as temporary:
        text = table.select_dtypes(exclude="number").columns
        table = table.assign(**{name: table[name].map(csv_cells.safe) for name in text})
        table.rename(columns=csv_cells.safe).to_csv(temporary, index=False, lineterminator="\n")
