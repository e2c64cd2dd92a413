"""Binary: object or not, in one channel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import Score, SuiteTarget, Truth
from imagej_dl.methods.shared.class_method import ClassMethod, binary_target
from imagej_dl.methods.shared.postprocessing_settings import Instances


class Binary(ClassMethod):
    """One class, with a sigmoid; it knows no objects, so that pixels are what is scored."""

    name: ClassVar[str] = "binary"
    summary: ClassVar[str] = "object or not"
    position: ClassVar[int] = 2
    classes: ClassVar[tuple[str, ...]] = ("object",)
    selection: ClassVar[Score] = Score("dice", "Dice", per_pixel=True)
    fluffy: ClassVar[bool] = True
    object_weights: ClassVar[tuple[float, ...]] = (0.0, 5.0, 10.0)
    suite_target: ClassVar[SuiteTarget] = "mask"

    def targets(self, truth: Truth) -> NDArray[np.uint8]:
        """Return the classes of a patch."""
        return binary_target(truth.within(truth.labels))

    def default_postprocessing(self) -> Instances:
        """Return settings with a lower marker height: only the depth tells objects apart."""
        return Instances(marker_height=1.0)
