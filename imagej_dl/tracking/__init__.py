"""Tracking: label movies to spots, links, tracks and lineages, and the files that hold them.

The names are imported when they are first used, so that `imagej-dl track --help`, which reads the
list of trackers, is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagej_dl.tracking.export import write
    from imagej_dl.tracking.gap_filling import added
    from imagej_dl.tracking.gap_filling import fill as fill_gaps
    from imagej_dl.tracking.gap_filling import onto as onto_segmentation
    from imagej_dl.tracking.graphs import napari_tracks, to_networkx, write_geff
    from imagej_dl.tracking.label_movie import as_movie, pair
    from imagej_dl.tracking.linking import TRACKERS, track
    from imagej_dl.tracking.linking_distance import fitted as fitted_settings
    from imagej_dl.tracking.linking_distance import measured as measured_distance
    from imagej_dl.tracking.settings import TrackerSettings
    from imagej_dl.tracking.settings import default as default_settings
    from imagej_dl.tracking.settings import make as make_settings
    from imagej_dl.tracking.settings_file import read as read_settings
    from imagej_dl.tracking.spots import find as find_spots
    from imagej_dl.tracking.trackmate.reader import read as read_trackmate
    from imagej_dl.tracking.trackmate.writer import write as write_trackmate
    from imagej_dl.tracking.tracks import Tracks, build
    from imagej_dl.tracking.undersegmentation import split as split_fused

_PLACES = {
    "TRACKERS": "linking.TRACKERS",
    "TrackerSettings": "settings.TrackerSettings",
    "Tracks": "tracks.Tracks",
    "added": "gap_filling.added",
    "as_movie": "label_movie.as_movie",
    "build": "tracks.build",
    "default_settings": "settings.default",
    "fill_gaps": "gap_filling.fill",
    "find_spots": "spots.find",
    "fitted_settings": "linking_distance.fitted",
    "make_settings": "settings.make",
    "measured_distance": "linking_distance.measured",
    "napari_tracks": "graphs.napari_tracks",
    "onto_segmentation": "gap_filling.onto",
    "pair": "label_movie.pair",
    "read_settings": "settings_file.read",
    "read_trackmate": "trackmate.reader.read",
    "split_fused": "undersegmentation.split",
    "to_networkx": "graphs.to_networkx",
    "track": "linking.track",
    "write": "export.write",
    "write_geff": "graphs.write_geff",
    "write_trackmate": "trackmate.writer.write",
}

__all__ = [
    "TRACKERS",
    "TrackerSettings",
    "Tracks",
    "added",
    "as_movie",
    "build",
    "default_settings",
    "fill_gaps",
    "find_spots",
    "fitted_settings",
    "make_settings",
    "measured_distance",
    "napari_tracks",
    "onto_segmentation",
    "pair",
    "read_settings",
    "read_trackmate",
    "split_fused",
    "to_networkx",
    "track",
    "write",
    "write_geff",
    "write_trackmate",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].rpartition(".")
    value = getattr(import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = value
    return value
