"""The files of a result: the folder that `track` writes, and its tables as CSV."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl import ctc, images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import csv_cells, stale_outputs
from imagej_dl.filesystem.atomic import atomic, atomic_folder, refuse_existing
from imagej_dl.filesystem.text import write_text
from imagej_dl.tracking import graphs
from imagej_dl.tracking.lineage import Merges, Segments
from imagej_dl.tracking.trackmate import writer
from imagej_dl.tracking.tracks import Tracks

if TYPE_CHECKING:
    import pandas as pd

# What is written where it is asked for only.
_OPTIONAL = (
    "report.html", "tracks.png", "tracks.gif", "tracks.mp4", "lineage.png", "timeline.png",
    "tracks.geff",
)  # fmt: skip


def write(
    tracks: Tracks,
    folder: str | Path,
    overwrite: bool = False,
    sequence: str = "01",
    gaps: ctc.Gaps = "cut",
    merges: Merges = "cheapest",
    geff: bool = False,
    more: Callable[[Path], None] | None = None,
) -> None:
    """Write all of a result, whole or not at all.

    `tracks.xml` (as TrackMate wrote it, or of the same form), `tracked.tif` (one id for each
    track, see :meth:`Tracks.tracked`), `spots.csv`, `edges.csv`, `lineage.csv`, `settings.json`,
    if asked for `tracks.geff`, and `CTC/01_RES` (one id for each segment, with parents;
    `sequence` is its number, `gaps` and `merges` as :func:`imagej_dl.ctc.layout` takes
    them). `more` is called with the folder and writes further files into it.

    Raises
    ------
    UserError : when the folder is there and `overwrite` is off.

    Warns
    -----
    DataWarning : when there are too many segments for a CTC folder, or no spots for GEFF, which
        then is not written; and when such files are there that no former run has recorded.
    """
    folder = Path(folder)
    former = stale_outputs.recorded(folder / "settings.json")
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        # Without a file of its own the image in TrackMate's window is the tracked map beside it.
        shown = tracks.image_path or Path("tracked.tif")
        if tracks.file is not None:
            (temporary / "tracks.xml").write_bytes(tracks.file)
        else:
            writer.write(tracks, temporary / "tracks.xml", image=shown)
        images.write(images.coloured(tracks.tracked()), temporary / "tracked.tif")
        write_spots(tracks, temporary / "spots.csv")
        write_edges(tracks, temporary / "edges.csv")
        segments = tracks.segments(gaps == "cut", merges)
        write_lineage(tracks, temporary / "lineage.csv", segments)
        if geff and not len(tracks.spots):
            text = "there is no tracks.geff: it cannot be empty, and there are no spots"
            warn(text)
        elif geff:
            graphs.write_geff(tracks, temporary / "tracks.geff")
        scored = True
        try:
            place = temporary / "CTC" / f"{sequence}_RES"
            ctc.write(tracks, place, gaps=gaps, merges=merges)
        except UserError as error:  # more segments than 16-bit masks hold
            scored = False
            warn(f"there is no CTC folder: {error.problem}")
        if more is not None:
            more(temporary)
        files = stale_outputs.record(temporary, _OPTIONAL)
        summary = {
            **tracks.settings.in_unit(tracks.calibration.unit).to_json(),
            "engine": tracks.engine,
            "counts": tracks.counts,
            "ctc_gaps": gaps,
            "ctc_merges": merges,
            "files": files,
        }
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        write_text(temporary / "settings.json", text + "\n")
    if overwrite:
        challenge = f"CTC/{sequence}_RES"
        written = [*files, challenge] if scored else files
        stale_outputs.clear(folder, (*_OPTIONAL, challenge), former, written)


def write_spots(tracks: Tracks, path: str | Path, overwrite: bool = False) -> None:
    """Write one row a spot: id, track_id, tracked_label, frame, x, y, … in the image's unit.

    `track_id` is TrackMate's, empty for spots without links; `tracked_label` is the object's id
    in the tracked label map, `label` that in the label map that was tracked, 0 for an object that
    was filled in; the parts of an object that was split have its label.
    """
    table = tracks.spots.drop(columns=["pixel", "track_id"])
    linked = tracks.spots["track_id"]
    table.insert(1, "track_id", linked.astype("Int64").mask(linked < 0))
    table.insert(2, "tracked_label", tracks.track_labels())
    _write_csv(table, path, overwrite)


def write_edges(tracks: Tracks, path: str | Path, overwrite: bool = False) -> None:
    """Write one row a link: source and target (ids of spots), cost, track_id."""
    _write_csv(tracks.edges, path, overwrite)


def write_lineage(
    tracks: Tracks, path: str | Path, segments: Segments | None = None, overwrite: bool = False
) -> None:
    """Write one row a segment; see :func:`lineage`."""
    _write_csv(lineage(tracks, segments), path, overwrite)


def lineage(tracks: Tracks, segments: Segments | None = None) -> pd.DataFrame:
    """Return the lineage: one row for each segment, from birth to division or end.

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
    # A link that was cut at a merge has no child, and yet the object is in the merged one.
    at_end = spots["frame"].to_numpy() == rows[of, 2]
    linked_on = np.zeros(count, bool)
    linked_on[of[at_end & (tracks.degrees[1] > 0)]] = True
    fates = [
        _fate(len(own), on, end == last)
        for own, on, end in zip(children, linked_on.tolist(), rows[:, 2].tolist(), strict=True)
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


def _fate(children: int, linked_on: bool, in_last_frame: bool) -> str:
    """Return what becomes of a segment; see :func:`lineage`."""
    if children > 1:
        return "divides"
    if children or linked_on:
        return "goes on"
    return "movie ends" if in_last_frame else "ends"


def _write_csv(table: pd.DataFrame, path: str | Path, overwrite: bool) -> None:
    path = Path(path)
    refuse_existing(path, overwrite)
    with atomic(path) as temporary:
        text = table.select_dtypes(exclude="number").columns
        table = table.assign(**{name: table[name].map(csv_cells.safe) for name in text})
        table.rename(columns=csv_cells.safe).to_csv(temporary, index=False, lineterminator="\n")
