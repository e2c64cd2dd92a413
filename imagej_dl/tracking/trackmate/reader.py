"""Read TrackMate's XML files of versions 6 to 8: spots, contours, links, settings."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import safe_xml
from imagej_dl.images import Calibration
from imagej_dl.tracking.settings import TrackerSettings, default
from imagej_dl.tracking.trackmate import passthrough, time_units
from imagej_dl.tracking.trackmate import settings as trackmate_settings
from imagej_dl.tracking.tracks import Tracks

if TYPE_CHECKING:
    import pandas as pd

_NEWEST = 8  # the major version of TrackMate up to which files are known
_REMEDY = "Save it again in TrackMate."
_FAR = 1e12  # a distance that only damaged files have
_MOST, _PIXELS = 10**6, 2**36  # frames or pixels of a side, and of a movie
_PLACES = {"POSITION_X": "x", "POSITION_Y": "y", "POSITION_Z": "z", "POSITION_T": "t"}


def read(path: str | Path) -> Tracks:
    """Read a TrackMate file.

    The spots keep TrackMate's ids; they come ordered by frame, y, x, links by source and target.
    Times are in seconds, whatever the file's unit is, and frames where it has none.
    What the file's filters hide is in `everything` only. What is not known here is kept, for
    :func:`imagej_dl.tracking.trackmate.writer.write` to write it back. A tracker that is not known
    is read with its links, under the default settings.

    Raises
    ------
    UserError : when the file is not TrackMate's, is truncated, holds a DOCTYPE, or links spots
        that it does not hold.

    Warns
    -----
    DataWarning : for a file of a newer TrackMate than is known here, and for links within a frame.
    """
    path = Path(path)
    root = safe_xml.parse(path, _REMEDY)
    model = root.find("Model")
    if root.tag != "TrackMate" or model is None:
        raise UserError("is not a TrackMate file with a model", path=path)
    _check_version(root, path)
    try:
        spots, contours = _spots(model)
        edges = _edges(model)
        settings = trackmate_settings.read(root, path) or default()
        clock = time_units.of_file(root)
        spots["t"] *= clock.length
        shape, cal, image = _image(root, model, spots, clock.frame_interval)
        visible = spots.pop("visibility").to_numpy() > 0
        shown = {int(e.attrib["TRACK_ID"]) for e in model.iterfind("FilteredTracks/TrackID")}
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"is a damaged TrackMate file ({error})", path=path) from error
    for end in ("source", "target"):
        if missing := set(edges[end]) - set(spots["id"]):
            raise UserError(f"links spot {min(missing)}, which is not in the file", path=path)
    if spots["id"].duplicated().any():
        raise UserError("holds two spots with the same ID", path=path)
    edges = _forward(edges, spots, path)
    track_of = dict(zip(edges["source"], edges["track_id"], strict=True))
    track_of |= dict(zip(edges["target"], edges["track_id"], strict=True))
    spots["track_id"] = [track_of.get(number, -1) for number in spots["id"]]
    rest = passthrough.of(root)
    tracks = Tracks(
        spots, edges, contours, settings, "trackmate", shape, cal, None, image, rest=rest
    )
    ids = spots["track_id"].to_numpy()
    if model.find("FilteredTracks") is not None:
        alone = not settings.track_filters
        visible &= np.isin(ids, list(shown)) | ((ids < 0) & alone)
    return tracks if visible.all() else tracks.only(visible)


def read_settings(path: str | Path) -> TrackerSettings:
    """Read detector, tracker and filters of a TrackMate file.

    Raises
    ------
    UserError : as :func:`read`, and for a tracker or detector that is not known here.
    """
    path = Path(path)
    root = safe_xml.parse(path, _REMEDY)
    if root.tag != "TrackMate":
        raise UserError("is not a TrackMate file", path=path)
    _check_version(root, path)
    element, known = trackmate_settings.tracker_of(root)
    if element is None or "TRACKER_NAME" not in element.attrib:
        raise UserError("holds no settings of a tracker", path=path)
    if not known:
        name = element.attrib["TRACKER_NAME"]
        raise UserError(f"unknown tracker {name!r}", path=path)
    try:
        settings = trackmate_settings.read(root, path)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"is a damaged TrackMate file ({error})", path=path) from error
    assert settings is not None
    model = root.find("Model")
    return settings.in_unit("" if model is None else model.get("spatialunits", ""))


def _check_version(root: ET.Element, path: Path) -> None:
    """Warn of a file of a newer TrackMate than is known here."""
    version = root.get("version", "")
    major = version.split(".")[0]
    if major.isascii() and major.isdigit() and int(major[:18]) > _NEWEST:
        warn(
            f"{path} was written by TrackMate {version}, which is newer than {_NEWEST}: it is"
            " read as if it were of that version"
        )


def _spots(model: ET.Element) -> tuple[pd.DataFrame, list[np.ndarray]]:
    import pandas as pd

    rows: list[dict[str, float]] = []
    contours = []
    for spot in model.iterfind("AllSpots/SpotsInFrame/Spot"):
        row = {"id": float(spot.attrib["ID"])}
        for key, value in spot.attrib.items():
            if key not in ("ID", "name", "ROI_N_POINTS"):
                row[_PLACES.get(key, key.lower())] = float(value)
        rows.append(row)
        corners = np.array((spot.text or "").split(), float).reshape(-1, 2)
        if len(corners) != int(spot.get("ROI_N_POINTS", len(corners))):
            raise ValueError(f"spot {spot.attrib['ID']} has {len(corners)} corners")
        contours.append(corners)
    leading = ["id", "frame", "label", "pixel", "x", "y", "z", "t", "radius", "quality"]
    table = pd.DataFrame(rows)
    if not rows:
        table = pd.DataFrame({name: np.zeros(0) for name in leading})
    table["label"], table["pixel"] = table.get("label", 0), -1
    if "visibility" not in table:
        table["visibility"] = 1.0
    if "t" not in table:
        table["t"] = table["frame"]
    _check_places(table)
    rest = [name for name in table if name not in leading]
    table = table[[*leading, *rest]].astype(
        dict.fromkeys(("id", "frame", "label", "pixel"), np.int64)
    )
    order = np.lexsort((table["x"], table["y"], table["frame"]))
    if not any(len(corners) for corners in contours):
        return table.iloc[order].reset_index(drop=True), []
    return table.iloc[order].reset_index(drop=True), [contours[i] for i in order]


def _check_places(table: pd.DataFrame) -> None:
    """Raise ValueError for a spot with an impossible position or frame."""
    places = table[["x", "y", "frame"]].to_numpy(float)
    wrong = ~(np.abs(places) < _FAR).all(axis=1) | (places[:, 2] < 0)
    if wrong.any():
        spot = table[wrong].iloc[0]
        where = f"x {spot['x']}, y {spot['y']}, frame {spot['frame']}"
        raise ValueError(f"spot {spot['id']:.0f} has no valid position: {where}")


def _edges(model: ET.Element) -> pd.DataFrame:
    """Read the table of links as they are in the file: source, target, cost, track_id."""
    import pandas as pd

    rows = [
        (
            int(edge.attrib["SPOT_SOURCE_ID"]),
            int(edge.attrib["SPOT_TARGET_ID"]),
            float(edge.get("LINK_COST", "nan")),
            int(track.attrib["TRACK_ID"]),
            float(edge.get("LINK_MARGIN", "nan")),
        )
        for track in model.iterfind("AllTracks/Track")
        for edge in track.iterfind("Edge")
    ]
    table = pd.DataFrame(rows, columns=["source", "target", "cost", "track_id", "margin"])
    table = table.astype({"source": int, "target": int, "cost": float, "track_id": int})
    # Links made by hand have none.
    return table if table["margin"].notna().any() else table.drop(columns="margin")


def _forward(edges: pd.DataFrame, spots: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Turn links forward in time, as TrackMate 7 writes some that were made by hand backwards.

    Duplicate links, and links within one frame, are left out.
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


def _image(
    root: ET.Element, model: ET.Element, spots: pd.DataFrame, interval: float
) -> tuple[tuple[int, int, int], Calibration, Path | None]:
    element = root.find("Settings/ImageData")
    attributes = {} if element is None else element.attrib
    frames = int(spots["frame"].max()) + 1 if len(spots) else 0
    shape = (
        max(int(attributes.get("nframes", 0)), frames),
        int(attributes.get("height", 0)),
        int(attributes.get("width", 0)),
    )
    if not (min(shape) >= 0 and max(shape) <= _MOST and math.prod(shape) <= _PIXELS):
        raise ValueError(f"a movie of {shape[0]} frames of {shape[2]} × {shape[1]} pixels")
    cal = Calibration(
        pixel_width=float(attributes.get("pixelwidth", 1)),
        pixel_height=float(attributes.get("pixelheight", 1)),
        pixel_depth=float(attributes.get("voxeldepth", 1)),
        unit=model.get("spatialunits", "pixel"),
        frame_interval=interval,
    )
    if not (0 < cal.pixel_width < _FAR and 0 < cal.pixel_height < _FAR):
        raise ValueError(f"a pixel is {cal.pixel_width:g} × {cal.pixel_height:g} {cal.unit}")
    name = attributes.get("filename")
    return shape, cal, Path(attributes.get("folder", "")) / name if name else None
