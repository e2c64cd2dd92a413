"""Pictures for people: planes as grey values, labels in colour, outlines, classes; charts.

All are RGB arrays (height, width, 3) of uint8, made without a window.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images import golden_angle_lut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = NDArray[np.uint8]


def limits(planes: NDArray, lower: float = 0.5, upper: float = 99.7) -> tuple[float, float]:
    """Return the values that are shown black and white: percentiles (%) of some planes."""
    low, high = np.percentile(planes, (lower, upper))
    return float(low), float(high)


def grey(plane: NDArray, black_white: tuple[float, float] | None = None) -> Picture:
    """Show a plane (Y, X) in grey values, between its own limits unless they are given."""
    low, high = black_white or limits(plane)
    scaled = (plane.astype(float) - low) / max(high - low, 1e-9)
    # Dim nuclei beside bright ones are seen better with some gamma; pictures only, no measures.
    level = np.rint(np.clip(scaled, 0, 1) ** 0.7 * 255).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=-1)


def coloured(labels: NDArray) -> Picture:
    """Show a label map (Y, X): black background, one colour for each id (255 go round)."""
    lut = golden_angle_lut()
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
    """Show class probabilities (C, Y, X): background blue, object green, all others red."""
    if len(probabilities) == 1:
        return np.repeat(np.rint(probabilities[0] * 255).astype(np.uint8)[..., None], 3, axis=-1)
    background, inside = probabilities[:2]
    border = probabilities[2:].sum(axis=0)
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


def new_figure(width: float, height: float) -> Figure:
    """Begin a chart of a width and height in inches, of 150 pixels each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def drawn(figure: Figure) -> Picture:
    """Draw a figure, without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
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
