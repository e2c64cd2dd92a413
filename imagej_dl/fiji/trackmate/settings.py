"""Availability of TrackMate, and our settings as its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagej_dl.errors import UserError
from imagej_dl.fiji import gateway
from imagej_dl.fiji.imageplus import to_imageplus
from imagej_dl.fiji.trackmate import filters

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.tracking.settings import TrackerSettings

PACKAGE = "fiji.plugin.trackmate"
_DETECTOR = f"{PACKAGE}.detection.LabelImageDetectorFactory"


def available(fiji: str | None = None) -> bool:
    """Return whether there is a Fiji with TrackMate; start it, if one is named at all."""
    if gateway.choose(fiji)[0] == "embedded" and not gateway.is_running():
        return False
    gateway.leave_ctrl_c()
    gateway.start(fiji)
    return version() is not None


def version() -> str | None:
    """Return the version of the running Fiji's TrackMate, None where it has none."""
    from scyjava import jimport

    try:
        return str(jimport(f"{PACKAGE}.TrackMate").PLUGIN_NAME_VERSION)
    except TypeError:  # raised by JPype for a missing class
        return None


def make(image: xr.DataArray, settings: TrackerSettings) -> Any:
    """Return TrackMate's settings: label image detector, tracker, filters, every analyzer."""
    from scyjava import jimport

    trackmate_settings = jimport(f"{PACKAGE}.Settings")(to_imageplus(image))
    detector = jimport(_DETECTOR)()
    trackmate_settings.detectorFactory = detector
    simple = {"SIMPLIFY_CONTOURS": settings.detector.simplify_contours}
    trackmate_settings.detectorSettings = java_map(detector.getDefaultSettings(), simple)
    factory = jimport(f"{PACKAGE}.providers.TrackerProvider")().getFactory(settings.tracker)
    if factory is None:
        raise UserError(f"this TrackMate ({version()}) has no tracker {settings.tracker}")
    trackmate_settings.trackerFactory = factory
    trackmate_settings.trackerSettings = java_map(
        factory.getDefaultSettings(), settings.settings.to_map()
    )
    trackmate_settings.addAllAnalyzers()
    filters.add(trackmate_settings, settings)
    return trackmate_settings


def java_map(defaults: Any, values: Mapping[str, Any]) -> Any:
    """Fill TrackMate's settings map with our values, each in the Java type of its default.

    TrackMate checks the class: it refuses a Long where it expects an Integer.
    """
    import jpype
    from jpype.types import JBoolean, JDouble, JInt, JString
    from scyjava import jimport

    for key, value in values.items():
        default = defaults.get(key)
        kind = str(default.getClass().getSimpleName()) if default is not None else ""
        if isinstance(value, Mapping):
            boxed = jimport("java.util.HashMap")()
            for name, weight in value.items():
                boxed.put(name, JDouble(weight))
        elif isinstance(value, bool) or kind == "Boolean":
            boxed = jpype.JObject(bool(value), JBoolean)
        elif kind == "Integer":
            boxed = jpype.JObject(int(value), JInt)
        elif kind == "Double" or isinstance(value, (int, float)) or value == "Infinity":
            boxed = jpype.JObject(float(value), JDouble)
        else:
            boxed = JString(str(value))
        defaults.put(key, boxed)
    return defaults
