"""Write TrackMate's XML file, which TrackMate 7 and 8 open with spots, contours and tracks."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.filesystem.atomic import atomic, refuse_existing
from imagej_dl.tracking import features as declared
from imagej_dl.tracking import filters
from imagej_dl.tracking.trackmate import passthrough, time_units
from imagej_dl.tracking.trackmate import settings as trackmate_settings
from imagej_dl.tracking.trackmate.settings import java_text

if TYPE_CHECKING:
    import pandas as pd

    from imagej_dl.tracking.tracks import Tracks

# The layout of our files is that of this version.
_VERSION = "8.1.7"
_UNREADABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OF_INTENSITY = ("Spot intensity", "Spot contrast and SNR")
_ANALYZERS = {
    "SpotAnalyzers": ("Spot fit 2D ellipse", "Spot 2D shape descriptors"),
    "EdgeAnalyzers": ("Directional change", "Edge speed", "Edge target", "Edge location"),
    "TrackAnalyzers": (
        "Branching analyzer",
        "Track duration",
        "Track index",
        "Track location",
        "Track speed",
        "Track quality",
        "Track motility analysis",
    ),
}


def write(
    tracks: Tracks, path: str | Path, overwrite: bool = False, image: Path | None = None
) -> None:
    """Write tracks as a TrackMate file, with the rest of the file they were read from.

    `image` is the image that TrackMate opens with it; a bare file name is looked for beside the
    XML file. Without one it is the tracks' own.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    root = ET.Element("TrackMate", version=_VERSION)
    counts = ", ".join(f"{number} {name}" for name, number in tracks.counts.items())
    said = "".join(f"{note}.\n" for note in tracks.notes)
    log = f"Tracked by imagej-dl ({tracks.engine}): {counts}.\n{said}"
    ET.SubElement(root, "Log").text = _readable(log)
    root.append(_model(tracks.everything or tracks, tracks))
    root.append(_settings(tracks, image or tracks.image_path))
    ET.SubElement(root, "GUIState", state="ConfigureViews")
    last = float(max(1, int(tracks.spots["track_id"].max()) if len(tracks.spots) else 1))
    shown = _DISPLAY | {"spotMax": last, "trackMax": last}
    if declared.has_margins(tracks):
        shown |= _BY_MARGIN
    ET.SubElement(root, "DisplaySettings").text = json.dumps(shown, indent=2)
    if tracks.rest is not None:
        passthrough.add(root, tracks.rest)
    ET.indent(root)
    with atomic(path) as temporary:
        ET.ElementTree(root).write(temporary, encoding="UTF-8", xml_declaration=True)


def _readable(text: str) -> str:
    """Replace characters that XML cannot hold, such as control characters, by question marks."""
    return _UNREADABLE.sub("?", text)


def _model(tracks: Tracks, shown: Tracks) -> ET.Element:
    """Return the element of all spots and tracks, of which `shown` pass the filters."""
    clock = time_units.of_tracks(tracks)
    model = ET.Element(
        "Model", spatialunits=_readable(tracks.calibration.unit), timeunits=clock.unit
    )
    visible_spots = None
    if shown is not tracks:
        visible_spots = filters.of_spots(tracks.spots, tracks.settings.spot_filters)
    tracks = clock.theirs(tracks)
    spot_features, spots = declared.of_spots(tracks)
    margins = declared.has_margins(tracks)
    declarations = ET.SubElement(model, "FeatureDeclarations")
    for name, features in (
        ("SpotFeatures", spot_features),
        ("EdgeFeatures", declared.EDGE | (declared.EDGE_MARGIN if margins else {})),
        ("TrackFeatures", declared.TRACK | (declared.TRACK_MARGIN if margins else {})),
    ):
        group = ET.SubElement(declarations, name)
        for key, (long, short, dimension, whole) in features.items():
            ET.SubElement(
                group,
                "Feature",
                feature=key,
                name=long,
                shortname=short,
                dimension=dimension,
                isint=java_text(whole),
            )
    if visible_spots is not None:
        spots["VISIBILITY"] = visible_spots.astype(int)
    model.append(_spots(tracks, spots))
    edges = declared.of_edges(tracks)
    all_tracks = ET.SubElement(model, "AllTracks")
    filtered_tracks = ET.SubElement(model, "FilteredTracks")
    if len(edges):
        of_edge = tracks.edges["track_id"].to_numpy()
        groups: dict[int, ET.Element] = {}
        visible = set(shown.edges["track_id"].tolist())
        for row in _rows(declared.of_tracks(tracks, edges)):
            number = int(row["TRACK_ID"])
            named = {"name": f"Track_{number}", **row}
            groups[number] = ET.SubElement(all_tracks, "Track", named)
            if number in visible:
                ET.SubElement(filtered_tracks, "TrackID", TRACK_ID=str(number))
        for number, row in zip(of_edge.tolist(), _rows(edges), strict=True):
            ET.SubElement(groups[number], "Edge", row)
    return model


def _spots(tracks: Tracks, features: pd.DataFrame) -> ET.Element:
    element = ET.Element("AllSpots", nspots=str(len(features)))
    frames = tracks.spots["frame"].to_numpy()
    ids = tracks.spots["id"].tolist()
    group, last = None, None
    for number, row in enumerate(_rows(features)):
        if group is None or frames[number] != last:
            last = frames[number]
            group = ET.SubElement(element, "SpotsInFrame", frame=str(last))
        name = {"ID": str(ids[number]), "name": f"ID{ids[number]}"}
        known = {key: text for key, text in row.items() if text != "NaN"}
        spot = ET.SubElement(group, "Spot", {**name, **known})
        if tracks.contours and len(tracks.contours[number]):
            corners = tracks.contours[number]
            spot.set("ROI_N_POINTS", str(len(corners)))
            spot.text = " ".join(map(repr, corners.ravel().tolist()))
    return element


def _settings(tracks: Tracks, image: Path | None) -> ET.Element:
    frames, height, width = tracks.shape
    clock = time_units.of_tracks(tracks)
    cal = tracks.calibration
    element = ET.Element("Settings")
    ET.SubElement(
        element,
        "ImageData",
        filename=_readable(image.name) if image else "",
        folder="" if image is None or image.parent == Path() else _readable(str(image.parent)),
        width=str(width),
        height=str(height),
        nslices=str(passthrough.slices(tracks.rest)),
        nframes=str(frames),
        pixelwidth=repr(float(cal.pixel_width)),
        pixelheight=repr(float(cal.pixel_height)),
        voxeldepth=repr(float(cal.pixel_depth)),
        timeinterval=repr(clock.interval or 1.0),
    )
    ends = {"xend": width - 1, "yend": height - 1, "zend": 0, "tend": frames - 1}
    crop = {f"{axis}start": "0" for axis in "xyzt"} | {k: str(v) for k, v in ends.items()}
    ET.SubElement(element, "BasicSettings", crop)
    trackmate_settings.append(element, clock.convert(tracks.settings, back=True))
    collection = ET.SubElement(element, "AnalyzerCollection")
    measured = any(str(name).startswith("mean_intensity_") for name in tracks.spots)
    for name, keys in _ANALYZERS.items():
        group = ET.SubElement(collection, name)
        for key in (*_OF_INTENSITY, *keys) if measured and name == "SpotAnalyzers" else keys:
            ET.SubElement(group, "Analyzer", key=key)
    return element


def _rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return each row as attributes."""
    columns = {}
    for key in table:
        values = table[key].to_numpy()
        whole = np.issubdtype(values.dtype, np.integer)
        columns[str(key)] = [str(v) if whole else java_text(float(v)) for v in values.tolist()]
    keys = list(columns)
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns.values(), strict=True)]


# The same where the tracker knows how sure it is: what is unsure stands out.
_BY_MARGIN: dict[str, Any] = {
    "spotColorByType": "SPOTS",
    "spotColorByFeature": "MARGIN",
    "spotMin": 0.0,
    "spotMax": 1.0,
    "trackColorByType": "EDGES",
    "trackColorByFeature": "LINK_MARGIN",
    "trackMin": 0.0,
    "trackMax": 1.0,
}
# The settings of TrackMate's window: contours and links coloured by track.
_DISPLAY: dict[str, Any] = {
    "name": "imagej-dl",
    "spotUniformColor": "204, 51, 204, 255",
    "spotColorByType": "TRACKS",
    "spotColorByFeature": "TRACK_INDEX",
    "spotDisplayRadius": 1.0,
    "spotDisplayedAsRoi": True,
    "spotMin": 0.0,
    "spotMax": 10.0,
    "spotShowName": False,
    "trackMin": 0.0,
    "trackMax": 10.0,
    "trackColorByType": "TRACKS",
    "trackColorByFeature": "TRACK_INDEX",
    "trackUniformColor": "204, 204, 51, 255",
    "undefinedValueColor": "0, 0, 0, 255",
    "missingValueColor": "89, 89, 89, 255",
    "highlightColor": "51, 230, 51, 255",
    "trackDisplayMode": "FULL",
    "colormap": "Jet",
    "limitZDrawingDepth": False,
    "drawingZDepth": 10.0,
    "fadeTracks": True,
    "fadeTrackRange": 30,
    "useAntialiasing": True,
    "spotVisible": True,
    "trackVisible": True,
    "font": {"name": "Arial", "style": 1, "size": 12},
    "lineThickness": 1.0,
    "selectionLineThickness": 4.0,
    "trackschemeBackgroundColor1": "128, 128, 128, 255",
    "trackschemeBackgroundColor2": "192, 192, 192, 255",
    "trackschemeForegroundColor": "0, 0, 0, 255",
    "trackschemeDecorationColor": "0, 0, 0, 255",
    "trackschemeFillBox": False,
    "spotFilled": False,
    "spotTransparencyAlpha": 1.0,
}
