"""Planes of a stack on which a ROI lies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from imagej_dl.rois.roi import Roi

# ImageJ's own names are slice-y-x with 4, 5 or 6 digits each; its ROI Manager goes by them.
_STANDARD_NAME = re.compile(r"^(?=.{4}-.{4}-.{4}|.{5}-.{5}-.{5}|.{6}-.{6}-.{6})(\d{4,6})-")


@dataclass(frozen=True)
class Stack:
    """The axes of a stack: numbers of channels, slices and frames."""

    channels: int = 1
    slices: int = 1
    frames: int = 1

    @property
    def size(self) -> int:
        return self.channels * self.slices * self.frames


@dataclass(frozen=True)
class Position:
    """Channel, slice and frame from 1; 0 is all of them."""

    c: int = 0
    z: int = 0
    t: int = 0


def exchanged(rois: Iterable[Roi], stack: Stack) -> bool:
    """Return whether ROIs have slices where the stack has only frames, or the other way round.

    Then they were drawn on the same stack opened with its axis named differently. That is seen
    on all ROIs of a set at once: one on slice 1 also fits a stack of frames as it is. ImageJ
    gives a ROI on a hyperstack all three positions, 1 for the axis that the stack has not.
    """
    rois = list(rois)
    z, t = max((r.z for r in rois), default=0), max((r.t for r in rois), default=0)
    if stack.frames > 1 and stack.slices == 1:
        return z > 1 and t <= 1
    return stack.slices > 1 and stack.frames == 1 and t > 1 and z <= 1


def position(roi: Roi, stack: Stack, swap: bool = False) -> Position | str:
    """Return the position of a ROI on a stack, or why it has none.

    A hyperstack position is taken as it is. A plain position, or else the slice in a name that
    ImageJ gave, counts the stack's images, channels first, then slices, then frames. With
    `swap` (see :func:`exchanged`) a slice is taken as that frame and a frame as that slice.
    """
    if roi.channel or roi.z or roi.t:
        # of an image with one channel, ROIs drawn on any channel are taken
        c = roi.channel if stack.channels > 1 else min(roi.channel, 1)
        z, t = roi.z, roi.t
        if swap and stack.slices == 1:
            z, t = 0, z or t
        elif swap:
            z, t = t or z, 0
    else:
        index = roi.position or named_slice(roi.name)
        if not index:
            return Position()
        if index > stack.size:
            return f"lies on image {index} of a stack, here are {stack.size}"
        rest, c = divmod(index - 1, stack.channels)
        t, z = divmod(rest, stack.slices)
        c, z, t = c + 1, z + 1, t + 1
    for what, value, size in (
        ("channel", c, stack.channels),
        ("slice", z, stack.slices),
        ("frame", t, stack.frames),
    ):
        if value > size:
            return f"lies on {what} {value}, here are {size}"
    return Position(c, z, t)


def named_slice(name: str) -> int:
    """Return the slice that a name of ImageJ's making holds ("0012-0101-0044" is 12), else 0."""
    match = _STANDARD_NAME.match(name)
    return int(match.group(1)) if match else 0
