"""Rendering of simulated nuclei: fluorescence, blur, shading and noise of the microscope."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.simulation.colony import TEXTURE, Nucleus


def draw(
    nuclei: list[Nucleus], history: list[Nucleus], size: tuple[int, int]
) -> tuple[NDArray, NDArray[np.int64]]:
    """Return the fluorescence of all nuclei, and their label map (number in history from 1)."""
    glow = np.zeros(size)
    owner = np.zeros(size, np.int64)
    nearest = np.ones(size)
    for nucleus in nuclei:
        mitotic = nucleus.age >= nucleus.divides_at
        area = nucleus.radius * nucleus.size * (0.8 if mitotic else 1.0)
        stretch = 1.3 + 0.25 * (nucleus.age - nucleus.divides_at) if mitotic else nucleus.stretch
        long, short = area * np.sqrt(stretch), area / np.sqrt(stretch)
        reach = int(long * 1.4) + 3
        top, left = (np.floor(nucleus.place).astype(int) - reach).tolist()
        box = (
            slice(max(top, 0), max(min(top + 2 * reach, size[0]), 0)),
            slice(max(left, 0), max(min(left + 2 * reach, size[1]), 0)),
        )
        if box[0].start >= box[0].stop or box[1].start >= box[1].stop:
            continue
        y, x = np.mgrid[box].astype(float)
        y, x = y - nucleus.place[0], x - nucleus.place[1]
        cosine, sine = np.cos(nucleus.angle), np.sin(nucleus.angle)
        u, v = (x * cosine + y * sine) / long, (y * cosine - x * sine) / short
        polar = np.arctan2(v, u)
        outline = 1 + sum(
            a * np.cos(k * polar) + b * np.sin(k * polar)
            for k, (a, b) in enumerate(nucleus.wobble, start=2)
        )
        depth = np.hypot(u, v) / outline  # 0 in the middle, 1 on the outline
        grid = [(c / 2.4 + 0.5) * (TEXTURE - 1) for c in (v, u)]
        texture = ndi.map_coordinates(nucleus.texture, grid, order=1, mode="nearest")
        texture = 1 + (texture - 1) * (0.4 if mitotic else 1.0)
        profile = np.sqrt(np.clip(1 - depth**4, 0, None))
        level = nucleus.brightness * (2.3 if mitotic else 1.0) / nucleus.size
        mine = depth < nearest[box]
        glow[box] = np.where(mine, level * profile * texture, glow[box])
        owner[box][mine] = history.index(nucleus) + 1
        nearest[box][mine] = depth[mine]
    return glow, owner


def shading(rng: np.random.Generator, size: tuple[int, int]) -> NDArray:
    """Return the illumination: brightest somewhere near the middle, less at the corners."""
    y, x = (np.linspace(-1, 1, n) for n in size)
    cy, cx = rng.uniform(-0.3, 0.3, 2)
    return 1.1 - 0.28 * ((y[:, None] - cy) ** 2 + (x[None] - cx) ** 2)


def expose(
    glow: NDArray, light: NDArray, rng: np.random.Generator, exposure: float = 1.0
) -> NDArray[np.uint16]:
    """Return the image of a camera, with the noise of photons and of the camera.

    `exposure` 1 gives about 260 photons per px in a nucleus, and 25 beside it.
    """
    seen = ndi.gaussian_filter(glow, 1.1) + 0.12 * ndi.gaussian_filter(glow, 8)
    photons = rng.poisson((seen * 260 + 25) * light * exposure)
    counts = 2.0 * photons + 100 + rng.normal(0, 6, glow.shape)
    return np.clip(np.rint(counts), 0, np.iinfo(np.uint16).max).astype(np.uint16)
