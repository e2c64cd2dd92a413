"""The links in TrackMate's XML files."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

from imagej_dl.errors import warn

if TYPE_CHECKING:
    import pandas as pd


def read(model: ET.Element) -> pd.DataFrame:
    """The table of links as they stand: source, target, cost, track_id."""
    import pandas as pd

    rows = [
        (
            int(edge.attrib["SPOT_SOURCE_ID"]),
            int(edge.attrib["SPOT_TARGET_ID"]),
            float(edge.get("LINK_COST", "nan")),
            int(track.attrib["TRACK_ID"]),
        )
        for track in model.iterfind("AllTracks/Track")
        for edge in track.iterfind("Edge")
    ]
    table = pd.DataFrame(rows, columns=["source", "target", "cost", "track_id"])
    table = table.astype({"source": int, "target": int, "cost": float, "track_id": int})
    return table


def forward(edges: pd.DataFrame, spots: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Turn links round that lead back in time, as TrackMate 7 writes some that were made by hand.

    Of a link that is there twice one is left, and none of spots in one frame.
    """
    frame = dict(zip(spots["id"], spots["frame"], strict=True))
    begin, end = edges["source"].map(frame), edges["target"].map(frame)
    if lost := int((begin == end).sum()):
        warn(f"{lost} links within one frame are left out", path=path)
    back = begin > end
    ends = {
        "source": edges["source"].where(~back, edges["target"]),
        "target": edges["target"].where(~back, edges["source"]),
    }
    table = edges.assign(**ends)[begin != end].drop_duplicates(["source", "target"])
    return table.sort_values(["source", "target"], ignore_index=True)
