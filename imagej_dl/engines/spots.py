"""Points of an engine as spots without links in a TrackMate file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.training.example_files import places_of

if TYPE_CHECKING:
    from imagej_dl.prediction import Prediction

RADIUS = 1.0
"""Radius in px that TrackMate shows a spot with: a point has none."""


def write(found: Prediction, engine: str, path: Path) -> None:
    """Write the points as spots of a TrackMate file, without links, in the unit of the image.

    Those of a slice lie at its depth.
    """
    import pandas as pd

    from imagej_dl import images, tracking
    from imagej_dl.tracking.tracks import Tracks

    cal, labels = images.calibration(found.labels), found.labels
    rows = []
    for here, points in zip(places_of(labels), found.points or (), strict=True):
        for label, (x, y) in enumerate(np.asarray(points, float).tolist(), 1):
            rows.append((here.get("T", 0), label, x, y, here.get("Z", 0)))
    frame, number, x, y, z = np.array(rows, float).reshape(-1, 5).T
    columns = {
        "frame": frame.astype(np.int64),
        "label": number.astype(np.int64),
        "pixel": np.full(len(x), -1),
        "x": x * cal.pixel_width,
        "y": y * cal.pixel_height,
        "z": z * cal.pixel_depth,
        "t": frame * (cal.frame_interval or 1.0),
        "radius": np.full(len(x), RADIUS * cal.pixel_width),
        "quality": np.ones(len(x)),
        "track_id": np.full(len(x), -1),
    }
    spots = pd.DataFrame(columns).sort_values(["frame", "y", "x"], ignore_index=True)
    spots.insert(0, "id", np.arange(len(spots)))
    edges = pd.DataFrame({"source": [], "target": [], "cost": [], "track_id": []})
    edges = edges.astype({"source": np.int64, "target": np.int64, "track_id": np.int64})
    shape = (labels.sizes.get("T", 1), labels.sizes["Y"], labels.sizes["X"])
    settings = tracking.default_settings("embedded")
    tracking.write_trackmate(Tracks(spots, edges, [], settings, engine, shape, cal), path)
