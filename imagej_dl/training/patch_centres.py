"""The centres of patches, drawn at random: near objects, and wherever the ground truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.labels.bounding_boxes import boxes, middle


class Centres:
    """Draws the centres of an example's patches, (y, x) in px.

    Parameters
    ----------
    labels : label map (Y, X).
    known : where it says what is there, bool (Y, X); None everywhere.
    has_objects : whether labels are objects, which patches are drawn near to.
    foreground : share of the patches that are centred near an object.
    spread : px along each axis that such a centre is at most away from an object's middle.
    pdf : instead, how much likelier a pixel of an object is than one of background.
    """

    def __init__(
        self,
        labels: NDArray,
        known: NDArray[np.bool_] | None,
        *,
        has_objects: bool,
        foreground: float,
        spread: float,
        pdf: float | None,
    ) -> None:
        self._labels, self._foreground, self._spread, self._pdf = labels, foreground, spread, pdf
        told = labels if known is None else np.where(known, labels, 0)
        self._middles = _middles(told) if has_objects else np.zeros((0, 2))
        self._inside = None if pdf is None else np.flatnonzero(told)
        # Pixels beside those near, or with a `pdf` in, objects.
        others = known if known is None or pdf is None else known & (told == 0)
        self._others = None if others is None else _Pixels(others)

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the centre of a patch."""
        if self._inside is not None and self._pdf is not None:
            return self._by_pdf(self._inside, self._pdf, rng)
        others = self._others
        centre = rng.uniform(0, self._labels.shape) if others is None else others.draw(rng)
        if len(self._middles) and rng.random() < self._foreground:
            middle = self._middles[rng.integers(len(self._middles))]
            centre = middle + rng.uniform(-self._spread, self._spread, 2)
        return centre

    def _by_pdf(
        self, inside: NDArray[np.intp], pdf: float, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        others = self._others
        outside = self._labels.size - len(inside) if others is None else others.count
        if rng.random() * (pdf * len(inside) + outside) < pdf * len(inside):
            flat = int(inside[rng.integers(len(inside))])
        elif others is not None:
            return others.draw(rng)
        else:
            # The k-th pixel that is none of an object: those of objects before it are skipped.
            k = int(rng.integers(outside))
            skipped = int(np.searchsorted(inside - np.arange(len(inside)), k, "right"))
            flat = k + skipped
        return np.array(np.unravel_index(flat, self._labels.shape), np.float64)


class _Pixels:
    """Draws pixels of a mask (Y, X), all alike, with the memory of a column."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self._mask = mask
        self._reached = np.cumsum(np.count_nonzero(mask, axis=1))
        self.count = int(self._reached[-1])

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return a pixel (y, x)."""
        y = int(self._reached.searchsorted(rng.integers(self.count), "right"))
        columns = np.flatnonzero(self._mask[y])
        return np.array((y, columns[rng.integers(len(columns))]), np.float64)


def _middles(labels: NDArray) -> NDArray[np.float64]:
    """Return the middles (y, x) of the objects' boxes, in px."""
    return np.array([middle(box) for _, box in boxes(labels)], np.float64).reshape(-1, 2)
