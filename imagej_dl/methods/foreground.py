"""Foreground: background and object, as two classes."""

from __future__ import annotations

from typing import ClassVar

from imagej_dl.methods.base import SuiteTarget
from imagej_dl.methods.shared.class_method import ObjectMethod


class Foreground(ObjectMethod):
    """Two classes, with a softmax or each for itself."""

    name: ClassVar[str] = "foreground"
    summary: ClassVar[str] = "the same as two classes"
    position: ClassVar[int] = 3
    classes: ClassVar[tuple[str, ...]] = ("background", "object")
    suite_target: ClassVar[SuiteTarget] = "categories"
