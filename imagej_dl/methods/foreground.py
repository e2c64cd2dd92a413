"""Foreground: background and object, as two classes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import SuiteTarget, Truth
from imagej_dl.methods.shared.class_method import ClassMethod, binary_target
from imagej_dl.methods.shared.postprocessing_settings import Instances


class Foreground(ClassMethod):
    """Two classes, with a softmax or each for itself."""

    name: ClassVar[str] = "foreground"
    summary: ClassVar[str] = "the same as two classes"
    position: ClassVar[int] = 3
    classes: ClassVar[tuple[str, ...]] = ("background", "object")
    object_weights: ClassVar[tuple[float, ...]] = (0.0, 5.0, 10.0)
    suite_target: ClassVar[SuiteTarget] = "categories"

    def targets(self, truth: Truth) -> NDArray[np.uint8]:
        """Return the classes of a patch."""
        return binary_target(truth.within(truth.labels))

    def default_postprocessing(self) -> Instances:
        """Return settings with a lower marker height: only the depth tells objects apart."""
        return Instances(marker_height=1.0)
