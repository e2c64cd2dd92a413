"""A picture of numbers over time: objects, divisions and other events, and where they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images import golden_angle_lut
from imagej_dl.report.pictures import Picture, drawn, new_figure
from imagej_dl.report.tree import add_times

if TYPE_CHECKING:
    from imagej_dl.tracking import Tracks

_COLOURS = {
    "divisions": "#c0392b",
    "merges": "#8e44ad",
    "tracks begin": "#27ae60",
    "tracks end": "#7f8c8d",
}

LINES = 150
"""Above this number of simultaneous objects, the kymograph shows counts instead of lines."""


def events(tracks: Tracks) -> dict[str, NDArray[np.int64]]:
    """Count by frame: objects, divisions, merges, and tracks that begin and end.

    A division is counted in the mother's last frame, a merge in the frame of what comes of it.
    What is there in the first frame does not begin, what is in the last one does not end.
    """
    frames, length = tracks.spots["frame"].to_numpy(), tracks.shape[0]
    earlier, later = tracks.degrees
    linked = tracks.spots["track_id"].to_numpy() >= 0

    def count(rows: NDArray) -> NDArray[np.int64]:
        return np.bincount(frames[rows], minlength=length)

    return {
        "objects": count(np.ones(len(frames), bool)),
        "divisions": count(later > 1),
        "merges": count(earlier > 1),
        "tracks begin": count(linked & (earlier == 0) & (frames > 0)),
        "tracks end": count(linked & (later == 0) & (frames < length - 1)),
    }


def timeline(tracks: Tracks) -> Picture:
    """Draw numbers of objects, events by frame, and a kymograph: position along X over time.

    Of more than `LINES` objects at once the kymograph is their density.
    """
    from matplotlib.ticker import MaxNLocator

    found = events(tracks)
    length = tracks.shape[0]
    figure = new_figure(9, 7)
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2, 1.4, 3))
    steps = np.arange(length)
    edges = np.arange(length + 1) - 0.5
    top.stairs(found["objects"], edges, color="#27567d", alpha=0.2, fill=True)
    top.stairs(found["objects"], edges, color="#27567d", lw=1.5)
    top.set(ylabel="objects", ylim=(0, found["objects"].max(initial=1) * 1.08))
    top.yaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    add_times(top, tracks, "x")
    base = np.zeros(length, np.int64)
    for name, colour in _COLOURS.items():
        if found[name].any():
            middle.bar(steps, found[name], bottom=base, width=0.8, color=colour, label=name)
            base = base + found[name]
    middle.set(ylabel="events", ylim=(0, base.max(initial=1) * 1.1))
    middle.yaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    if base.any():
        middle.legend(
            frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 0.97), fontsize=8
        )
    else:
        middle.text(0.5, 0.5, "no events", transform=middle.transAxes, ha="center", color="#777")
    _kymograph(bottom, tracks)
    for axes in (top, middle, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    bottom.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    bottom.set(xlabel="frame", xlim=(-0.6, max(length, 2) - 0.4))
    return drawn(figure)


def _kymograph(axes: object, tracks: Tracks) -> None:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection

    assert isinstance(axes, Axes)
    frames, across = tracks.spots["frame"].to_numpy(float), tracks.spots["x"].to_numpy(float)
    ids, links = tracks.spots["track_id"].to_numpy(), tracks.links
    points = np.stack([frames, across], axis=1)
    right = tracks.shape[2] * tracks.calibration.pixel_width
    if np.bincount(frames.astype(int), minlength=1).max() > LINES:
        bins = (np.arange(tracks.shape[0] + 1) - 0.5, np.linspace(0, right, 81))
        number = np.histogram2d(frames, across, bins)[0].T
        shown = axes.pcolormesh(*bins, number, cmap="Blues", vmin=0)
        bar = axes.inset_axes((1.01, 0, 0.012, 1))
        axes.figure.colorbar(shown, cax=bar).set_label("objects")
    else:
        pairs = np.stack([links.sources, links.targets], axis=1)
        colours = golden_angle_lut()[ids[links.sources] % 255 + 1] / 255 * 0.85
        axes.add_collection(LineCollection(list(points[pairs]), colors=colours, linewidths=1.3))
        alone = ids < 0
        axes.plot(frames[alone], across[alone], ".", color="#999", ms=3)
    divides = tracks.degrees[1] > 1
    axes.plot(frames[divides], across[divides], "o", mfc="w", mec=_COLOURS["divisions"], ms=4.5)
    axes.set(ylim=(0, right), ylabel=f"x ({tracks.calibration.unit})")
