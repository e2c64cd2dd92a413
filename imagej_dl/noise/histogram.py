"""Noise as a histogram of observed intensities for each signal (Krull 2020)."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from imagej_dl.errors import UserError
from imagej_dl.noise.base import NoiseModelBase
from imagej_dl.noise.pairs import Pairs
from imagej_dl.serialisation import omitting

_BINS = 128
_A_ROW = 500
"""Pairs that a signal's histogram should have."""
_FEWEST = 8
_UNSEEN, _WIDE = 1e-4, 3.0
"""Share of a normal distribution that is added, and how much wider than all noise it is."""
_TINY = 1e-30


class Histogram(NoiseModelBase):
    """Probabilistic N2V's noise model (Krull 2020, arXiv 1906.00651).

    Row i is the histogram of what was observed at signals around low + (i + ½)·(high − low) / rows;
    between the rows' middles the density is interpolated. It makes no assumption about the noise,
    and needs many pixels at each signal.

    A ten-thousandth of a wide normal distribution is added, so that what was never observed is not
    impossible, and the less likely the farther it is from the signal. Beyond `low` and `high` the
    histogram at the end moves along with the signal: with `glides` by any distance, without (models
    of version 0.1.0) from bin to bin, so that all signals within a bin of the end are alike.
    """

    words: ClassVar[str] = "histogram"

    kind: Literal["histogram"] = "histogram"
    begin: float = Field(allow_inf_nan=False, description="Where the first bin begins.")
    width: float = Field(gt=0, allow_inf_nan=False, description="Width of a bin, in intensities.")
    counts: tuple[str, ...] = Field(
        description="Pixels in each bin, a row for each signal, apart by blanks."
    )
    glides: bool = Field(
        default=False,
        description="Beyond its ends the histogram moves along with the signal by parts of a bin.",
    )

    _later = omitting("glides")

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """Densities (signals, bins), each row with the integral 1 less what is added to it."""
        table = np.array([[float(word) for word in row.split()] for row in self.counts])
        table /= table.sum(axis=1, keepdims=True)
        return (1 - _UNSEEN) * table / self.width

    @model_validator(mode="after")
    def _whole(self) -> Histogram:
        rows = [row.split() for row in self.counts]
        sizes = {len(row) for row in rows}
        if not 2 <= len(rows) <= 10_000 or len(sizes) != 1 or not 2 <= min(sizes) <= 100_000:
            raise ValueError("counts: are no table of at least two signals and two bins")
        if not all(word.isdecimal() and len(word) < 16 for row in rows for word in row):
            raise ValueError("counts: are whole numbers")
        if not all(any(int(word) for word in row) for row in rows):
            raise ValueError("counts: has a row without pixels")
        return self

    def log_density(self, observed: Any, signal: Any, ops: Any = np) -> Any:
        """Return log p(observed | signal); see :meth:`NoiseModelBase.log_density`."""
        rows, bins = self.table.shape
        within = ops.clip(signal, self.low, self.high)
        at = ops.clip((within - self.low) * rows / (self.high - self.low) - 0.5, 0.0, rows - 1.0)
        first = ops.clip(ops.floor(at), 0.0, rows - 2.0)
        share = at - first
        cast = _cast if ops is np else ops.cast
        wide = bins + 2
        table = self._framed if ops is np else ops.convert_to_tensor(self._framed, "float32")

        def at_column(place: Any) -> Any:
            # One column before and after the bins stands for all intensities beyond them.
            column = ops.clip(place, -1.0, float(bins)) + 1.0
            index = cast(first, "int32") * wide + cast(column, "int32")
            near, far = ops.take(table, index), ops.take(table, index + wide)
            return near * (1 - share) + far * share

        beyond = signal - within
        if self.glides:
            moved = ops.floor((observed - self.begin) / self.width) - beyond / self.width
            column = ops.floor(moved)
            part = moved - column
            density = at_column(column) * (1 - part) + at_column(column + 1.0) * part
        else:
            density = at_column(ops.floor((observed - beyond - self.begin) / self.width))
        seen = ops.log(density + _TINY)
        unseen = -0.5 * ops.square((observed - signal) / self._sigma)
        return ops.logaddexp(
            seen, unseen + math.log(_UNSEEN / self._sigma / math.sqrt(2 * math.pi))
        )

    @cached_property
    def _framed(self) -> NDArray[np.float64]:
        return np.pad(self.table, ((0, 0), (1, 1))).reshape(-1)

    @cached_property
    def _sigma(self) -> float:
        return _WIDE * math.sqrt(self.variance(np.linspace(self.low, self.high, 64)).max())

    def variance(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance at signals, a bin's own width left aside."""
        middles = self.begin + (np.arange(self.table.shape[1]) + 0.5) * self.width
        shares = self.table * self.width / (1 - _UNSEEN)
        mean = shares @ middles
        each = np.maximum(shares @ np.square(middles) - np.square(mean), 0)
        step = (self.high - self.low) / len(shares)
        known = self.low + (np.arange(len(shares)) + 0.5) * step
        return np.interp(signal, known, each)


def _cast(values: Any, dtype: str) -> Any:
    return np.asarray(values).astype(dtype)


def fit(pairs: Pairs, bins: int | None = None) -> Histogram:
    """Count pairs of observed intensity and signal.

    Parameters
    ----------
    bins : of the signal, and at most of the observed intensities; by default as many as leave
        each signal some hundred pixels, at most 128.

    Raises
    ------
    UserError : when there are too few pixels for a histogram.
    """
    low, high = pairs.ends
    inside = pairs.within(low, high)
    observed, signal = pairs.observed[inside], pairs.signal[inside]
    rows = bins or min(_BINS, len(signal) // _A_ROW)
    if rows < _FEWEST:
        raise UserError(
            f"has {len(signal):,} pixels, too few for a histogram of the noise: "
            f"{_A_ROW * _FEWEST:,} are needed",
            remedy="Use a Gaussian mixture, which needs fewer, or a larger image.",
        )
    begin, width, columns = _bins(observed, bins or _BINS, pairs)
    row = np.clip(((signal - low) / (high - low) * rows).astype(int), 0, rows - 1)
    column = np.clip(((observed - begin) / width).astype(int), 0, columns - 1)
    counts = np.bincount(row * columns + column, minlength=rows * columns).reshape(rows, columns)
    counts = _filled(counts)
    return Histogram(
        low=low,
        high=high,
        origin=pairs.origin,
        begin=begin,
        width=width,
        counts=tuple(" ".join(map(str, one)) for one in counts.tolist()),
        glides=True,
    )


def _bins(observed: NDArray, most: int, pairs: Pairs) -> tuple[float, float, int]:
    """Return where bins begin, how wide they are, and how many there are."""
    first, last = float(observed.min()), float(observed.max())
    width = (last - first) / most
    if step := pairs.step:  # bins of as many steps each, with the steps in their middle
        width = step * max(1, math.ceil(width / step))
        first = pairs.start + step * (math.floor((first - pairs.start) / step) - 0.5)
    return first, width, max(2, math.floor((last - first) / width) + 1)


def _filled(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give a signal at which too few pixels were seen what was seen at its neighbours, too."""
    enough = min(_A_ROW // 5, int(counts.sum(axis=1).max()))
    filled = counts.copy()
    for row in np.flatnonzero(counts.sum(axis=1) < enough):
        reach = 0
        while filled[row].sum() < enough:
            reach += 1
            filled[row] = counts[max(row - reach, 0) : row + reach + 1].sum(axis=0)
    return filled
