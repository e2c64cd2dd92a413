"""Contour: background, object, and the outermost pixels of the objects."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import SuiteTarget, Truth
from imagej_dl.methods.shared.class_method import ClassMethod
from imagej_dl.methods.shared.neighbours import outlines
from imagej_dl.methods.shared.postprocessing_settings import Instances

CONTOUR = 2


class Contour(ClassMethod):
    """Three classes; the contour lies within the objects."""

    name: ClassVar[str] = "contour"
    summary: ClassVar[str] = "background, object and the object's outermost pixels"
    position: ClassVar[int] = 4
    classes: ClassVar[tuple[str, ...]] = ("background", "object", "contour")
    takes_contours: ClassVar[bool] = True
    suite_target: ClassVar[SuiteTarget] = "contours"

    @property
    def margin(self) -> int:
        """Pixels around a patch on which its target depends."""
        return 1

    def targets(self, truth: Truth) -> NDArray[np.uint8]:
        """Return the classes of a patch; contours that are given are the class of that name."""
        if truth.contours is not None:
            objects = truth.within(truth.labels) > 0
            return np.where(truth.contours > 0, CONTOUR, objects).astype(np.uint8)
        return truth.within(contour_target(truth.labels))

    def default_postprocessing(self) -> Instances:
        """Return the usual settings: nothing is to be taken off."""
        return Instances()


def contour_target(labels: NDArray) -> NDArray[np.uint8]:
    """Return the classes background 0, object 1, contour 2 of a label map (Y, X).

    The contour are the pixels of objects that have a pixel of another label beside them.
    """
    return np.where(outlines(labels), CONTOUR, labels > 0).astype(np.uint8)
