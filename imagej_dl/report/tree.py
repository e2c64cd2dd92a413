"""A picture of lineage trees: time downwards, one line for each cell, forks where cells divide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.images import golden_angle_lut
from imagej_dl.report.pictures import Picture, drawn, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imagej_dl.tracking import Tracks

LINES = 120
"""Largest number of lines side by side that are distinguishable; other trees are left out."""


@dataclass(frozen=True)
class _Segment:
    """An unbranched piece of a lineage: first and last frame, its track, those it becomes."""

    begin: int
    end: int
    track: int
    children: list[int]


def tree(tracks: Tracks, lines: int = LINES) -> tuple[Picture, str]:
    """Draw the lineage trees; return the picture and what is to be said under it.

    Of more lines than `lines` the trees with the most divisions, then the longest, are drawn
    (one at least), and the words say so. Spots without links are no tracks and are not drawn.
    Where tracks merge,
    a track is several trees, and the link between them is a dotted line.
    """
    from matplotlib.ticker import MaxNLocator

    segments, crossing = _segments(tracks)
    roots = _chosen(segments, lines)
    column, leaves = _columns(segments, roots)
    figure = new_figure(float(np.clip(leaves * 0.13, 7, 17)), 4.8)
    axes = figure.add_subplot()
    _lines(axes, segments, column, crossing)
    names = roots if len(roots) <= 40 else roots[:: -(-len(roots) // 40)]
    axes.set_xticks([column[root] for root in names])
    turn = 90 if len(names) > 20 else 0
    axes.set_xticklabels([str(segments[root].track) for root in names], fontsize=7, rotation=turn)
    axes.set(xlim=(-1, max(leaves, 1)), ylim=(tracks.shape[0] - 0.5, -0.8))
    axes.set(xlabel="track", ylabel="frame")
    axes.tick_params(axis="x", length=0, pad=1)
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_label_position("top")
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    axes.spines[["right", "bottom", "top"]].set_visible(False)
    add_times(axes, tracks, "y")
    if not roots:
        axes.text(0.5, 0.5, "no tracks", transform=axes.transAxes, ha="center", color="#777")
    total = sum(1 for _ in _roots(segments))
    words = "Lineages, time downwards; tracks and frames are counted from 0, as in TrackMate."
    if len(roots) < total:
        words += (
            f" {len(roots)} of {total} trees are shown: those with the most divisions, "
            "then the longest."
        )
    return drawn(figure), words


def add_times(axes: Axes, tracks: Tracks, which: str) -> None:
    """Put the time beside an axis of frames, where the movie says what a frame takes."""
    step = tracks.calibration.frame_interval
    if step <= 0 or tracks.shape[0] < 2:
        return
    length = step * tracks.shape[0]
    unit, seconds = next((u, s) for u, s in (("h", 3600), ("min", 60), ("s", 1)) if length > 3 * s
                         or s == 1)  # fmt: skip
    both = (lambda f: f * step / seconds, lambda t: t * seconds / step)
    if which == "y":
        axes.secondary_yaxis("right", functions=both).set_ylabel(f"time ({unit})")
    else:
        axes.secondary_xaxis("top", functions=both).set_xlabel(f"time ({unit})")


def _segments(tracks: Tracks) -> tuple[dict[int, _Segment], list[tuple[int, int, int, int]]]:
    """Return the segments of tracks by number, and the links that lie across trees.

    Such a link is its two segments and its two frames.
    """
    cut = tracks.segments()
    frames = tracks.spots["frame"].to_numpy()
    ids = tracks.spots["track_id"].to_numpy()
    found: dict[int, _Segment] = {}
    order = np.lexsort((frames, cut.of_spot))
    numbers, first = np.unique(cut.of_spot[order], return_index=True)
    last = np.append(first, len(order))[1:] - 1
    for number, begin, end in zip(numbers.tolist(), order[first], order[last], strict=True):
        if ids[begin] >= 0:
            found[number] = _Segment(int(frames[begin]), int(frames[end]), int(ids[begin]), [])
    for number in found:
        if parent := int(cut.parents[number - 1]):
            found[parent].children.append(number)
    source, target = tracks.links.sources, tracks.links.targets
    ends = cut.of_spot[source], cut.of_spot[target]
    across = (ends[0] != ends[1]) & (cut.parents[ends[1] - 1] != ends[0])
    table = np.stack([*ends, frames[source], frames[target]], axis=1)[across]
    return found, [tuple(row) for row in table.tolist()]


def _roots(segments: dict[int, _Segment]) -> list[int]:
    below = {child for segment in segments.values() for child in segment.children}
    return [number for number in segments if number not in below]


def _below(segments: dict[int, _Segment], root: int) -> list[int]:
    """Return a tree's segments, each before those it becomes, left before right."""
    order, stack = [], [root]
    while stack:
        number = stack.pop()
        order.append(number)
        stack.extend(reversed(segments[number].children))
    return order


def _chosen(segments: dict[int, _Segment], lines: int) -> list[int]:
    """Choose the trees that there is room for, in the order of their tracks."""
    sizes = {}
    for root in _roots(segments):
        tree = [segments[number] for number in _below(segments, root)]
        leaves = sum(1 for segment in tree if not segment.children)
        sizes[root] = leaves, sum(segment.end - segment.begin + 1 for segment in tree)
    room = lines
    chosen: list[int] = []
    for root in sorted(sizes, key=lambda r: sizes[r], reverse=True):
        if chosen and sizes[root][0] > room:
            break
        chosen.append(root)
        room -= sizes[root][0]
    return sorted(chosen, key=lambda root: (segments[root].track, root))


def _columns(segments: dict[int, _Segment], roots: list[int]) -> tuple[dict[int, float], int]:
    """Place each segment: daughters left and right below the mother; return also the width."""
    column: dict[int, float] = {}
    free = 0
    for root in roots:
        order = _below(segments, root)
        for number in order:
            if not segments[number].children:
                column[number] = free
                free += 1
        for number in reversed(order):
            if below := [column[child] for child in segments[number].children]:
                column[number] = sum(below) / len(below)
    return column, free


def _lines(
    axes: Axes,
    segments: dict[int, _Segment],
    column: dict[int, float],
    crossing: list[tuple[int, int, int, int]],
) -> None:
    from matplotlib.collections import LineCollection

    colours = golden_angle_lut() / 255
    lines, shades, forks = [], [], []
    for number, across in column.items():
        segment = segments[number]
        shade = colours[segment.track % 255 + 1] * 0.85  # pale colours are lost on white
        lines.append([(across, segment.begin), (across, segment.end)])
        shades.append(shade)
        for child in segment.children:
            down = segments[child].begin
            lines.append(
                [(across, segment.end), (column[child], segment.end), (column[child], down)]
            )
            shades.append(shade)
        if len(segment.children) > 1:
            forks.append((across, segment.end))
        if segment.begin == segment.end and not segment.children:
            axes.plot(across, segment.begin, ".", color=shade, ms=4)
    axes.add_collection(
        LineCollection(lines, colors=shades, linewidths=1.8, capstyle="round", joinstyle="round")
    )
    if forks:
        axes.plot(*zip(*forks, strict=True), "o", color="#222", ms=3, zorder=3)
    over = [
        [(column[a], begin), (column[b], end)]
        for a, b, begin, end in crossing
        if a in column and b in column
    ]
    axes.add_collection(LineCollection(over, colors="#555", linewidths=1, linestyles=":"))
