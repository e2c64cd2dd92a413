"""The operations of BioImage.IO's specification 0.5 that measure a plane.

Axes are called `y`, `x`, `channel` and `batch`, as in the specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.errors import UserError
from imagej_dl.models.packages.operations import Operation

Axes = tuple[Literal["batch", "channel", "y", "x"], ...] | None
_NUMBERS = {"y": 0, "x": 1, "channel": 2}


class Clip(Operation):
    """Limits, given or as percentiles."""

    name: ClassVar[str] = "clip"
    min: float | None = None
    max: float | None = None
    min_percentile: float | None = Field(None, ge=0, lt=100)
    max_percentile: float | None = Field(None, gt=0, le=100)
    axes: Axes = None

    @property
    def whole(self) -> bool:
        """True where a limit is a percentile."""
        return self.min_percentile is not None or self.max_percentile is not None

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Limit the values."""
        low, high = (
            given
            if given is not None or share is None
            else np.percentile(values, share, axis=_over(self.axes), keepdims=True,
                               method="inverted_cdf")
            for given, share in ((self.min, self.min_percentile), (self.max, self.max_percentile))
        )  # fmt: skip
        return values if low is None and high is None else np.clip(values, low, high)


class Measuring(Operation):
    """Base of the operations that always measure a plane: along `axes`, together."""

    axes: Axes = None
    eps: float = Field(1e-6, gt=0, le=0.1)

    @property
    def whole(self) -> bool:
        """True: what is measured is that of the plane."""
        return True


class ScaleRange(Measuring):
    """Percentiles to 0 and 1."""

    name: ClassVar[str] = "scale_range"
    min_percentile: float = Field(0.0, ge=0, lt=100)
    max_percentile: float = Field(100.0, gt=0, le=100)
    reference_tensor: str | None = None

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Stretch the values."""
        of = _reference(self.reference_tensor, values, references)
        ends = (self.min_percentile, self.max_percentile)
        low, high = np.percentile(of, ends, axis=_over(self.axes), keepdims=True)
        return (values - low) / (high - low + self.eps)


class ZeroMeanUnitVariance(Measuring):
    """Mean 0, standard deviation 1."""

    name: ClassVar[str] = "zero_mean_unit_variance"

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Standardise the values."""
        mean, spread = _moments(values, self.axes)
        return (values - mean) / (spread + self.eps)


class ScaleMeanVariance(Measuring):
    """Mean and standard deviation of another plane."""

    name: ClassVar[str] = "scale_mean_variance"
    reference_tensor: str

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Give the values the reference's mean and standard deviation."""
        mean, spread = _moments(values, self.axes)
        to_mean, to_spread = _moments(
            _reference(self.reference_tensor, values, references), self.axes
        )
        return (values - mean) / (spread + self.eps) * (to_spread + self.eps) + to_mean


def _over(axes: Axes) -> tuple[int, ...]:
    """Return the axes of a plane that are measured together: all, where none are named."""
    return (0, 1, 2) if axes is None else tuple(_NUMBERS[a] for a in axes if a != "batch")


def _moments(values: NDArray, axes: Axes) -> tuple[Any, Any]:
    over = _over(axes)
    exact = values.astype(np.float64, copy=False)
    return exact.mean(axis=over, keepdims=True), exact.std(axis=over, keepdims=True)


def _reference(name: str | None, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
    if name is None:
        return values
    if name not in references:
        raise UserError(f"refers to a tensor {name}, which it has not")
    return references[name]
