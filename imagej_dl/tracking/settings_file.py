"""Settings of a tracker from a file.

A settings file is `{"tracker": "SPARSE_LAP_TRACKER", "settings": {"LINKING_MAX_DISTANCE": 15}}`;
keys left out take TrackMate's values. The trackers of foreign engines are named in the same way.
Distances are in the image's unit (µm), gaps in frames.
It may also hold `detector` ({"DETECTOR_NAME": "THRESHOLD_DETECTOR", "INTENSITY_THRESHOLD": 0.5}),
`initial_spot_filter` (the least quality) and the lists `spot_filters`, `edge_filters` and
`track_filters` of {"feature": "AREA", "value": 50, "isabove": true}; `fill_gaps` (true) fills in
objects that are missing in single frames, `split_fused` (true) splits fused objects; `unit` ("µm")
is that of the distances, and a movie in another one makes a warning. A TrackMate file is read as
well, and the `settings.json` of a result.
"""

from __future__ import annotations

from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.tracking.settings import TrackerSettings, make
from imagej_dl.tracking.trackers import registry
from imagej_dl.tracking.trackmate.reader import read_settings

# Keys that settings.json of a result has besides.
_OF_A_RESULT = (
    "engine",
    "counts",
    "ctc_gaps",
    "ctc_merges",
    "files",
)
_OTHERS = [key for key in TrackerSettings.model_fields if key not in ("tracker", "settings")]


def read(path: str | Path) -> TrackerSettings:
    """Read a settings file, or the settings of a TrackMate file (.xml)."""
    path = Path(path)
    if path.suffix.lower() == ".xml":
        return read_settings(path)
    content = load_json(path)
    right = f'{{"tracker": "{registry.DEFAULT}", "settings": {{…}}}}'
    if not isinstance(content, dict) or not isinstance(content.get("tracker"), str):
        raise UserError("names no tracker", path=path, remedy=f"It must hold {right}.")
    others = {key: value for key, value in content.items() if key not in _OF_A_RESULT}
    if extra := set(others) - TrackerSettings.model_fields.keys():
        raise UserError(
            f"unknown key {sorted(extra)[0]!r}",
            path=path,
            remedy=f"It must hold {right}, and may hold {', '.join(_OTHERS)}.",
        )
    if not isinstance(content.get("settings", {}), dict):
        raise UserError("its settings are not an object", path=path, remedy=f"Write {right}.")
    tracker, values = others.pop("tracker"), others.pop("settings", None)
    return make(tracker, values, path, **others)
