"""Distance: how far a pixel lies from the outline, inside or outside, in four classes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.methods.base import Truth
from imagej_dl.methods.border import BORDER, border_of
from imagej_dl.methods.shared.class_method import ClassMethod
from imagej_dl.methods.shared.postprocessing_settings import Instances

OBJECT, INNER, OUTER = 1, 2, 3


class Distance(ClassMethod):
    """Four classes, by the signed distance to the outline of the nearest object.

    They are those of `border`, whose border is divided by the outline that it lies on. So the
    region of the objects is learnt as it is and need not be eroded, while their middles, which tell
    touching objects apart, are learnt as well as there.
    """

    name: ClassVar[str] = "distance"
    summary: ClassVar[str] = (
        "how far inside or outside of an outline, which keeps touching objects apart and outlines "
        "sharp"
    )
    # The default: after as much training the best (docs/figures.md).
    position: ClassVar[int] = 0
    classes: ClassVar[tuple[str, ...]] = ("background", "object", "inner border", "outer border")
    inside: ClassVar[tuple[int, ...]] = (OBJECT, INNER)
    object_weights: ClassVar[tuple[float, ...]] = (1.5, 3.0, 6.0)

    border_size: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Width of the border classes on either side of an outline, in px.",
    )

    @property
    def margin(self) -> int:
        """Pixels around a patch on which its target depends."""
        return self.border_size

    def targets(self, truth: Truth) -> NDArray[np.uint8]:
        """Return the classes of a patch."""
        classes = border_of(truth.within(truth.labels, self.border_size), self.border_size)
        classes[(classes == BORDER) & (truth.within(truth.labels) == 0)] = OUTER
        return classes

    def evidence(self, output: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return how sure a pixel is inside of an outline, and how sure deep inside."""
        values = np.asarray(output, np.float32)
        inside = values[..., OBJECT] + values[..., INNER]
        # With a loss that takes each class for itself they do not sum to 1.
        share = inside / np.maximum(values.sum(-1), np.float32(1e-12))
        return share, values[..., OBJECT]

    def default_postprocessing(self) -> Instances:
        """Return settings that split more readily than those of `border`."""
        return Instances(object_weight=3.0, marker_height=1.0)
