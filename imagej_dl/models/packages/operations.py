"""The pre- and post-processing operations of BioImage.IO's specification 0.5, on planes.

Each is a pydantic model of the operation's arguments. Planes are (Y, X, C); axes are called `y`,
`x`, `channel` and `batch`, as in the specification.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.validation import in_words

Axes = tuple[Literal["batch", "channel", "y", "x"], ...] | None
_NUMBERS = {"y": 0, "x": 1, "channel": 2}
Number = float | tuple[float, ...]


class Operation(BaseModel):
    """Base of the operations; `whole` ones look at all pixels of a plane, others at each alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str] = ""
    whole: ClassVar[bool] = False

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


class Clip(Operation):
    """Limits, given or as percentiles."""

    name: ClassVar[str] = "clip"
    min: float | None = None
    max: float | None = None
    min_percentile: float | None = Field(None, ge=0, lt=100)
    max_percentile: float | None = Field(None, gt=0, le=100)
    axes: Axes = None

    @property
    def _measures(self) -> bool:
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


class ScaleRange(Operation):
    """Percentiles to 0 and 1."""

    name: ClassVar[str] = "scale_range"
    whole: ClassVar[bool] = True
    axes: Axes = None
    min_percentile: float = Field(0.0, ge=0, lt=100)
    max_percentile: float = Field(100.0, gt=0, le=100)
    eps: float = Field(1e-6, gt=0, le=0.1)
    reference_tensor: str | None = None

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Stretch the values."""
        of = _reference(self.reference_tensor, values, references)
        ends = (self.min_percentile, self.max_percentile)
        low, high = np.percentile(of, ends, axis=_over(self.axes), keepdims=True)
        return (values - low) / (high - low + self.eps)


class ZeroMeanUnitVariance(Operation):
    """Mean 0, standard deviation 1."""

    name: ClassVar[str] = "zero_mean_unit_variance"
    whole: ClassVar[bool] = True
    axes: Axes = None
    eps: float = Field(1e-6, gt=0, le=0.1)

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Standardise the values."""
        mean, spread = _moments(values, self.axes)
        return (values - mean) / (spread + self.eps)


class FixedZeroMeanUnitVariance(Operation):
    """Mean and standard deviation of the training data to 0 and 1."""

    name: ClassVar[str] = "fixed_zero_mean_unit_variance"
    mean: Number
    std: Number
    axis: Literal["channel"] | None = None

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Standardise the values; the specification adds 1e-6 to the standard deviation."""
        return (values - _along(self.mean, values)) / (_along(self.std, values) + 1e-6)


class ScaleMeanVariance(Operation):
    """Mean and standard deviation of another plane."""

    name: ClassVar[str] = "scale_mean_variance"
    whole: ClassVar[bool] = True
    reference_tensor: str
    axes: Axes = None
    eps: float = Field(1e-6, gt=0, le=0.1)

    def apply(self, values: NDArray, references: Mapping[str, NDArray]) -> NDArray:
        """Give the values the reference's mean and standard deviation."""
        mean, spread = _moments(values, self.axes)
        to_mean, to_spread = _moments(
            _reference(self.reference_tensor, values, references), self.axes
        )
        return (values - mean) / (spread + self.eps) * (to_spread + self.eps) + to_mean


OPERATIONS: dict[str, type[Operation]] = {
    one.name: one
    for one in (
        EnsureDtype, ScaleLinear, Binarize, Sigmoid, Softmax, Clip, ScaleRange,
        ZeroMeanUnitVariance, FixedZeroMeanUnitVariance, ScaleMeanVariance,
    )
}  # fmt: skip
"""The operations by their ids."""


def operation(identifier: str, arguments: Mapping[str, Any]) -> Operation:
    """Return an operation of a description.

    Raises
    ------
    UserError : for one that is not known, such as Python code of the package, and wrong arguments.
    """
    declared = OPERATIONS.get(identifier)
    if declared is None:
        known = ", ".join(OPERATIONS)
        raise UserError(
            f"asks for the processing {identifier}, which imagej-dl does not run",
            remedy=f"Use a package with these alone: {known}.",
        )
    try:
        return declared.model_validate(dict(arguments))
    except ValidationError as error:
        words = in_words(error, declared.model_fields)
        raise UserError(f"declares {identifier} with wrong arguments ({words})") from error


def is_whole(one: Operation) -> bool:
    """Return whether an operation looks at all pixels of a plane."""
    return one.whole or (isinstance(one, Clip) and one._measures)


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
