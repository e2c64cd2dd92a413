"""Pictures for people: planes as grey values, labels in colour, outlines, tracks over a movie.

All are RGB arrays (height, width, 3) of uint8, made without a window.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images import glasbey

if TYPE_CHECKING:
    import pandas as pd

Picture = NDArray[np.uint8]


def grey(plane: NDArray, lower: float = 0.5, upper: float = 99.7) -> Picture:
    """Show a plane (Y, X), its lower and upper percentile (%) as black and white."""
    low, high = np.percentile(plane, (lower, upper))
    scaled = (plane.astype(float) - low) / max(high - low, 1e-9)
    # Dim nuclei beside bright ones are seen better with some gamma; pictures only, no measures.
    level = np.rint(np.clip(scaled, 0, 1) ** 0.7 * 255).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=-1)


def coloured(labels: NDArray) -> Picture:
    """Show a label map (Y, X): black background, one colour for each id (255 go round)."""
    lut = glasbey()
    index = np.where(labels > 0, (labels.astype(np.int64) - 1) % 255 + 1, 0)
    return lut[index]


def outlined(plane: NDArray, labels: NDArray) -> Picture:
    """Show a plane with the outline of each label in its colour."""
    inner = np.zeros(labels.shape, bool)
    inner[1:-1, 1:-1] = (
        (labels[1:-1, 1:-1] == labels[:-2, 1:-1])
        & (labels[1:-1, 1:-1] == labels[2:, 1:-1])
        & (labels[1:-1, 1:-1] == labels[1:-1, :-2])
        & (labels[1:-1, 1:-1] == labels[1:-1, 2:])
    )
    edge = (labels > 0) & ~inner
    picture = grey(plane)
    picture[edge] = coloured(labels)[edge]
    return picture


def classes(probabilities: NDArray) -> Picture:
    """Show class probabilities (C, Y, X) with background, object, border as blue, green, red."""
    if len(probabilities) == 1:
        return np.repeat(np.rint(probabilities[0] * 255).astype(np.uint8)[..., None], 3, axis=-1)
    background, inside, border = probabilities[:3]
    level = np.clip(np.stack([border, inside, background * 0.35], axis=-1), 0, 1)
    return np.rint(level * 255).astype(np.uint8)


def side_by_side(pictures: Sequence[Picture], gap: int = 6) -> Picture:
    """Put pictures in a row on white, aligned at the top."""
    height = max(p.shape[0] for p in pictures)
    width = sum(p.shape[1] for p in pictures) + gap * (len(pictures) - 1)
    row = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for picture in pictures:
        row[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + gap
    return row


def tracks(plane: NDArray, spots: pd.DataFrame, edges: pd.DataFrame, pixel_size: float) -> Picture:
    """Draw the links of all tracks over a plane of the movie.

    Parameters
    ----------
    plane : (Y, X).
    spots : columns id, x, y (in the unit of `pixel_size`), track_id.
    edges : columns source, target (ids of spots).
    pixel_size : of a pixel, in the unit of x and y.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    height, width = plane.shape
    figure = Figure(figsize=(width / 100, height / 100), dpi=200)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(grey(plane), interpolation="nearest")
    at = spots.set_index("id")
    places = at[["x", "y"]] / pixel_size
    lines = np.stack(
        [places.loc[edges["source"]].to_numpy(), places.loc[edges["target"]].to_numpy()], axis=1
    )
    of_track = at.loc[edges["source"], "track_id"].to_numpy().astype(int)
    colours = glasbey()[of_track % 255 + 1] / 255
    axes.add_collection(LineCollection(list(lines), colors=list(colours), linewidths=1.1))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_axis_off()
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def lineage(spots: pd.DataFrame, edges: pd.DataFrame) -> Picture:
    """Draw the lineage trees: time downwards, one line for each cell, forks at divisions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    column = _columns(spots, edges)
    frame = spots.set_index("id")["frame"]
    figure = Figure(figsize=(8, 3), dpi=150, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for source, target in edges[["source", "target"]].itertuples(index=False):
        across = [column[source], column[target], column[target]]
        axes.plot(across, [frame[source], frame[source], frame[target]], color="#27567d", lw=1)
    axes.invert_yaxis()
    axes.set(xlabel="cell", ylabel="frame", xticks=[])
    axes.spines[["top", "right"]].set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def png(picture: Picture, enlarge: int = 1) -> bytes:
    """Encode a picture as PNG, each pixel `enlarge` times as wide and high."""
    from PIL import Image

    picture = picture.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def read_png(path: Path) -> Picture:
    """Read a picture file as RGB."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _columns(spots: pd.DataFrame, edges: pd.DataFrame) -> dict[int, float]:
    """Place each spot: a cell keeps its column, daughters stand left and right below the mother."""
    children: dict[int, list[int]] = {}
    for source, target in edges[["source", "target"]].itertuples(index=False):
        children.setdefault(int(source), []).append(int(target))
    linked = set(edges["target"].astype(int))
    column: dict[int, float] = {}
    free = 0
    for root in spots["id"].astype(int):
        if root in linked or root not in children:
            continue
        order, stack = [], [root]
        while stack:
            spot = stack.pop()
            order.append(spot)
            stack.extend(reversed(children.get(spot, [])))
        for spot in order:
            if not children.get(spot):
                column[spot] = free
                free += 1
        for spot in reversed(order):
            if below := [column[c] for c in children.get(spot, []) if c in column]:
                column[spot] = sum(below) / len(below)
        free += 1
    return column
