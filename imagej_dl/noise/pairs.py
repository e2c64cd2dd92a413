"""Pairs of an observed intensity and the signal behind it, which noise models are fitted to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from imagej_dl.errors import UserError, warn
from imagej_dl.images.checks import non_finite

_FEWEST = 2000
"""Pairs: a variance estimated from n of them is uncertain by √(2/n), here 3 %."""
_MOST = 2**24
_CHANGES = 0.05
"""Share of the variance that slow changes of the scene may have."""
_CLIPPED = 0.01
_ENDS = (0.5, 99.5)
"""Percentiles of the signal."""
_STEPS = 64
_BETWEEN_STEPS = 1e-3


class Origin(BaseModel):
    """The pixels that a noise model was measured on.

    signal : "frames", the mean over the frames of a static scene; "denoised", an image that a
        model made of the noisy one.
    pairs : how many pixels were looked at.
    saturation : intensity at which the detector ends; None where no pixel reached it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    signal: Literal["frames", "denoised"]
    pairs: int = Field(ge=1)
    saturation: float | None = Field(default=None, allow_inf_nan=False)


@dataclass(frozen=True)
class Pairs:
    """Observed intensities and the signal of each, float64 (N,), and where they come from.

    discrete : whether intensities are whole numbers.
    start, step : the intensities are `start` and whole multiples of `step` away from it, as where a
        detector counts photons and gives some grey levels for each; `step` is 0 if they are no
        whole numbers.
    """

    observed: NDArray[np.float64]
    signal: NDArray[np.float64]
    origin: Origin
    discrete: bool
    start: float = 0.0
    step: float = 0.0

    @property
    def ends(self) -> tuple[float, float]:
        """The signals that a noise model reaches from and to: single hot pixels are none."""
        low, high = np.percentile(self.signal, _ENDS)
        return float(low), float(high)

    def without_steps(self) -> Pairs:
        """Return pairs whose intensities are anywhere within half a step: they have a density."""
        if not self.step:
            return self
        moved = np.random.default_rng(0).random(self.observed.shape) - 0.5
        return replace(self, observed=self.observed + self.step * moved, step=0.0)

    def within(self, low: float, high: float) -> NDArray[np.bool_]:
        """Return which signals lie between two."""
        return (self.signal >= low) & (self.signal <= high)


def of_frames(stack: xr.DataArray) -> Pairs:
    """Pair the pixels of a calibration stack with their mean over the frames.

    Parameters
    ----------
    stack : frames (T, Y, X) of a scene that does not change, best with all intensities that will
        be denoised: a blurred or defocused picture, or fixed cells.

    Raises
    ------
    UserError : for fewer than two frames, other axes, too few pixels, pixels that are NaN, or
        images without noise or contrast.

    Warns
    -----
    DataWarning : when pixels are saturated, which are left out; when the scene changes.
    """
    title = stack.attrs.get("title") or None
    if stack.sizes.get("T", 1) < 2 or set(stack.dims) != {"T", "Y", "X"}:
        raise UserError(
            f"is no calibration stack: it has the axes {_axes(stack)}, not frames, Y and X",
            path=title,
            remedy="Record the same unchanging scene in at least two frames, better a hundred; "
            "in ImageJ, Image > Properties... turns slices into frames.",
        )
    frames = stack.transpose("T", "Y", "X").data
    _check(stack, title)
    values = _some(frames.reshape(len(frames), -1))
    number = len(values)
    mean = values.mean(axis=0)
    residual = values - mean
    _warn_of_changes(residual, title)
    # The mean has a share of each frame's own noise, so that residuals are too small.
    observed = mean + residual * np.sqrt(number / (number - 1))
    signal = np.broadcast_to(mean, observed.shape)
    return _pairs(values, observed, signal, "frames", frames.dtype, title)


def of_denoised(noisy: xr.DataArray, denoised: xr.DataArray) -> Pairs:
    """Pair the pixels of a noisy image with those of the same image denoised (a bootstrap).

    What the denoised image has lost of the signal counts as noise, so that such a model is wider
    than one from a calibration stack.

    Parameters
    ----------
    noisy, denoised : of the same axes, without C; `denoised` in the intensities of `noisy`, as
        `predict` writes it with a Noise2Void model.

    Raises
    ------
    UserError : as :func:`of_frames`; when the sizes are not the same, or the intensities have
        nothing to do with each other.

    Warns
    -----
    DataWarning : when pixels are saturated, which are left out.
    """
    title = noisy.attrs.get("title") or None
    other = denoised.attrs.get("title") or "the denoised image"
    if dict(noisy.sizes) != dict(denoised.sizes):
        raise UserError(
            f"has the axes {_axes(noisy)}, {other} has {_axes(denoised)}",
            path=title,
            remedy="Give the noisy image and what a model made of this very image.",
        )
    if "C" in noisy.dims:
        raise UserError("has several channels", path=title, remedy="Choose one with --channel.")
    _check(noisy, title)
    _check(denoised, denoised.attrs.get("title") or None)
    both = np.stack([noisy.data.reshape(-1), denoised.data.reshape(-1)])
    values, signal = _some(both)
    if values.std() > 0 and abs(signal.mean() - values.mean()) > values.std():
        raise UserError(
            f"has a mean of {values.mean():.4g}, {other} one of {signal.mean():.4g}: they are not "
            "the same image in the same intensities",
            path=title,
            remedy="Denoise it with imagej-dl predict, which gives the intensities of the input.",
        )
    return _pairs(values, values, signal, "denoised", noisy.dtype, title)


def _pairs(
    values: NDArray,
    observed: NDArray,
    signal: NDArray,
    kind: Literal["frames", "denoised"],
    dtype: np.dtype,
    title: str | None,
) -> Pairs:
    """Leave out what is saturated, and make the pairs."""
    flat, signals = observed.reshape(-1), signal.reshape(-1)
    _refuse_plain(flat, signals, title)
    top = saturation(values, dtype)
    kept = np.ones(flat.size, bool)
    if top is not None:
        clipped = values.reshape(-1) >= top
        kept = signals < _end(signals, clipped)
        warn(
            f"{clipped.mean():.2%} of the pixels are saturated (at {top:.6g}); what is nearly as "
            "bright is left out of the noise model too",
            path=title,
        )
    if kept.sum() < _FEWEST:
        raise UserError(
            f"has {int(kept.sum()):,} pixels to measure the noise from; {_FEWEST:,} are needed"
            + ("; the others are saturated" if top is not None else ""),
            path=title,
            remedy="Use a larger image or more frames, not saturated.",
        )
    flat, signals = flat[kept], signals[kept]
    _refuse_plain(flat, signals, title)
    origin = Origin(signal=kind, pairs=int(flat.size), saturation=top)
    start, step = _steps(values)
    return Pairs(flat, signals, origin, step > 0, start, step)


def _refuse_plain(observed: NDArray, signals: NDArray, title: str | None) -> None:
    """Raise UserError for pixels without noise, or all of the same signal."""
    spread = signals.std()
    if spread > 0 and (observed - signals).std() > 0:
        return
    words = "no noise" if spread > 0 else "no contrast: all of its pixels have the same signal"
    raise UserError(
        f"has {words}",
        path=title,
        remedy="Use raw frames, as the camera gives them, of a scene that is dark in some "
        "places and bright in others.",
    )


def saturation(values: NDArray, dtype: np.dtype) -> float | None:
    """Return the intensity at which pixels end, None where they do not.

    Noise does not stop at a value: where more pixels have the largest one than are in the 16th
    part of the range below it, the detector or the file's type ends there.
    """
    top = values.max()
    width = max((top - np.median(values)) / 16, 1.0 if np.issubdtype(dtype, np.integer) else 0.0)
    at = int(np.count_nonzero(values == top))
    below = int(np.count_nonzero((values < top) & (values >= top - width)))
    return float(top) if at > max(10, below) else None


def _steps(values: NDArray) -> tuple[float, float]:
    """Return an intensity, and the step between all; 0 where they are no whole numbers.

    A thousandth of the pixels may lie between the steps: those with the rarest intensities.
    """
    found, counts = np.unique(values, return_counts=True)
    if np.any(found != np.round(found)):
        return 0.0, 0.0
    order = np.argsort(counts)[::-1]
    before = np.cumsum(counts[order]) - counts[order]
    usual = np.sort(found[order[before < (1 - _BETWEEN_STEPS) * values.size]])
    usual = usual if usual.size > 1 else found
    return float(usual[0]), float(np.gcd.reduce(np.diff(usual).astype(np.int64)))


def _end(signals: NDArray, clipped: NDArray) -> float:
    """Return the signal from which on more than one in a hundred pixels is clipped."""
    edges = np.linspace(signals.min(), signals.max(), _STEPS + 1)
    at = np.clip(np.digitize(signals, edges) - 1, 0, _STEPS - 1)
    share = np.bincount(at, clipped, _STEPS) / np.maximum(np.bincount(at, minlength=_STEPS), 1)
    over = np.flatnonzero(share > _CLIPPED)
    return float(edges[over[0]]) if over.size else np.inf


def _some(values: NDArray) -> NDArray[np.float64]:
    """Return (frames, pixels) as float64; of many pixels those at some places, drawn once."""
    most = max(_MOST // len(values), 1)
    if values.shape[1] > most:
        places = np.random.default_rng(0).choice(values.shape[1], most, replace=False)
        values = values[:, np.sort(places)]
    return values.astype(np.float64)


def _warn_of_changes(residual: NDArray, title: str | None) -> None:
    """Warn if the scene moves, bleaches or flickers: then residuals resemble those before them."""
    number = len(residual)
    power = np.square(residual).sum()
    if number < 4 or not power > 0:
        return
    # Of independent noise, what subtracting the mean leaves is correlated by -1/n.
    found = (residual[1:] * residual[:-1]).sum() / power + (number - 1) / number**2
    if found > _CHANGES:
        warn(
            f"the frames change: {found:.0%} of what is taken for noise is shared by frames that "
            "follow each other, by motion, bleaching or flicker, and the noise comes out too large",
            path=title,
            remedy="Record a scene that does not change, or use the frames at the end, where it "
            "has bleached.",
        )


def _check(image: xr.DataArray, title: str | None) -> None:
    stack = [axis for axis in image.dims if axis not in ("Y", "X", "C")]
    for index in np.ndindex(*(image.sizes[axis] for axis in stack)):
        place = dict(zip(map(str, stack), index, strict=True))
        non_finite.check(image.isel(place).data, title, place)


def _axes(image: xr.DataArray) -> str:
    return ", ".join(f"{axis} {size}" for axis, size in image.sizes.items())
