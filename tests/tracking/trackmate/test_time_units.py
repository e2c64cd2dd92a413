"""Times in TrackMate's files: any unit is read to seconds and written back as it was."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import lineages
import pytest

from imagej_dl import tracking
from imagej_dl.errors import DataWarning

# Three frames of one spot that moves 4 µm a frame, as TrackMate 7 writes it, less its features.
_FILE = """<?xml version="1.0" encoding="UTF-8"?>
<TrackMate version="7.14.0"><Model spatialunits="micron" timeunits="{unit}">
<FeatureDeclarations><SpotFeatures/><EdgeFeatures/><TrackFeatures/></FeatureDeclarations>
<AllSpots nspots="3">{spots}</AllSpots>
<AllTracks><Track name="Track_0" TRACK_ID="0" TRACK_INDEX="0">
<Edge SPOT_SOURCE_ID="10" SPOT_TARGET_ID="11" LINK_COST="16.0"/>
<Edge SPOT_SOURCE_ID="11" SPOT_TARGET_ID="12" LINK_COST="16.0"/></Track></AllTracks>
<FilteredTracks><TrackID TRACK_ID="0"/></FilteredTracks></Model>
<Settings><ImageData filename="a.tif" folder="" width="64" height="64" nslices="1" nframes="3"
 pixelwidth="1.0" pixelheight="1.0" voxeldepth="1.0" timeinterval="{interval}"/>
<DetectorSettings DETECTOR_NAME="LABEL_IMAGE_DETECTOR" TARGET_CHANNEL="1"/>
<TrackerSettings TRACKER_NAME="KALMAN_TRACKER" LINKING_MAX_DISTANCE="12.0"/>
<TrackFilterCollection><Filter feature="TRACK_DURATION" value="{duration}" isabove="true"/>
<Filter feature="TRACK_MAX_SPEED" value="1000.0" isabove="false"/>
<Filter feature="NUMBER_SPOTS" value="2.0" isabove="true"/></TrackFilterCollection>
</Settings></TrackMate>
"""
_SPOT = (
    '<SpotsInFrame frame="{frame}"><Spot ID="{id}" name="ID{id}" QUALITY="9.0" POSITION_X="{x}" '
    'POSITION_Y="8.0" POSITION_Z="0.0" POSITION_T="{t}" FRAME="{frame}" RADIUS="5.0" '
    'VISIBILITY="1"/></SpotsInFrame>'
)


def _file(path: Path, unit: str, interval: float) -> Path:
    spots = "".join(
        _SPOT.format(frame=n, id=10 + n, x=8.0 + 4 * n, t=n * interval) for n in range(3)
    )
    values = {"unit": unit, "interval": interval, "duration": interval, "spots": spots}
    path.write_text(_FILE.format(**values), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("unit", "interval", "seconds"),
    [
        ("min", 5.0, 300.0),
        ("ms", 40.0, 0.04),
        ("sec", 0.5, 0.5),
        ("hour", 2.0, 7200.0),
        ("frame", 1.0, 0.0),
        ("frames", 3.0, 0.0),
    ],
)
def test_time_units(tmp_path: Path, unit: str, interval: float, seconds: float) -> None:
    file = _file(tmp_path / "a.xml", unit, interval)
    found = tracking.read_trackmate(file)
    assert found.calibration.frame_interval == pytest.approx(seconds)
    step = seconds or 1.0
    assert found.spots["t"].tolist() == pytest.approx([0, step, 2 * step])
    values = [one.value for one in found.settings.track_filters]
    assert values == pytest.approx([step, 1000 * interval / step, 2])
    assert tracking.read_settings(file) == found.settings.in_unit("micron")
    tracking.write_trackmate(found, tmp_path / "b.xml")
    root = ET.parse(tmp_path / "b.xml").getroot()
    model, image = root.find("Model"), root.find("Settings/ImageData")
    assert model is not None
    assert image is not None
    assert model.get("timeunits") == unit
    assert float(image.get("timeinterval", "nan")) == pytest.approx(interval)
    times = [float(spot.attrib["POSITION_T"]) for spot in root.iter("Spot")]
    assert times == pytest.approx([0, interval, 2 * interval])
    speeds = [float(edge.attrib["SPEED"]) for edge in root.iter("Edge")]
    assert speeds == pytest.approx([4 / interval] * 2)
    (track,) = root.iter("Track")
    assert float(track.attrib["TRACK_DURATION"]) == pytest.approx(2 * interval)
    kept = [float(one.attrib["value"]) for one in root.iter("Filter")]
    assert kept == pytest.approx([interval, 1000, 2])
    again = tracking.read_trackmate(tmp_path / "b.xml")
    assert again.spots["t"].tolist() == pytest.approx(found.spots["t"].tolist())
    assert again.calibration == found.calibration


def test_a_unit_that_is_not_known_is_said(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="'fortnight' is not known"):
        found = tracking.read_trackmate(_file(tmp_path / "a.xml", "fortnight", 2.0))
    assert found.calibration.frame_interval == 2.0
    with pytest.warns(DataWarning):
        tracking.write_trackmate(found, tmp_path / "b.xml")
    assert 'timeunits="fortnight"' in (tmp_path / "b.xml").read_text()


def test_own_tracks_are_in_seconds(tmp_path: Path) -> None:
    tracks = tracking.track(lineages.gap(), engine="embedded")
    tracking.write_trackmate(tracks, tmp_path / "a.xml")
    assert 'timeunits="sec"' in (tmp_path / "a.xml").read_text()
