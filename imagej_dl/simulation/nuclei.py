"""Fluorescent nuclei that move, push each other aside, grow, divide, leave and enter.

The nuclei are wobbly ellipses with a chromatin texture of their own. A frame is their light,
blurred by the microscope, under uneven illumination, with photon and camera noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.simulation.colony import RADII, STEADY, Motion, Nucleus, make, push, step
from imagej_dl.simulation.rendering import draw, expose, shading

PIXEL_SIZE = 0.65
"""µm."""
FRAME_INTERVAL = 300.0
"""s."""
_VISIBLE = 20  # px of a nucleus below which it is not labelled


@dataclass(frozen=True)
class Simulation:
    """A movie and its truth.

    Attributes
    ----------
    image : (T, Y, X) uint16 with calibration.
    labels : (T, Y, X) uint16, one id for each nucleus from its birth to its division.
    lineage : (n, 4) rows L, B, E, P of the Cell Tracking Challenge: id, first frame, last frame
        (from 0), id of the mother or 0.
    """

    image: xr.DataArray
    labels: xr.DataArray
    lineage: NDArray[np.int64]


def movie(
    frames: int = 24,
    size: tuple[int, int] = (256, 256),
    cells: int = 20,
    seed: int = 0,
    exposure: float = 1.0,
    motion: Motion = STEADY,
    radii: tuple[float, float] = RADII,
) -> Simulation:
    """Simulate a time-lapse.

    Parameters
    ----------
    frames : number of frames.
    size : height and width in px.
    cells : nuclei at the start.
    seed : of all that is random; the same seed gives the same movie.
    exposure : share of the light: 1 gives about 260 photons per px in a nucleus.
    motion : how the nuclei move and divide: :data:`STEADY`, or :data:`LIVELY` as cells do.
    radii : least and largest radius of the adult nuclei, px.
    """
    rng = np.random.default_rng(seed)
    nuclei = [make(rng, rng.uniform(8, np.array(size) - 8), radii=radii) for _ in range(cells)]
    for _ in range(30):  # until nobody sits on anybody
        push(nuclei)
    light = shading(rng, size)
    pixels = np.zeros((frames, *size), np.uint16)
    labels = np.zeros((frames, *size), np.uint16)
    history: list[Nucleus] = list(nuclei)
    for t in range(frames):
        if t:
            nuclei = step(nuclei, history, size, rng, motion, radii)
        glow, owner = draw(nuclei, history, size)
        for number in np.unique(owner[owner > 0]):
            seen = history[number - 1].frames
            # Too little to be drawn as a cell; nor does what has left come back.
            enough = int((owner == number).sum()) >= _VISIBLE
            if enough and (not seen or seen[-1] == t - 1):
                seen.append(t)
                labels[t][owner == number] = number
        pixels[t] = expose(glow, light, rng, exposure)
    return _finish(pixels, labels, history, seed)


def stills(
    count: int, size: tuple[int, int] = (256, 256), seed: int = 0
) -> list[tuple[xr.DataArray, xr.DataArray]]:
    """Simulate single images with their label maps (Y, X), each of other nuclei."""
    made = []
    for i in range(count):
        cells = int(np.random.default_rng((seed, i)).integers(10, 32))
        run = movie(6, size, cells, seed=seed * 1000 + i + 1)
        title = f"nuclei_{i + 1:02}.tif"
        image = run.image.isel(T=-1)
        labels = run.labels.isel(T=-1)
        ids, flat = np.unique(labels.values, return_inverse=True)
        numbered = flat.reshape(labels.shape) + (0 if ids[0] == 0 else 1)
        made.append(
            (
                images.with_data(image, image.values, title=title),
                images.with_data(labels, numbered.astype(np.uint16), title=title),
            )
        )
    return made


def _finish(
    pixels: NDArray[np.uint16], labels: NDArray[np.uint16], history: list[Nucleus], seed: int
) -> Simulation:
    """Number the nuclei that were ever seen from 1, in the order of their birth."""
    seen = [i for i, nucleus in enumerate(history) if nucleus.frames]
    number = np.zeros(len(history) + 1, np.uint16)
    for new, old in enumerate(seen, start=1):
        number[old + 1] = new
    rows = []
    for old in seen:
        nucleus = history[old]
        mother = int(number[nucleus.parent]) if nucleus.parent else 0
        # A mother last seen before the frame ahead of the birth left the picture in between.
        if mother and history[nucleus.parent - 1].frames[-1] != nucleus.frames[0] - 1:
            mother = 0
        rows.append((int(number[old + 1]), nucleus.frames[0], nucleus.frames[-1], mother))
    attrs = {
        "pixel_width": PIXEL_SIZE,
        "pixel_height": PIXEL_SIZE,
        "unit": "µm",
        "frame_interval": FRAME_INTERVAL,
        "title": f"simulated-{seed}.tif",
    }
    return Simulation(
        images.make(pixels, "TYX", **attrs),
        images.make(number[labels], "TYX", **attrs),
        np.array(rows, np.int64).reshape(-1, 4),
    )
