"""Keep the rest of a TrackMate file, besides spots, links and settings, and write it back.

It holds features of other plug-ins, names, colours chosen by hand, the log, the display settings,
and elements of other versions.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET

from imagej_dl.tracking import features
from imagej_dl.tracking.detectors import NAMES
from imagej_dl.tracking.trackers import registry

# Elements of a kind differ by these attributes.
_KEYS = {
    "Spot": ("ID",),
    "Track": ("TRACK_ID",),
    "TrackID": ("TRACK_ID",),
    "Edge": ("SPOT_SOURCE_ID", "SPOT_TARGET_ID"),
    "SpotsInFrame": ("frame",),
    "Feature": ("feature",),
    "Analyzer": ("key",),
}
# Of these ours are complete: one that is not among ours was removed on purpose.
_OURS = {"Spot", "Track", "TrackID", "Edge", "SpotsInFrame", "Filter", "FeaturePenalties"}
# Of these the file's own replace ours.
_THEIRS = {"Log", "GUIState", "DisplaySettings", "BasicSettings"}
_KNOWN = {
    "Spot": {*features.SPOT, *features.SPOT_MARGIN, *features.SHAPE, "ROI_N_POINTS"},
    "Edge": {*features.EDGE, *features.EDGE_MARGIN},
    "Track": {*features.TRACK, *features.TRACK_MARGIN},
}


def of(root: ET.Element) -> ET.Element:
    """Remove from a parsed file, in place, what tracks hold themselves; return it."""
    for tag, known in _KNOWN.items():
        for parent in list(root.iter()):
            for element in [child for child in parent if child.tag == tag]:
                keys = _KEYS[tag]
                for name in list(element.attrib):
                    if name not in keys and (name in known or _measured(name)):
                        del element.attrib[name]
                if tag == "Spot":
                    element.text = None
                    if element.get("name") == f"ID{element.get('ID')}":
                        del element.attrib["name"]
                if len(element.attrib) <= len(keys) and not len(element):
                    parent.remove(element)
    return root


def slices(root: ET.Element | None) -> int:
    """Return the number of slices of the file's movie; 1 where it is unknown."""
    image = None if root is None else root.find("Settings/ImageData")
    text = "1" if image is None else image.get("nslices", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else 1


def add(ours: ET.Element, rest: ET.Element) -> None:
    """Add to an element what `rest` has and it has not."""
    named = rest.tag in ("Spot", "Track")
    for name, value in rest.attrib.items():
        if name != "version" and ((named and name == "name") or name not in ours.attrib):
            ours.set(name, value)
    by_key = {_key(child): child for child in ours}
    for child in rest:
        known = by_key.get(_key(child))
        if known is None:
            if child.tag not in _OURS:
                ours.append(copy.deepcopy(child))
        elif child.tag in _THEIRS or _unknown(child):
            place = list(ours).index(known)
            ours.remove(known)
            ours.insert(place, copy.deepcopy(child))
        elif child.tag not in ("Filter", "TrackerSettings", "DetectorSettings", "ImageData"):
            add(known, child)


def _unknown(element: ET.Element) -> bool:
    """Return True for the settings of a detector or tracker that is not known here."""
    if element.tag == "DetectorSettings":
        return element.get("DETECTOR_NAME", NAMES[0]) not in NAMES
    known = registry.in_trackmate(element.get("TRACKER_NAME"))
    return element.tag == "TrackerSettings" and not known


def _measured(name: str) -> bool:
    base, _, channel = name.rpartition("_CH")
    return base in features.INTENSITY and channel.isdigit()


def _key(element: ET.Element) -> tuple[str | None, ...]:
    return (element.tag, *(element.get(key) for key in _KEYS.get(element.tag, ())))
