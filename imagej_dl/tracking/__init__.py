"""Tracking: label movies to spots, links, tracks and lineages, and the files that hold them."""

from imagej_dl.tracking.distances import fitted as fitted_settings
from imagej_dl.tracking.distances import measured as measured_distance
from imagej_dl.tracking.engine import TRACKERS, track
from imagej_dl.tracking.fused import split as split_fused
from imagej_dl.tracking.gaps import added
from imagej_dl.tracking.gaps import fill as fill_gaps
from imagej_dl.tracking.gaps import onto as onto_segmentation
from imagej_dl.tracking.graphs import napari_tracks, to_networkx, write_geff
from imagej_dl.tracking.movie import as_movie, pair
from imagej_dl.tracking.output import write
from imagej_dl.tracking.settings import TrackerSettings
from imagej_dl.tracking.settings import default as default_settings
from imagej_dl.tracking.settings import make as make_settings
from imagej_dl.tracking.settings_file import read as read_settings
from imagej_dl.tracking.spots import find as find_spots
from imagej_dl.tracking.trackmate_reader import read as read_trackmate
from imagej_dl.tracking.trackmate_xml import write as write_trackmate
from imagej_dl.tracking.tracks import Tracks, build

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
