"""Binary: object or not, in one channel."""

from __future__ import annotations

from typing import ClassVar

from imagej_dl.methods.base import Score, SuiteTarget
from imagej_dl.methods.shared.class_method import ObjectMethod


class Binary(ObjectMethod):
    """One class, with a sigmoid; it knows no objects, so that pixels are what is scored."""

    name: ClassVar[str] = "binary"
    summary: ClassVar[str] = "object or not"
    position: ClassVar[int] = 2
    classes: ClassVar[tuple[str, ...]] = ("object",)
    selection: ClassVar[Score] = Score("dice", "Dice", per_pixel=True)
    fluffy: ClassVar[bool] = True
    suite_target: ClassVar[SuiteTarget] = "mask"
