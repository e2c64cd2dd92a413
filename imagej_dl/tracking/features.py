"""The features our TrackMate files declare: TrackMate's keys, names, dimensions; their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from imagej_dl.tracking.tracks import Tracks

# key: name, short name, dimension, whether an integer.
Declared = dict[str, tuple[str, str, str, bool]]

SPOT: Declared = {
    "QUALITY": ("Quality", "Quality", "QUALITY", False),
    "POSITION_X": ("X", "X", "POSITION", False),
    "POSITION_Y": ("Y", "Y", "POSITION", False),
    "POSITION_Z": ("Z", "Z", "POSITION", False),
    "POSITION_T": ("T", "T", "TIME", False),
    "FRAME": ("Frame", "Frame", "NONE", True),
    "RADIUS": ("Radius", "R", "LENGTH", False),
    "VISIBILITY": ("Visibility", "Visibility", "NONE", True),
}
SHAPE: Declared = {
    "ELLIPSE_X0": ("Ellipse center x0", "El. x0", "LENGTH", False),
    "ELLIPSE_Y0": ("Ellipse center y0", "El. y0", "LENGTH", False),
    "ELLIPSE_MAJOR": ("Ellipse long axis", "El. long axis", "LENGTH", False),
    "ELLIPSE_MINOR": ("Ellipse short axis", "El. sh. axis", "LENGTH", False),
    "ELLIPSE_THETA": ("Ellipse angle", "El. angle", "ANGLE", False),
    "ELLIPSE_ASPECTRATIO": ("Ellipse aspect ratio", "El. a.r.", "NONE", False),
    "AREA": ("Area", "Area", "AREA", False),
    "PERIMETER": ("Perimeter", "Perim.", "LENGTH", False),
    "CIRCULARITY": ("Circularity", "Circ.", "NONE", False),
    "SOLIDITY": ("Solidity", "Solidity", "NONE", False),
    "SHAPE_INDEX": ("Shape index", "Shape index", "NONE", False),
}
# Of one channel; the keys end in _CHn, the names in chn.
INTENSITY: Declared = {
    "MEAN_INTENSITY": ("Mean intensity", "Mean", "INTENSITY", False),
    "MEDIAN_INTENSITY": ("Median intensity", "Median", "INTENSITY", False),
    "MIN_INTENSITY": ("Min intensity", "Min", "INTENSITY", False),
    "MAX_INTENSITY": ("Max intensity", "Max", "INTENSITY", False),
    "TOTAL_INTENSITY": ("Sum intensity", "Sum", "INTENSITY", False),
    "STD_INTENSITY": ("Std intensity", "Std", "INTENSITY", False),
    "CONTRAST": ("Contrast", "Ctrst", "NONE", False),
    "SNR": ("Signal/Noise ratio", "SNR", "NONE", False),
}
EDGE: Declared = {
    "SPOT_SOURCE_ID": ("Source spot ID", "Source ID", "NONE", True),
    "SPOT_TARGET_ID": ("Target spot ID", "Target ID", "NONE", True),
    "LINK_COST": ("Edge cost", "Cost", "COST", False),
    "DIRECTIONAL_CHANGE_RATE": ("Directional change rate", "γ rate", "ANGLE_RATE", False),
    "SPEED": ("Speed", "Speed", "VELOCITY", False),
    "DISPLACEMENT": ("Displacement", "Disp.", "LENGTH", False),
    "EDGE_TIME": ("Edge time", "Edge T", "TIME", False),
    "EDGE_X_LOCATION": ("Edge X", "Edge X", "POSITION", False),
    "EDGE_Y_LOCATION": ("Edge Y", "Edge Y", "POSITION", False),
    "EDGE_Z_LOCATION": ("Edge Z", "Edge Z", "POSITION", False),
}
TRACK: Declared = {
    "TRACK_INDEX": ("Track index", "Index", "NONE", True),
    "TRACK_ID": ("Track ID", "ID", "NONE", True),
    "NUMBER_SPOTS": ("Number of spots in track", "N spots", "NONE", True),
    "NUMBER_GAPS": ("Number of gaps", "N gaps", "NONE", True),
    "NUMBER_SPLITS": ("Number of split events", "N splits", "NONE", True),
    "NUMBER_MERGES": ("Number of merge events", "N merges", "NONE", True),
    "NUMBER_COMPLEX": ("Number of complex points", "N complex", "NONE", True),
    "LONGEST_GAP": ("Longest gap", "Lgst gap", "NONE", True),
    "TRACK_DURATION": ("Track duration", "Duration", "TIME", False),
    "TRACK_START": ("Track start", "Track start", "TIME", False),
    "TRACK_STOP": ("Track stop", "Track stop", "TIME", False),
    "TRACK_DISPLACEMENT": ("Track displacement", "Track disp.", "LENGTH", False),
    "TRACK_X_LOCATION": ("Track mean X", "Track X", "POSITION", False),
    "TRACK_Y_LOCATION": ("Track mean Y", "Track Y", "POSITION", False),
    "TRACK_Z_LOCATION": ("Track mean Z", "Track Z", "POSITION", False),
    "TRACK_MEAN_SPEED": ("Track mean speed", "Mean sp.", "VELOCITY", False),
    "TRACK_MAX_SPEED": ("Track max speed", "Max speed", "VELOCITY", False),
    "TRACK_MIN_SPEED": ("Track min speed", "Min speed", "VELOCITY", False),
    "TRACK_MEDIAN_SPEED": ("Track median speed", "Med. speed", "VELOCITY", False),
    "TRACK_STD_SPEED": ("Track std speed", "Std speed", "VELOCITY", False),
    "TRACK_MEAN_QUALITY": ("Track mean quality", "Mean Q", "QUALITY", False),
    "TOTAL_DISTANCE_TRAVELED": ("Total distance traveled", "Total dist.", "LENGTH", False),
    "MAX_DISTANCE_TRAVELED": ("Max distance traveled", "Max dist.", "LENGTH", False),
    "CONFINEMENT_RATIO": ("Confinement ratio", "Cfn. ratio", "NONE", False),
    "MEAN_STRAIGHT_LINE_SPEED": ("Mean straight line speed", "Mn. v. line", "VELOCITY", False),
    "LINEARITY_OF_FORWARD_PROGRESSION": (
        "Linearity of forward progression",
        "Fwd. progr.",
        "NONE",
        False,
    ),
    "MEAN_DIRECTIONAL_CHANGE_RATE": (
        "Mean directional change rate",
        "Mn. γ rate",
        "ANGLE_RATE",
        False,
    ),
}

# How sure the tracker is, 0 to 1, where it knows; of a track that of its least sure spot.
SPOT_MARGIN: Declared = {"MARGIN": ("Margin", "Margin", "NONE", False)}
EDGE_MARGIN: Declared = {"LINK_MARGIN": ("Link margin", "Margin", "NONE", False)}
TRACK_MARGIN: Declared = {"TRACK_MARGIN": ("Least margin in track", "Margin", "NONE", False)}


def of_spots(tracks: Tracks) -> tuple[Declared, pd.DataFrame]:
    """Declarations and values of the spots' features, columns by TrackMate's keys."""
    renamed = {"x": "POSITION_X", "y": "POSITION_Y", "z": "POSITION_Z", "t": "POSITION_T"}
    table = tracks.spots.drop(columns=["id", "label", "pixel", "track_id"], errors="ignore")
    table = table.rename(columns=lambda name: renamed.get(name, name.upper()))
    table["VISIBILITY"] = 1
    declared = {key: words for key, words in (SPOT | SPOT_MARGIN | SHAPE).items() if key in table}
    for key in table:
        base, _, channel = str(key).rpartition("_CH")
        if base in INTENSITY:
            name, short, dimension, whole = INTENSITY[base]
            declared[str(key)] = (f"{name} ch{channel}", f"{short} ch{channel}", dimension, whole)
    return declared, table[list(declared)]


def has_margins(tracks: Tracks) -> bool:
    """Return True if the tracker said how sure it is of its links."""
    return "margin" in tracks.edges and "margin" in tracks.spots


def of_edges(tracks: Tracks) -> pd.DataFrame:
    """Values of the links' features, one row a link."""
    import pandas as pd

    place = tracks.spots[["x", "y", "z", "t"]].to_numpy(float)
    source, target = place[tracks.links.sources], place[tracks.links.targets]
    moved = np.sqrt(((target - source)[:, :3] ** 2).sum(axis=1))
    middle = (source + target) / 2
    margins = {"LINK_MARGIN": tracks.edges["margin"]} if has_margins(tracks) else {}
    return pd.DataFrame(
        {
            "SPOT_SOURCE_ID": tracks.edges["source"],
            "SPOT_TARGET_ID": tracks.edges["target"],
            "LINK_COST": tracks.edges["cost"],
            "DIRECTIONAL_CHANGE_RATE": _turning(tracks, place),
            "SPEED": moved / np.abs(target[:, 3] - source[:, 3]),
            "DISPLACEMENT": moved,
            "EDGE_TIME": middle[:, 3],
            "EDGE_X_LOCATION": middle[:, 0],
            "EDGE_Y_LOCATION": middle[:, 1],
            "EDGE_Z_LOCATION": middle[:, 2],
            **margins,
        }
    )


def _turning(tracks: Tracks, place: np.ndarray) -> np.ndarray:
    """Angle between a link and the one before it, by time; of spots with one link before."""
    links = tracks.links
    earlier = tracks.degrees[0]
    before = np.full(len(place), -1)
    before[links.targets] = links.sources
    before[earlier != 1] = -1
    known = before[links.sources] >= 0
    source, target = place[links.sources], place[links.targets]
    first, second = source - place[before[links.sources]], target - source
    cross = np.cross(first[:, :3], second[:, :3])
    along = (first[:, :3] * second[:, :3]).sum(axis=1)
    angle = np.arctan2(np.sqrt((cross**2).sum(axis=1)), along)
    return np.where(known, angle / second[:, 3], np.nan)


def of_tracks(tracks: Tracks, edges: pd.DataFrame) -> pd.DataFrame:
    """Values of the tracks' features, one row a track, by the definitions of TrackMate."""
    import pandas as pd

    links, spots = tracks.links, tracks.spots
    earlier, later = tracks.degrees
    gaps = np.diff(spots["frame"].to_numpy()[np.stack([links.sources, links.targets])], axis=0)[0]
    spots = spots.assign(
        splits=(later > 1) & (earlier <= 1),
        merges=(earlier > 1) & (later <= 1),
        complex=(earlier > 1) & (later > 1),
    )
    by_spot = spots[spots["track_id"] >= 0].groupby("track_id")
    jumps = edges.assign(gaps=gaps > 1, longest=gaps - 1)
    by_edge = jumps.groupby(tracks.edges["track_id"].to_numpy())
    first, last = by_spot.first(), by_spot.last()
    ends = last[["x", "y", "z"]].to_numpy() - first[["x", "y", "z"]].to_numpy()
    speed = by_edge["SPEED"]
    index = first.index.to_numpy()
    net = np.sqrt((ends**2).sum(axis=1))
    duration = last["t"] - first["t"]
    total = by_edge["DISPLACEMENT"].sum()
    straight = net / duration
    of_link = tracks.edges["track_id"].to_numpy()
    where = spots[["x", "y", "z"]].to_numpy()
    row = np.searchsorted(index, of_link)
    away = where[links.targets] - first[["x", "y", "z"]].to_numpy()[row]
    margins = {"TRACK_MARGIN": by_spot["margin"].min()} if has_margins(tracks) else {}
    farthest = pd.Series(np.sqrt((away**2).sum(axis=1))).groupby(of_link).max()
    return pd.DataFrame(
        {
            "TRACK_INDEX": index,
            "TRACK_ID": index,
            "NUMBER_SPOTS": by_spot.size(),
            "NUMBER_GAPS": by_edge["gaps"].sum(),
            "NUMBER_SPLITS": by_spot["splits"].sum(),
            "NUMBER_MERGES": by_spot["merges"].sum(),
            "NUMBER_COMPLEX": by_spot["complex"].sum(),
            "LONGEST_GAP": by_edge["longest"].max(),
            "TRACK_DURATION": duration,
            "TRACK_START": first["t"],
            "TRACK_STOP": last["t"],
            "TRACK_DISPLACEMENT": net,
            "TRACK_X_LOCATION": by_spot["x"].mean(),
            "TRACK_Y_LOCATION": by_spot["y"].mean(),
            "TRACK_Z_LOCATION": by_spot["z"].mean(),
            "TRACK_MEAN_SPEED": speed.mean(),
            "TRACK_MAX_SPEED": speed.max(),
            "TRACK_MIN_SPEED": speed.min(),
            "TRACK_MEDIAN_SPEED": speed.agg(_upper_median),
            "TRACK_STD_SPEED": speed.std(),
            "TRACK_MEAN_QUALITY": by_spot["quality"].mean(),
            "TOTAL_DISTANCE_TRAVELED": total,
            "MAX_DISTANCE_TRAVELED": farthest,
            "CONFINEMENT_RATIO": net / total,
            "MEAN_STRAIGHT_LINE_SPEED": straight,
            "LINEARITY_OF_FORWARD_PROGRESSION": straight / speed.mean(),
            "MEAN_DIRECTIONAL_CHANGE_RATE": by_edge["DIRECTIONAL_CHANGE_RATE"].mean(),
            **margins,
        }
    )


def _upper_median(values: pd.Series) -> float:
    """TrackMate's median: of an even number of values the upper of the two in the middle."""
    return float(np.sort(values.to_numpy())[len(values) // 2])
