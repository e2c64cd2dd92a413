"""The spots and links as CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imagej_dl.files import atomic, refuse_existing

if TYPE_CHECKING:
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


def _write(table, path: str | Path, overwrite: bool) -> None:  # type: ignore[no-untyped-def]
    path = Path(path)
    refuse_existing(path, overwrite)
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
