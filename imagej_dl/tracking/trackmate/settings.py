"""The settings in TrackMate's XML file: detector, filters, tracker."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imagej_dl.tracking.detectors import NAMES
from imagej_dl.tracking.filters import Filter, from_xml
from imagej_dl.tracking.settings import TrackerSettings, make
from imagej_dl.tracking.trackers import registry
from imagej_dl.tracking.trackmate import time_units

# Stands for a tracker that TrackMate lacks: TrackMate opens the tracks as made by hand. Our
# settings are in an element of their own, which TrackMate ignores; of an attribute it complains.
_MANUAL, _OTHER = "MANUAL_TRACKER", "OtherTrackerSettings"
_LAP_GROUPS = {
    "Linking": ("LINKING_",),
    "GapClosing": ("ALLOW_GAP_CLOSING", "GAP_CLOSING_", "MAX_FRAME_GAP"),
    "TrackSplitting": ("ALLOW_TRACK_SPLITTING", "SPLITTING_"),
    "TrackMerging": ("ALLOW_TRACK_MERGING", "MERGING_"),
}


def tracker_of(root: ET.Element) -> tuple[ET.Element | None, bool]:
    """Return the element with the tracker's settings, and whether the tracker is known here."""
    other = root.find(f"Settings/{_OTHER}")
    if other is not None and _foreign(other.get("TRACKER_NAME")):
        return other, True
    # Only TrackMate's own trackers: its plug-ins may have the key of a foreign one here.
    element = root.find("Settings/TrackerSettings")
    return element, element is not None and registry.in_trackmate(element.get("TRACKER_NAME"))


def _foreign(key: str | None) -> bool:
    """Return True for a tracker that is known here, but not to TrackMate."""
    return key in registry.trackers() and not registry.in_trackmate(key)


def read(root: ET.Element, path: Path) -> TrackerSettings | None:
    """Read the settings from a file's root element; None where its tracker is not known here."""
    element, known_here = tracker_of(root)
    if element is None or not known_here:
        return None
    values: dict[str, Any] = dict(element.attrib)
    tracker = values.pop("TRACKER_NAME")
    prefixes = {
        "Linking": "LINKING",
        "GapClosing": "GAP_CLOSING",
        "TrackSplitting": "SPLITTING",
        "TrackMerging": "MERGING",
    }
    for group in element:
        values |= group.attrib
        penalties = group.find("FeaturePenalties")
        if penalties is not None and group.tag in prefixes:
            factors = {key: float(value) for key, value in penalties.attrib.items()}
            values[f"{prefixes[group.tag]}_FEATURE_PENALTIES"] = factors
    known = registry.trackers()[tracker].settings_model.declared()
    values = {k: v for k, v in values.items() if k in known}
    filters = {
        key: tuple(from_xml(e.attrib) for e in root.iterfind(f"Settings/{name}/Filter"))
        for key, name in (
            ("spot_filters", "SpotFilterCollection"),
            ("edge_filters", "EdgeFilterCollection"),
            ("track_filters", "TrackFilterCollection"),
        )
    }
    first = root.find("Settings/InitialSpotFilter")
    least = 0.0 if first is None else float(first.get("value", 0.0))
    detector = root.find("Settings/DetectorSettings")
    others: dict[str, Any] = dict(filters, initial_spot_filter=least)
    if detector is not None and (settings := _detector(detector)):
        others["detector"] = settings
    return time_units.of_file(root).convert(make(tracker, values, path, **others))


def _detector(element: ET.Element) -> dict[str, Any]:
    """Read the settings of a detector; empty for detectors of TrackMate that are not known here."""
    if element.get("DETECTOR_NAME") not in NAMES:
        return {}
    known = ("DETECTOR_NAME", "TARGET_CHANNEL", "SIMPLIFY_CONTOURS", "INTENSITY_THRESHOLD")
    values: dict[str, Any] = {k: v for k, v in element.attrib.items() if k in known}
    if values["DETECTOR_NAME"] != "THRESHOLD_DETECTOR":
        values.pop("INTENSITY_THRESHOLD", None)
    return values


def append(element: ET.Element, chosen: TrackerSettings) -> None:
    """Append the elements of detector, filters and tracker to the Settings element."""
    detector = {key: java_text(value) for key, value in chosen.detector.to_map().items()}
    ET.SubElement(element, "DetectorSettings", detector)
    least = repr(chosen.initial_spot_filter)
    ET.SubElement(element, "InitialSpotFilter", feature="QUALITY", value=least, isabove="true")
    _filters(element, "SpotFilterCollection", chosen.spot_filters)
    if _foreign(chosen.tracker):
        ET.SubElement(element, "TrackerSettings", TRACKER_NAME=_MANUAL)
    element.append(_tracker(chosen))
    if chosen.edge_filters:  # which TrackMate lacks, and ignores
        _filters(element, "EdgeFilterCollection", chosen.edge_filters)
    _filters(element, "TrackFilterCollection", chosen.track_filters)


def _filters(parent: ET.Element, name: str, criteria: Iterable[Filter]) -> None:
    group = ET.SubElement(parent, name)
    for one in criteria:
        text = {"feature": one.feature, "value": repr(one.value), "isabove": java_text(one.isabove)}
        ET.SubElement(group, "Filter", text)


def _tracker(settings: TrackerSettings) -> ET.Element:
    values = settings.settings.to_map()
    name = _OTHER if _foreign(settings.tracker) else "TrackerSettings"
    element = ET.Element(name, TRACKER_NAME=settings.tracker)
    grouped = _LAP_GROUPS if "CUTOFF_PERCENTILE" in values else {}
    for name, prefixes in grouped.items():
        group = ET.SubElement(element, name)
        own = [key for key in values if key.startswith(prefixes)]
        for key in own:
            value = values.pop(key)
            if isinstance(value, dict):
                penalties = {k: java_text(float(v)) for k, v in value.items()}
                ET.SubElement(group, "FeaturePenalties", penalties)
            else:
                group.set(key, java_text(value))
    for key, value in values.items():
        element.set(key, java_text(value))
    return element


def java_text(value: Any) -> str:
    """Write a value as Java reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return repr(value) if isinstance(value, float) else str(value)
