"""The base of noise models: the density of an observed intensity, given the signal."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from imagej_dl.noise.pairs import Origin


class NoiseModelBase(BaseModel):
    """A density p(observed | signal), both in the intensities of the images it was measured on.

    The noise of a pixel depends on its own signal alone: noise that neighbours share, as of a
    camera that smooths or of interpolated images, has no such density.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: ClassVar[str]
    """Name of the kind of model for users."""

    low: float = Field(allow_inf_nan=False, description="Smallest signal that it was measured at.")
    high: float = Field(allow_inf_nan=False, description="Largest signal that it was measured at.")
    origin: Origin = Field(description="What it was measured on.")

    @model_validator(mode="after")
    def _ordered(self) -> NoiseModelBase:
        if not self.low < self.high:
            raise ValueError(f"the signal's range, {self.low:g} to {self.high:g}, is none")
        return self

    def between(self, place: Any) -> Any:
        """Return the signal at a place of the range, −1 being `low` and 1 `high`."""
        return (self.low + self.high) / 2 + (self.high - self.low) / 2 * place

    @abstractmethod
    def log_density(self, observed: Any, signal: Any, ops: Any = np) -> Any:
        """Return log p(observed | signal), per unit of intensity, element by element.

        Parameters
        ----------
        observed, signal : arrays of shapes that broadcast. Signals outside `low` … `high` are let
            in: the density is continued there.
        ops : the library of the arrays: `numpy`, or `keras.ops` for tensors, which then has
            gradients with respect to the signal.
        """

    @abstractmethod
    def variance(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of observed intensities at signals, in intensities squared."""

    def density(self, observed: Any, signal: Any) -> NDArray[np.float64]:
        """Return p(observed | signal) per unit of intensity, of NumPy arrays."""
        observed, signal = np.asarray(observed, np.float64), np.asarray(signal, np.float64)
        return np.exp(self.log_density(observed, signal))

    def described(self) -> str:
        """Return in a few words how large the noise is at both ends of the signal."""
        ends = np.array((self.low, self.high))
        sigmas = np.sqrt(self.variance(ends))
        return (
            f"{self.words}: σ {sigmas[0]:.3g} at a signal of {ends[0]:.4g}, {sigmas[1]:.3g} at "
            f"{ends[1]:.4g}"
        )
