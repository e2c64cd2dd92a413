"""Tracks as graphs for other programs: NetworkX, GEFF, napari's tracks layer."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl import optional
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic_folder, refuse_existing
from imagej_dl.images import units

if TYPE_CHECKING:
    import networkx as nx

    from imagej_dl.tracking.tracks import Tracks

_INSTALL = "Install it with `pip install imagej-dl[geff]`."
_ABSENT = ("pixel",)  # columns that are of use here only
_NAMES = {"pm": "picometer", "Å": "angstrom", "nm": "nanometer", "µm": "micrometer",
          "mm": "millimeter", "cm": "centimeter", "m": "meter"}  # fmt: skip
"""Units as GEFF calls them."""


def to_networkx(tracks: Tracks) -> nx.DiGraph:
    """Return the tracks as a NetworkX graph, forward in time.

    A node for each spot, by its id, with `frame`, `t`, `z`, `y`, `x` and its features in the
    image's unit, and `segment`, its id in the lineage table; an edge for each link, with its
    `cost`.

    Raises
    ------
    UserError : when NetworkX is not installed.
    """
    nx = optional.need("networkx", "NetworkX", _INSTALL)
    table = tracks.spots.drop(columns=[name for name in _ABSENT if name in tracks.spots])
    table = table.assign(segment=tracks.segments(cut_gaps=True).of_spot)
    graph = nx.DiGraph()
    nodes = table.to_dict("records")
    graph.add_nodes_from((int(node.pop("id")), node) for node in nodes)
    ends = zip(tracks.edges["source"].tolist(), tracks.edges["target"].tolist(), strict=True)
    costs = tracks.edges["cost"].tolist()
    graph.add_edges_from((*pair, {"cost": cost}) for pair, cost in zip(ends, costs, strict=True))
    return graph


def need_geff() -> Any:
    """Return the library geff; UserError when it is not installed."""
    return optional.need("geff", "geff", _INSTALL)


def write_geff(tracks: Tracks, path: str | Path, overwrite: bool = False) -> None:
    """Write a GEFF folder (Graph Exchange File Format), whole or not at all.

    Raises
    ------
    UserError : when the folder is there, when there are no spots, or geff is not installed.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    geff = need_geff()
    if not len(tracks.spots):
        raise UserError("there are no spots: a GEFF folder cannot be empty", path=path)
    unit = _NAMES.get(units.plain(tracks.calibration.unit), tracks.calibration.unit)
    second = "second" if tracks.calibration.frame_interval else "frame"
    with atomic_folder(path, overwrite=overwrite) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of units that are not the format's own
        geff.write(
            to_networkx(tracks),
            temporary,
            axis_names=["t", "y", "x"],
            axis_units=[second, unit, unit],
            axis_types=["time", "space", "space"],
            overwrite=True,
        )


def napari_tracks(tracks: Tracks) -> dict[str, Any]:
    """Return the arguments of napari's `viewer.add_tracks(**…)`.

    `data` is (spots, 4): id of the segment, frame, y, x (in the image's unit, for an image layer
    with the scale 1, height, width of a pixel); `graph` holds the parents of each segment;
    `features` are those of the spots.
    """
    segments = tracks.segments()
    spots = tracks.spots
    data = np.column_stack([segments.of_spot, spots["frame"], spots["y"], spots["x"]]).astype(float)
    order = np.lexsort((data[:, 1], data[:, 0]))
    graph = {
        number: [int(parent)]
        for number, parent in enumerate(segments.parents.tolist(), start=1)
        if parent
    }
    features = spots.drop(columns=[*_ABSENT, "frame", "x", "y"], errors="ignore")
    return {
        "data": data[order],
        "graph": graph,
        "features": features.iloc[order].reset_index(drop=True),
        "name": "tracks",
    }
