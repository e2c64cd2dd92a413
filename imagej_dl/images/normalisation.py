"""Intensity normalisation: one declaration, kept in the model, used at training and prediction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import ndimage as ndi

from imagej_dl.images.intensities import training_intensities
from imagej_dl.images.intensities.levels import Levels
from imagej_dl.images.intensities.running_statistics import RunningStatistics
from imagej_dl.images.intensities.training_intensities import Far, Look, Sample, Seen

_ABSURD = 1e6
"""In units of the stretch: no 16-bit pixel can be so far above the rest of its plane."""
_LET = 100.0
"""Value of such a pixel where no training limits it."""


class Normalisation(BaseModel):
    """Normalisation of intensities for the network's input.

    `percentile` maps the lower and upper percentile to 0 and 1 and so needs no knowledge of bit
    depth or exposure; `range` divides by the type's largest value (Fluffy's way, with 65535 for
    16-bit images). `median` and `mean` divide likewise, and move the median or mean to 0.5;
    `equalise` replaces an intensity by the share of pixels that are darker (histogram
    equalisation). These are the ways of microscopy-dl-suite-tf, which also clips.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["percentile", "range", "median", "mean", "equalise"] = "percentile"
    lower: float = Field(1.0, ge=0, lt=100, description="Lower percentile, in %.")
    upper: float = Field(99.8, gt=0, le=100, description="Upper percentile, in %.")
    largest: float | None = Field(
        None,
        gt=0,
        description="Divisor of `range`, whatever the pixel type of the image; Fluffy's models use "
        "65535. If left out, the largest value of the type.",
    )
    clip: bool = Field(False, description="Clip the result to 0 … 1.")
    scope: Literal["plane", "video"] = Field(
        "plane", description="Measure each plane by itself, or a video as a whole."
    )
    illumination: float = Field(
        0.0,
        ge=0,
        le=10_000,
        description="Sigma in px of a Gaussian blur that is subtracted first to correct uneven "
        "illumination; the mean is kept. 0: no correction.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Normalisation:
        if self.lower >= self.upper:
            raise ValueError(
                f"the lower percentile ({self.lower:g}) is not below the upper ({self.upper:g})"
            )
        return self

    def __call__(
        self,
        plane: NDArray,
        levels: Levels | None = None,
        seen: Seen | None = None,
        far: list[Far] | None = None,
    ) -> NDArray[np.float32]:
        """Normalise one plane.

        Parameters
        ----------
        plane : array (Y, X), or (Y, X, C) whose channels are normalised each for itself.
        levels : of the video, see :meth:`levels`; without, the plane is measured by itself.
        seen : what the training saw, which bounds the stretch of a plane that is measured by
            itself (method `percentile`).
        far : takes why the plane is beyond that, and the first absurd pixel.

        Returns
        -------
        float32 array of the same shape; without `clip` nothing above the percentile is lost.
        """
        return self.with_levels(plane, levels, seen, far)[0]

    def with_levels(
        self,
        plane: NDArray,
        levels: Levels | None = None,
        seen: Seen | None = None,
        far: list[Far] | None = None,
        *,
        limits: bool = True,
    ) -> tuple[NDArray[np.float32], Levels]:
        """Normalise one plane, and return the mapping that was used, too.

        Parameters
        ----------
        plane, levels, seen, far : as for a call.
        limits : whether a plane whose stretch the training bounds is clipped at the largest
            intensity that it saw.
        """
        top = _top(plane)
        even = self._even(plane, top)
        count = plane.shape[2] if plane.ndim > 2 else 1
        if self.method == "range":
            most = self.largest or top
            ready = self._clipped((even / np.float32(most)).astype(np.float32))
            return ready, Levels.between(0.0, most, count)
        if levels is None:
            if self.method == "percentile":
                # A short cut for the usual method.
                found = self.ends(even, seen, far)
                if not isinstance(found, Levels):
                    low, high = found
                    ready = self.stretched(even, low, high, seen, far)
                    return ready, Levels.between(low, high)
                levels = found
            else:
                levels = self._measured([(even, top)])
        if not limits:
            levels = replace(levels, tops=None)
        channels = even.reshape(*even.shape[:2], -1)
        done = [
            _applied(channels[..., i], values, become)
            for i, (values, become) in enumerate(zip(levels.values, levels.become, strict=True))
        ]
        if levels.tops is not None:
            done = [
                np.minimum(one, np.float32(t)) for one, t in zip(done, levels.tops, strict=True)
            ]
        ready = self._clipped(np.stack(done, axis=-1).reshape(even.shape))
        return self._sane(ready, plane, seen, far), levels

    def ends(
        self, plane: NDArray, seen: Seen | None = None, far: list[Far] | None = None
    ) -> tuple[NDArray, NDArray] | Levels:
        """Return percentiles of a plane's channels; other levels where the training bounds them.

        See a call for `seen` and `far`.
        """
        low, high = np.percentile(plane, (self.lower, self.upper), axis=(0, 1))
        return self._bounded(plane, low, high, seen, far) or (low, high)

    def stretched(
        self,
        plane: NDArray,
        low: NDArray,
        high: NDArray,
        seen: Seen | None = None,
        far: list[Far] | None = None,
    ) -> NDArray[np.float32]:
        """Normalise a plane, or a part of one, by the percentiles of the plane."""
        return self._sane(self._clipped(_stretched(plane, low, high)), plane, seen, far)

    @property
    def whole_plane(self) -> bool:
        """True if a plane must be in memory as a whole."""
        return self.illumination > 0

    @property
    def irreversible(self) -> str:
        """Why intensities cannot be brought back, as the name and value of a setting; else ""."""
        if self.method == "equalise":
            return "method equalise"
        if self.clip:
            return "clip"
        return f"illumination {self.illumination:g}" if self.illumination else ""

    def look(self, plane: NDArray, levels: Levels | None = None) -> tuple[Look, ...] | None:
        """Measure the channels of a plane as training keeps them; None for other methods."""
        if self.method != "percentile":
            return None
        even = self._even(plane, _top(plane))
        if levels is None:
            low, high = np.percentile(even, (self.lower, self.upper), axis=(0, 1))
        else:
            low, high = (np.array([values[i] for values in levels.values]) for i in (0, 1))
        return self._looks(Sample.of(even), low, high)

    def _looks(self, slabs: Sequence[NDArray], low: NDArray, high: NDArray) -> tuple[Look, ...]:
        ends = zip(np.atleast_1d(low), np.atleast_1d(high), strict=True)
        return tuple(
            training_intensities.look(channel, float(a), float(b))
            for channel, (a, b) in zip(training_intensities.channels(slabs), ends, strict=True)
        )

    def _bounded(
        self,
        even: NDArray | Sample,
        low: NDArray,
        high: NDArray,
        seen: Seen | None,
        far: list[Far] | None,
    ) -> Levels | None:
        """Return other levels where the training limits the stretch, else None."""
        slabs = even.slabs if isinstance(even, Sample) else Sample.of(even)
        if seen is None or self.method != "percentile" or not slabs:
            return None
        looks = self._looks(slabs, low, high)
        if len(looks) != len(seen.channels):
            return None
        ends, why = zip(
            *(training_intensities.bounded(one, seen, i) for i, one in enumerate(looks)),
            strict=True,
        )
        if not any(why):
            return None
        if far is not None:
            far += [one for channel in why for one in channel]
        return Levels(
            tuple(
                np.array((one.low, end if end > one.low else one.low + 1.0))
                for one, end in zip(looks, ends, strict=True)
            ),
            (np.array((0.0, 1.0)),) * len(looks),
            # What is brighter than all that the training saw is no more than that.
            tuple(
                channel.top if reasons else np.inf
                for channel, reasons in zip(seen.channels, why, strict=True)
            ),
        )

    def _sane(
        self,
        ready: NDArray[np.float32],
        plane: NDArray,
        seen: Seen | None,
        far: list[Far] | None,
    ) -> NDArray[np.float32]:
        """Limit pixels so bright that they would make their surroundings NaN."""
        if plane.dtype.kind != "f":
            return ready
        wild = np.abs(ready) > _ABSURD
        if not wild.any():
            return ready
        at = np.unravel_index(int(np.argmax(wild)), ready.shape)
        top = max(c.top for c in seen.channels) if seen is not None else _LET
        if far is not None:
            far.append(Far("hot", float(plane[at]), top, (int(at[0]), int(at[1]))))
        return np.where(wild, np.sign(ready) * np.float32(top), ready)

    def levels(
        self,
        planes: Iterable[NDArray],
        seen: Seen | None = None,
        far: list[Far] | None = None,
    ) -> Levels | None:
        """Measure all planes of a video together; None where each is measured for itself.

        Parameters
        ----------
        planes : arrays (Y, X) or (Y, X, C), read one by one.
        seen, far : as for a call.
        """
        if self.scope == "plane" or self.method == "range":
            return None
        sample = Sample() if seen is not None else None
        found = self._measured(((self._even(p, _top(p)), _top(p)) for p in planes), sample)
        if sample is None or self.method != "percentile":
            return found
        low, high = (np.array([values[i] for values in found.values]) for i in (0, 1))
        return self._bounded(sample, low, high, seen, far) or found

    def levels_together(
        self,
        parts: Iterable[NDArray],
        seen: Seen | None = None,
        far: list[Far] | None = None,
    ) -> Levels | None:
        """Measure slices of a volume, or parts of a plane, together, whatever the scope.

        None for a method that measures nothing; see :meth:`levels`.
        """
        return self.model_copy(update={"scope": "video"}).levels(parts, seen, far)

    def _measured(
        self, planes: Iterable[tuple[NDArray, float]], sample: Sample | None = None
    ) -> Levels:
        statistics: list[RunningStatistics] = []
        most = 1.0
        for plane, top in planes:
            channels = plane.reshape(*plane.shape[:2], -1)
            statistics = statistics or [RunningStatistics() for _ in range(channels.shape[-1])]
            for index, one in enumerate(statistics):
                one.add(channels[..., index])
            if sample is not None:
                sample.add(plane)
            most = top
        pairs = [self._mapping(one, most) for one in statistics]
        return Levels(tuple(values for values, _ in pairs), tuple(become for _, become in pairs))

    def _mapping(
        self, one: RunningStatistics, top: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.method == "percentile":
            low, high = one.percentiles((self.lower, self.upper))
            return np.array((low, high if high > low else low + 1.0)), np.array((0.0, 1.0))
        if self.method == "equalise":
            return one.shares()
        middle = one.percentiles((50.0,))[0] if self.method == "median" else one.mean()
        return np.array((middle, middle + top)), np.array((0.5, 1.5))

    def _even(self, plane: NDArray, top: float) -> NDArray:
        if not self.illumination:
            return plane
        sigma = (self.illumination, self.illumination) + (0.0,) * (plane.ndim - 2)
        values = plane.astype(np.float32)
        # The kernel's half width is that of OpenCV's for this sigma (501 px for 75.5).
        light = ndi.gaussian_filter(values, sigma, mode="mirror", truncate=10 / 3)
        values += values.mean(axis=(0, 1)) - light
        return np.clip(values, 0, top) if plane.dtype.kind in "ui" else values

    def _clipped(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.clip(values, 0, 1) if self.clip else values


def _top(plane: NDArray) -> float:
    return float(np.iinfo(plane.dtype).max) if plane.dtype.kind in "ui" else 1.0


def _stretched(plane: NDArray, low: NDArray, high: NDArray) -> NDArray[np.float32]:
    # A flat plane has no spread: it becomes 0 and not the noise of a division by nothing.
    spread = np.where(high > low, high - low, 1.0)
    return ((plane - low) / spread).astype(np.float32)


def _applied(
    plane: NDArray, values: NDArray[np.float64], become: NDArray[np.float64]
) -> NDArray[np.float32]:
    if len(values) == 2:
        slope = (become[1] - become[0]) / (values[1] - values[0])
        return ((plane - values[0]) * slope + become[0]).astype(np.float32)
    return np.interp(plane, values, become).astype(np.float32)
