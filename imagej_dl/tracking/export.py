"""The folder of results of one tracking."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from imagej_dl import ctc, images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import stale_outputs
from imagej_dl.filesystem.atomic import atomic_folder
from imagej_dl.filesystem.text import write_text
from imagej_dl.tracking import graphs, tables
from imagej_dl.tracking.lineage import Merges
from imagej_dl.tracking.trackmate import writer
from imagej_dl.tracking.tracks import Tracks

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
    them). `more` is called with the folder and writes what else shall be in it.

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
        tables.write_spots(tracks, temporary / "spots.csv")
        tables.write_edges(tracks, temporary / "edges.csv")
        segments = tracks.segments(gaps == "cut", merges)
        tables.write_lineage(tracks, temporary / "lineage.csv", segments)
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
        found = {
            **tracks.settings.to_json(),
            "engine": tracks.engine,
            "counts": tracks.counts,
            "ctc_gaps": gaps,
            "ctc_merges": merges,
            "files": files,
        }
        text = json.dumps(found, indent=2, ensure_ascii=False)
        write_text(temporary / "settings.json", text + "\n")
    if overwrite:
        challenge = f"CTC/{sequence}_RES"
        written = [*files, challenge] if scored else files
        stale_outputs.clear(folder, (*_OPTIONAL, challenge), former, written)
