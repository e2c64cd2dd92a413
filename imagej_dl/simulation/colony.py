"""A colony of simulated nuclei: motion, contact, growth, division, leaving and entering."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

TEXTURE = 24
"""px of a texture's side."""
RADII = (7.0, 11.5)
"""Least and largest radius of adult nuclei, px."""
_MITOSIS = 3  # frames from rounding up to two daughters


@dataclass(frozen=True)
class Motion:
    """The motion and division of nuclei, in units of their own radius.

    apart : least and largest distance of a daughter's centre from where the mother was.
    jumps : probability that a nucleus jumps from one frame to the next.
    jump : least and largest length of a jump.
    """

    apart: tuple[float, float] = (0.78, 0.78)
    jumps: float = 0.0
    jump: tuple[float, float] = (0.0, 0.0)


STEADY = Motion()
"""No jumps, and daughters close together: easier to track than cells are."""
LIVELY = Motion(apart=(0.6, 1.8), jumps=0.004, jump=(1.2, 2.5))
"""As in movies of the Cell Tracking Challenge: what a tracker must cope with."""


@dataclass(eq=False)  # two nuclei are the same only if they are one
class Nucleus:
    """A nucleus between its birth and its division."""

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


def make(
    rng: np.random.Generator,
    place: NDArray,
    parent: Nucleus | None = None,
    radii: tuple[float, float] = RADII,
) -> Nucleus:
    texture = ndi.gaussian_filter(rng.normal(size=(TEXTURE, TEXTURE)), 1.6)
    texture = 1 + 0.3 * texture / texture.std()
    like = parent
    divides_at = int(rng.integers(20, 80))
    return Nucleus(
        parent=0,
        place=np.asarray(place, float),
        speed=rng.normal(0, 0.7, 2),
        radius=like.radius if like else rng.uniform(*radii),
        stretch=rng.uniform(1.0, 1.7),
        angle=rng.uniform(0, np.pi),
        brightness=like.brightness if like else float(np.exp(rng.normal(0, 0.4))),
        divides_at=divides_at,
        texture=np.clip(texture, 0.3, None),
        wobble=rng.normal(0, 0.03, (3, 2)),
        age=0 if like else int(rng.integers(8, divides_at)),
        size=0.72 if like else 1.0,
    )


def step(
    nuclei: list[Nucleus],
    history: list[Nucleus],
    size: tuple[int, int],
    rng: np.random.Generator,
    motion: Motion = STEADY,
    radii: tuple[float, float] = RADII,
) -> list[Nucleus]:
    alive = []
    for nucleus in nuclei:
        nucleus.age += 1
        nucleus.speed = 0.85 * nucleus.speed + rng.normal(0, 0.45, 2)
        nucleus.place = nucleus.place + nucleus.speed
        if motion.jumps and rng.random() < motion.jumps:
            way = rng.uniform(0, 2 * np.pi)
            length = nucleus.radius * nucleus.size * rng.uniform(*motion.jump)
            nucleus.place = nucleus.place + length * np.array([np.sin(way), np.cos(way)])
        nucleus.angle += rng.normal(0, 0.06)
        nucleus.wobble = 0.95 * nucleus.wobble + rng.normal(0, 0.009, (3, 2))
        nucleus.size += (1 - nucleus.size) * 0.12
        reach = nucleus.radius * 2
        if np.any(nucleus.place < -reach) or np.any(nucleus.place > np.array(size) + reach):
            continue
        if nucleus.age >= nucleus.divides_at + _MITOSIS:
            alive += _divide(nucleus, history, rng, motion)
        else:
            alive.append(nucleus)
    if rng.random() < 0.08:  # somebody comes in from outside
        side = rng.integers(0, 4)
        along = rng.uniform(0, size[1 - side % 2])
        across = -8.0 if side < 2 else size[side % 2] + 8.0
        place = np.array([across, along] if side % 2 == 0 else [along, across])
        newcomer = make(rng, place, radii=radii)
        newcomer.speed = (np.array(size) / 2 - place) / np.linalg.norm(size) * 5
        history.append(newcomer)
        alive.append(newcomer)
    for _ in range(3):
        push(alive)
    return alive


def _divide(
    mother: Nucleus, history: list[Nucleus], rng: np.random.Generator, motion: Motion
) -> list[Nucleus]:
    along = np.array([np.sin(mother.angle), np.cos(mother.angle)])
    daughters = []
    for side in (-1, 1):
        least, most = motion.apart
        far = least if least == most else rng.uniform(least, most)
        apart = side * mother.radius * far * along
        daughter = make(rng, mother.place + apart, mother)
        daughter.parent = history.index(mother) + 1
        daughter.speed = side * 1.3 * along + mother.speed / 2
        daughter.angle = mother.angle + np.pi / 2
        history.append(daughter)
        daughters.append(daughter)
    return daughters


def push(nuclei: list[Nucleus]) -> None:
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
