"""Volumes made ready for a 3-D network: slabs of slices, which are normalised as they are read.

A slab is a plane (Y, X, n·C) whose channels are those of its slices. So it is cut into tiles,
turned and put together as any plane. Along Z slabs are cut as tiles are (:mod:`.tiles`): they
overlap by the halo, and the stack is mirrored at its ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.images import Far, Levels
from imagej_dl.models import ModelBundle
from imagej_dl.prediction import tiles
from imagej_dl.prediction.frames import Beyond, Used, rows_of
from imagej_dl.prediction.pixels import Pixels

SLICES = 32
"""Slices of a slab at most, its halo included; more where the halo needs them."""


def spans(bundles: Sequence[ModelBundle], depth: int) -> list[tiles.Span]:
    """Cut a stack of so many slices into slabs that suit all of the models."""
    found = [one.config.volume for one in bundles]
    assert all(found), "models of an ensemble are alike"
    halo = max(one.halo for one in found if one)
    multiple_of = max(one.multiple_of for one in found if one)
    return tiles.spans(depth, max(SLICES, 4 * halo), halo, multiple_of)


def need_slices(bundle: ModelBundle, depth: int, title: str | None) -> None:
    """Raise UserError for a plane, which a model of volumes is not for."""
    if depth == 1:
        raise UserError(
            "has one slice, but the model denoises volumes",
            path=title,
            remedy="Give it Z-stacks, or train a model without --patch-slices.",
        )


def ready(
    bundle: ModelBundle,
    pixels: Pixels,
    slabs: Sequence[tiles.Span],
    beyond: list[Beyond],
    used: Used,
) -> Iterator[Slab]:
    """Yield the slabs of each frame, in the order of T and Z.

    Parameters
    ----------
    beyond : takes which volumes are beyond what the training saw.
    used : takes the mapping of intensities of each frame, as that of the first slice of a slab.
    """
    rule, frames = bundle.config.normalisation, range(pixels.frames)
    video = rule.levels(_slices(pixels, frames), bundle.config.seen)
    for t in frames:
        far: list[Far] = []
        levels = video or rule.levels_together(_slices(pixels, [t]), bundle.config.seen, far)
        beyond += [Beyond(t, 0, one) for one in far]
        for span in slabs:
            yield Slab(bundle, pixels, t, span, levels, beyond, used)


class Slab:
    """Slices of a volume, (Y, X, n·C), of which only the parts that are asked for are read."""

    def __init__(
        self,
        bundle: ModelBundle,
        pixels: Pixels,
        t: int,
        span: tiles.Span,
        levels: Levels | None,
        beyond: list[Beyond],
        used: Used,
    ) -> None:
        self.bundle, self.pixels, self.t, self.span = bundle, pixels, t, span
        self.levels, self.beyond, self.used = levels, beyond, used
        self.slices = tiles.mirrored(span, pixels.depth)
        self.shape = (*pixels.shape, span.size * bundle.config.channels)

    def __getitem__(self, where: tuple[slice, slice]) -> NDArray[np.float32]:
        made = {z: self._slice(int(z), where) for z in np.unique(self.slices)}
        self.pixels.forget()
        return np.concatenate([made[z] for z in self.slices], axis=-1)

    def _slice(self, z: int, where: tuple[slice, slice]) -> NDArray[np.float32]:
        far: list[Far] = []
        raw = self.pixels.part(self.t, z, where)
        part, mapping = self.bundle.prepared(raw, self.levels, far)
        self.used[self.t, self.span.low] = mapping
        for one in far:
            at = ((where[0].start or 0) + one.at[0], (where[1].start or 0) + one.at[1])
            self.beyond.append(Beyond(self.t, z, replace(one, at=at)))
        return part


def _slices(pixels: Pixels, frames: Sequence[int]) -> Iterator[NDArray]:
    for t in frames:
        for z in range(pixels.depth):
            yield from rows_of(pixels, t, z)
