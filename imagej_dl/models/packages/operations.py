"""The operations of BioImage.IO's specification 0.5 that look at each pixel of a plane alone.

Each is a pydantic model of the operation's arguments. Planes are (Y, X, C).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from imagej_dl.errors import UserError

Number = float | tuple[float, ...]


class Operation(BaseModel):
    """Base of the operations."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str] = ""

    @property
    def whole(self) -> bool:
        """True if it looks at all pixels of a plane, not at each alone."""
        return False

    @abstractmethod
    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Return the plane after the operation; `references` are the input planes by their ids."""


class EnsureDtype(Operation):
    """Another pixel type."""

    name: ClassVar[str] = "ensure_dtype"
    dtype: Literal[
        "float32", "float64", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64",
        "int64", "bool",
    ]  # fmt: skip

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Convert the values."""
        return values.astype(self.dtype)


class ScaleLinear(Operation):
    """gain · values + offset."""

    name: ClassVar[str] = "scale_linear"
    gain: Number = 1.0
    offset: Number = 0.0
    axis: Literal["channel"] | None = None

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Scale the values."""
        return values * _along(self.gain, values) + _along(self.offset, values)


class Binarize(Operation):
    """1 above a threshold, else 0."""

    name: ClassVar[str] = "binarize"
    threshold: Number
    axis: Literal["channel"] | None = None

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Compare the values with the threshold."""
        return values > _along(self.threshold, values)


class Sigmoid(Operation):
    """The logistic function."""

    name: ClassVar[str] = "sigmoid"

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Return 1 / (1 + exp(-values))."""
        from scipy.special import expit

        return expit(values)


class Softmax(Operation):
    """Softmax over the channels."""

    name: ClassVar[str] = "softmax"
    axis: Literal["channel"] = "channel"

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Return values that add up to 1 over the channels."""
        from scipy.special import softmax

        return softmax(values, axis=2)


class FixedZeroMeanUnitVariance(Operation):
    """Mean and standard deviation of the training data to 0 and 1."""

    name: ClassVar[str] = "fixed_zero_mean_unit_variance"
    mean: Number
    std: Number
    axis: Literal["channel"] | None = None

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Standardise the values; the specification adds 1e-6 to the standard deviation."""
        return (values - _along(self.mean, values)) / (_along(self.std, values) + 1e-6)


def applied(
    operations: Sequence[Operation],
    plane: NDArray,
    references: Mapping[str, NDArray] | None = None,
) -> NDArray:
    """Apply operations to a plane (Y, X, C), one after the other."""
    for one in operations:
        plane = one.apply(plane, references or {})
    return plane


def _along(value: Number, plane: NDArray) -> Any:
    """Return a number, or one a channel, as it goes with a plane."""
    if not isinstance(value, tuple):
        return value
    if len(value) not in (1, plane.shape[-1]):
        raise UserError(
            f"declares {len(value)} values for the {plane.shape[-1]} channels of a tensor"
        )
    return np.asarray(value, np.float64)
