"""Intensities of planes: measured once, and then of any part of them mapped the same."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images import Far, Levels, array_storage
from imagej_dl.models import ModelBundle
from imagej_dl.prediction.frames import rows_of
from imagej_dl.prediction.pixels import Pixels, Where


def measured(bundle: ModelBundle, pixels: Pixels, t: int, z: int) -> dict[str, Any]:
    """Measure a plane, or where the model normalises by videos all frames of its slice.

    Returns
    -------
    what :class:`Part` needs, for JSON; `far` says in which ways it is beyond what the training saw.

    Raises
    ------
    UserError : for pixels that are NaN or infinite.
    """
    rule, seen = bundle.config.normalisation, bundle.config.seen
    far: list[Far] = []
    large = pixels.shape[0] * pixels.shape[1] > array_storage.LARGE
    found: dict[str, Any] = {}
    if rule.method != "range":
        if rule.scope == "video":
            frames = range(pixels.frames)
            parts = (part for frame in frames for part in _parts(pixels, frame, z, large))
            found = _levels(rule.levels(parts, seen, far))
        elif large or rule.method != "percentile":
            found = _levels(rule.levels_together(_parts(pixels, t, z, large), seen, far))
        else:
            ends = rule.ends(pixels.part(t, z), seen, far)
            if isinstance(ends, Levels):
                found = _levels(ends)
            else:
                low, high = map(np.asarray, ends)
                found = {"ends": [low.tolist(), high.tolist()], "type": low.dtype.str}
    return {**found, "far": [asdict(one) for one in far]}


def whole_video(bundle: ModelBundle) -> bool:
    """Return whether all frames are measured together."""
    rule = bundle.config.normalisation
    return rule.scope == "video" and rule.method != "range"


class Part:
    """A plane (Y, X, C), ready for the network, of which parts are read and mapped.

    far : takes pixels that are absurd, each with its place in the plane.
    """

    def __init__(
        self, bundle: ModelBundle, pixels: Pixels, t: int, z: int, found: dict[str, Any]
    ) -> None:
        self.bundle, self.pixels, self.at, self.found = bundle, pixels, (t, z), found
        self.shape = (*pixels.shape, bundle.config.channels)
        self.far: list[dict[str, Any]] = []
        self.used: Levels | None = None

    def __getitem__(self, where: Where) -> NDArray[np.float32]:
        part = self.pixels.part(*self.at, where)
        self.pixels.forget()
        far: list[Far] = []
        if "ends" in self.found:
            kind = np.dtype(self.found["type"])
            low, high = (np.asarray(end, kind)[()] for end in self.found["ends"])
            rule = self.bundle.config.normalisation
            ready = rule.stretched(part, low, high, self.bundle.config.seen, far)
            ready = ready[..., None] if ready.ndim == 2 else ready
            self.used = Levels.between(low, high)
        else:
            levels = _of_levels(self.found)
            ready, self.used = self.bundle.prepared(part, levels, far)
        for one in far:
            at = [(span.start or 0) + place for span, place in zip(where, one.at, strict=True)]
            self.far.append({**asdict(one), "at": at})
        return ready


def _parts(pixels: Pixels, t: int, z: int, large: bool) -> Any:
    return rows_of(pixels, t, z) if large else iter([pixels.part(t, z)])


def _levels(levels: Levels | None) -> dict[str, Any]:
    if levels is None:
        return {}
    return {
        "values": [one.tolist() for one in levels.values],
        "become": [one.tolist() for one in levels.become],
        "tops": None if levels.tops is None else list(levels.tops),
    }


def _of_levels(found: dict[str, Any]) -> Levels | None:
    if "values" not in found:
        return None
    values, become = (tuple(map(np.array, found[key])) for key in ("values", "become"))
    return Levels(values, become, None if found["tops"] is None else tuple(found["tops"]))
