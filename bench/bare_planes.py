"""Twenty planes without any object, each by a formula: whatever a model finds in them is false.

They hold what planes without cells hold: noise of cameras and photons, smooth blotches, uneven
light, glow from out of focus, dust, hot pixels, traces of JPEG, stripes. Lengths are in px,
intensities in counts. Nothing has the outline and the size of a nucleus; blotches are Gaussian
random fields, and dust and specks cover fewer than 20 px each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

SIDE = 512
SEED = 9000

Image = NDArray[np.float64]
Formula = Callable[[np.random.Generator], Image]
_Y, _X = np.indices((SIDE, SIDE)) / (SIDE - 1) - 0.5


def bare() -> dict[str, NDArray]:
    """Make the planes (Y, X), by what they show: uint8 where the name says so, else uint16."""
    planes: dict[str, NDArray] = {}
    for number, (name, formula) in enumerate(FORMULAS.items()):
        kind = np.uint8 if "8 bits" in name else np.uint16
        values = formula(np.random.default_rng(SEED + number))
        planes[name] = np.clip(values.round(), 0, np.iinfo(kind).max).astype(kind)
    return planes


def _noise(rng: np.random.Generator, sigma: float) -> Image:
    return rng.normal(0, sigma, (SIDE, SIDE))


def _field(rng: np.random.Generator, sigma: float) -> Image:
    """Blur white noise; the standard deviation becomes 1."""
    field = ndi.gaussian_filter(rng.standard_normal((SIDE, SIDE)), sigma, mode="wrap")
    return field / field.std()


def _glow(y: float, x: float, sigma: float) -> Image:
    """Return a Gaussian of height 1; lengths are fractions of the side, from the middle."""
    return np.exp(-((_Y - y) ** 2 + (_X - x) ** 2) / (2 * sigma**2))


def _salt(rng: np.random.Generator) -> Image:
    wild = rng.random((SIDE, SIDE)) < 0.01
    return np.where(wild, rng.choice((0, 255), (SIDE, SIDE)), 20 + _noise(rng, 2))


def _hot(rng: np.random.Generator) -> Image:
    image = 300 + _noise(rng, 8)
    hot = rng.random((SIDE, SIDE)) < 2e-4
    image[hot] += rng.uniform(500, 20_000, hot.sum())
    return image


def _dust(rng: np.random.Generator) -> Image:
    grains = np.zeros((SIDE, SIDE))
    for _ in range(40):
        grains[tuple(rng.integers(0, SIDE, 2))] += rng.uniform(0.5, 1)
    return 300 + 200 * 2 * np.pi * ndi.gaussian_filter(grains, 1.0) + _noise(rng, 8)


def _jpeg(rng: np.random.Generator) -> Image:
    blocks = np.kron(rng.normal(0, 1.5, (SIDE // 8, SIDE // 8)), np.ones((8, 8)))
    return 15 + blocks + 2 * _field(rng, 40) + _noise(rng, 0.3)


def _speck(rng: np.random.Generator) -> Image:
    image = 300 + _noise(rng, 8)
    image[200:202, 300:302] += 4000
    return image


def _stripe(rng: np.random.Generator) -> Image:
    image = 20 + _noise(rng, 2)
    image[:, 250:254] = 255
    return image


FORMULAS: dict[str, Formula] = {
    "camera noise": lambda rng: 400 + _noise(rng, 12),
    "photons, 8 bits": lambda rng: rng.poisson(3, (SIDE, SIDE)).astype(float),
    "noise, blurred by 1.5 px": lambda rng: 300 + 20 * _field(rng, 1.5) + _noise(rng, 2),
    "salt and pepper, 8 bits": _salt,
    "blotches of 8 px": lambda rng: 400 + 40 * _field(rng, 8) + _noise(rng, 8),
    "blotches of 15 px": lambda rng: 400 + 40 * _field(rng, 15) + _noise(rng, 8),
    "blotches of 30 px": lambda rng: 400 + 40 * _field(rng, 30) + _noise(rng, 8),
    "blotches of 60 px": lambda rng: 400 + 40 * _field(rng, 60) + _noise(rng, 8),
    "blotches, skewed": lambda rng: 400 + 30 * np.exp(_field(rng, 20)) + _noise(rng, 8),
    "blotches, faint, 8 bits": lambda rng: 12 + 2 * _field(rng, 25) + _noise(rng, 0.7),
    "gradient": lambda rng: 500 + 300 * _X + _noise(rng, 10),
    "vignetting": lambda rng: 800 * (1 - 1.2 * (_Y**2 + _X**2)) + _noise(rng, 12),
    "hot pixels": _hot,
    "glow, photons": lambda rng: rng.poisson(100 + 400 * _glow(0.1, -0.15, 0.15)).astype(float),
    "two glows": lambda rng: (
        300 + 150 * _glow(-0.2, 0.2, 0.2) + 100 * _glow(0.25, -0.3, 0.12) + _noise(rng, 5)
    ),
    "dust": _dust,
    "JPEG blocks, 8 bits": _jpeg,
    "a speck of 2 x 2 px": _speck,
    "a saturated stripe, 8 bits": _stripe,
    "interference": lambda rng: 300 + 15 * np.sin(2 * np.pi * _Y * SIDE / 40) + _noise(rng, 6),
}
