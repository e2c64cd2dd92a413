"""Background without objects, by formula: training shows it so that nothing is found in it.

Training images show objects; a plane without any is stretched until its unevenness has contrast
(see `imagej_dl.images.intensities.training_intensities`), and a network that never saw such a
plane finds objects in it. Numbers alone do not tell such a plane from one full of cells: both have
no pixels far above their lower quartile. The shape does: blotches have no outline.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 8
"""Side in px of the blocks that a JPEG leaves."""


def background(side: int, planes: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a normalised image of uneven background, with noise.

    The unevenness is a smooth random field: round or elongated blotches, from the scale of pixels
    to that of uneven light, some of them skewed as glow is, some in blocks. Its contrast may be
    the larger the smoother it is, so that nothing looks like an object with a blurred outline.

    Parameters
    ----------
    side : of the image in px.
    planes : channels of all frames; they share the field, each has its own noise.

    Returns
    -------
    float32 (side, side, planes), with the 1st percentile of the field at 0.
    """
    wide = side / 6
    sigma = float(np.exp(rng.uniform(0, np.log(3 * wide))))
    longer = 1.0 if rng.random() < 0.7 else 4.0
    field = _field(side, (sigma, sigma * longer), rng)
    if rng.random() < 0.5:
        field = field.T
    if rng.random() < 0.5:
        field = np.exp(rng.uniform(0.3, 1.5) * field)
    if rng.random() < 0.2:
        field = _in_blocks(field)
    most = 0.06 + 0.24 * min(1.0, sigma / wide) ** 2
    contrast = np.exp(rng.uniform(np.log(0.01), np.log(most)))
    field = (field - np.percentile(field, 1)) * (contrast / max(float(field.std()), 1e-6))
    noise = np.exp(rng.uniform(np.log(0.003), np.log(0.06)))
    grains = rng.standard_normal((side, side, planes), dtype=np.float32)
    return (field[..., None] + noise * grains).astype(np.float32)


def _field(
    side: int, sigmas: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.floating]:
    """Blur noise by sigmas along y and x, in px; the mean is 0, the standard deviation 1."""
    size = 2 * side  # of which a part is used: the whole repeats itself at its edges
    down, right = np.fft.fftfreq(size), np.fft.rfftfreq(size)
    blur = np.exp(-2 * np.pi**2 * ((sigmas[0] * down[:, None]) ** 2 + (sigmas[1] * right) ** 2))
    blurred = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * blur, s=(size, size))
    part = blurred[:side, :side]
    return (part - part.mean()) / max(float(part.std()), 1e-12)


def _in_blocks(field: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give the pixels of each block the value of one of them."""
    return np.kron(field[::_BLOCK, ::_BLOCK], np.ones((_BLOCK, _BLOCK)))[
        : field.shape[0], : field.shape[1]
    ]
