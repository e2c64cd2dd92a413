"""Fluorescent nuclei that move, push each other aside, grow, divide, leave and enter.

The nuclei are wobbly ellipses with a chromatin texture of their own. A frame is their light,
blurred by the microscope, under uneven illumination, with photon and camera noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl import images

PIXEL_SIZE = 0.65
"""µm."""
FRAME_INTERVAL = 300.0
"""s."""
_MITOSIS = 3  # frames from rounding up to two daughters
_VISIBLE = 20  # px of a nucleus below which it is not labelled
_TEXTURE = 24  # px of a texture's side


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


@dataclass(eq=False)  # two nuclei are the same only if they are one
class _Nucleus:
    parent: int
    place: NDArray  # y, x
    speed: NDArray
    radius: float  # of an adult of this brood, px
    stretch: float  # long axis by short axis
    angle: float
    brightness: float
    divides_at: int  # age in frames
    texture: NDArray
    wobble: NDArray
    age: int = 0
    size: float = 1.0  # of an adult's radius
    frames: list[int] = field(default_factory=list)


def movie(
    frames: int = 24, size: tuple[int, int] = (256, 256), cells: int = 20, seed: int = 0
) -> Simulation:
    """Simulate a time-lapse.

    Parameters
    ----------
    frames : number of frames.
    size : height and width in px.
    cells : nuclei at the start.
    seed : of all that is random; the same seed gives the same movie.
    """
    rng = np.random.default_rng(seed)
    nuclei = [_make(rng, rng.uniform(8, np.array(size) - 8)) for _ in range(cells)]
    for _ in range(30):  # until nobody sits on anybody
        _push(nuclei)
    light = _shading(rng, size)
    pixels = np.zeros((frames, *size), np.uint16)
    labels = np.zeros((frames, *size), np.uint16)
    history: list[_Nucleus] = list(nuclei)
    for t in range(frames):
        if t:
            nuclei = _step(nuclei, history, size, rng)
        glow, owner = _draw(nuclei, history, size)
        for number in np.unique(owner[owner > 0]):
            seen = history[number - 1].frames
            # Too little to be drawn as a cell; nor does what has left come back.
            enough = int((owner == number).sum()) >= _VISIBLE
            if enough and (not seen or seen[-1] == t - 1):
                seen.append(t)
                labels[t][owner == number] = number
        pixels[t] = _expose(glow, light, rng)
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


def _make(rng: np.random.Generator, place: NDArray, parent: _Nucleus | None = None) -> _Nucleus:
    texture = ndi.gaussian_filter(rng.normal(size=(_TEXTURE, _TEXTURE)), 1.6)
    texture = 1 + 0.3 * texture / texture.std()
    like = parent
    divides_at = int(rng.integers(20, 80))
    return _Nucleus(
        parent=0,
        place=np.asarray(place, float),
        speed=rng.normal(0, 0.7, 2),
        radius=like.radius if like else rng.uniform(7.0, 11.5),
        stretch=rng.uniform(1.0, 1.7),
        angle=rng.uniform(0, np.pi),
        brightness=like.brightness if like else float(np.exp(rng.normal(0, 0.4))),
        divides_at=divides_at,
        texture=np.clip(texture, 0.3, None),
        wobble=rng.normal(0, 0.03, (3, 2)),
        age=0 if like else int(rng.integers(8, divides_at)),
        size=0.72 if like else 1.0,
    )


def _step(
    nuclei: list[_Nucleus],
    history: list[_Nucleus],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> list[_Nucleus]:
    alive = []
    for nucleus in nuclei:
        nucleus.age += 1
        nucleus.speed = 0.85 * nucleus.speed + rng.normal(0, 0.45, 2)
        nucleus.place = nucleus.place + nucleus.speed
        nucleus.angle += rng.normal(0, 0.06)
        nucleus.wobble = 0.95 * nucleus.wobble + rng.normal(0, 0.009, (3, 2))
        nucleus.size += (1 - nucleus.size) * 0.12
        reach = nucleus.radius * 2
        if np.any(nucleus.place < -reach) or np.any(nucleus.place > np.array(size) + reach):
            continue
        if nucleus.age >= nucleus.divides_at + _MITOSIS:
            alive += _divide(nucleus, history, rng)
        else:
            alive.append(nucleus)
    if rng.random() < 0.08:  # somebody comes in from outside
        side = rng.integers(0, 4)
        along = rng.uniform(0, size[1 - side % 2])
        across = -8.0 if side < 2 else size[side % 2] + 8.0
        place = np.array([across, along] if side % 2 == 0 else [along, across])
        newcomer = _make(rng, place)
        newcomer.speed = (np.array(size) / 2 - place) / np.linalg.norm(size) * 5
        history.append(newcomer)
        alive.append(newcomer)
    for _ in range(3):
        _push(alive)
    return alive


def _divide(mother: _Nucleus, history: list[_Nucleus], rng: np.random.Generator) -> list[_Nucleus]:
    along = np.array([np.sin(mother.angle), np.cos(mother.angle)])
    daughters = []
    for side in (-1, 1):
        apart = side * mother.radius * 0.78 * along
        daughter = _make(rng, mother.place + apart, mother)
        daughter.parent = history.index(mother) + 1
        daughter.speed = side * 1.3 * along + mother.speed / 2
        daughter.angle = mother.angle + np.pi / 2
        history.append(daughter)
        daughters.append(daughter)
    return daughters


def _push(nuclei: list[_Nucleus]) -> None:
    """Move nuclei that overlap apart, half of the overlap each time; touching is allowed."""
    if len(nuclei) < 2:
        return
    place = np.array([n.place for n in nuclei])
    reach = np.array([n.radius * n.size * (1 + 0.3 * (n.stretch - 1)) for n in nuclei])
    between = place[:, None] - place[None]
    distance = np.linalg.norm(between, axis=-1)
    np.fill_diagonal(distance, np.inf)
    overlap = np.clip((reach[:, None] + reach[None]) * 0.97 - distance, 0, None)
    # Two at the same place have no direction between them: an arbitrary small one is taken.
    direction = np.where(distance[..., None] > 1e-6, between, [0.6, 0.8])
    direction = direction / np.linalg.norm(direction, axis=-1, keepdims=True).clip(1e-9)
    shift = (direction * overlap[..., None] * 0.25).sum(axis=1)
    for nucleus, by in zip(nuclei, shift, strict=True):
        nucleus.place = nucleus.place + by


def _draw(
    nuclei: list[_Nucleus], history: list[_Nucleus], size: tuple[int, int]
) -> tuple[NDArray, NDArray[np.int64]]:
    """Return the light of all nuclei, and whose each pixel is (number in history from 1)."""
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
        grid = [(c / 2.4 + 0.5) * (_TEXTURE - 1) for c in (v, u)]
        texture = ndi.map_coordinates(nucleus.texture, grid, order=1, mode="nearest")
        texture = 1 + (texture - 1) * (0.4 if mitotic else 1.0)
        profile = np.sqrt(np.clip(1 - depth**4, 0, None))
        level = nucleus.brightness * (2.3 if mitotic else 1.0) / nucleus.size
        mine = depth < nearest[box]
        glow[box] = np.where(mine, level * profile * texture, glow[box])
        owner[box][mine] = history.index(nucleus) + 1
        nearest[box][mine] = depth[mine]
    return glow, owner


def _shading(rng: np.random.Generator, size: tuple[int, int]) -> NDArray:
    """Return the illumination: brightest somewhere near the middle, less at the corners."""
    y, x = (np.linspace(-1, 1, n) for n in size)
    cy, cx = rng.uniform(-0.3, 0.3, 2)
    return 1.1 - 0.28 * ((y[:, None] - cy) ** 2 + (x[None] - cx) ** 2)


def _expose(glow: NDArray, light: NDArray, rng: np.random.Generator) -> NDArray[np.uint16]:
    seen = ndi.gaussian_filter(glow, 1.1) + 0.12 * ndi.gaussian_filter(glow, 8)
    photons = rng.poisson((seen * 260 + 25) * light)
    counts = 2.0 * photons + 100 + rng.normal(0, 6, glow.shape)
    return np.clip(np.rint(counts), 0, np.iinfo(np.uint16).max).astype(np.uint16)


def _finish(
    pixels: NDArray[np.uint16], labels: NDArray[np.uint16], history: list[_Nucleus], seed: int
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
