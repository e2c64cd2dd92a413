"""Methods whose output becomes a label map."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import Method, PostProcessing, Predictions, Score
from imagej_dl.methods.shared.block_objects import BlockFinder
from imagej_dl.progress import Progress, silent

if TYPE_CHECKING:
    from imagej_dl.evaluation import Matching


_FEW = 20
"""Objects below which a score says little."""


class Accumulator(Protocol):
    """Takes the output of a large plane some rows at a time, and gives its label map."""

    def add(self, low: int, rows: NDArray[np.float32]) -> None:
        """Take the rows from `low` on, (rows, X, channels)."""

    def finish(self, progress: Progress = silent) -> NDArray:
        """Return the label map (Y, X), in a file."""

    @property
    def left_out(self) -> int:
        """The number of objects that were dropped as too small."""


class InstanceMethod(Method):
    """Base of the methods that find objects."""

    gives: ClassVar[Literal["instances", "image"]] = "instances"
    selection: ClassVar[Score] = Score("ap_0.5", "average precision at IoU .5")

    def check_loss(self, loss: str, class_weights: Sequence[float] | None) -> None:
        """Raise ValueError for a loss of other methods, and for class weights."""
        super().check_loss(loss, None)
        if class_weights is not None:
            raise ValueError(f"kind {self.name} has no classes that could be weighted")

    @abstractmethod
    def instances(self, output: NDArray, settings: Any) -> tuple[NDArray, int]:
        """Make a label map of the network's output.

        Parameters
        ----------
        output : float32 (Y, X, channels) of a whole plane.
        settings : of the post-processing.

        Returns
        -------
        label map (Y, X), uint16 or uint32, ids 1…n; and how many objects were dropped as too small.
        """

    def accumulator(self, shape: tuple[int, int], settings: Any) -> Accumulator:
        """Return what makes the label map of a plane that is too large for the memory.

        By default the whole output lies in a file, and is post-processed at once.
        """
        return _WholePlane(self, shape, settings)

    def block_finder(self, shape: tuple[int, int], settings: Any) -> BlockFinder | None:
        """Return what finds a plane's objects in blocks that know nothing of each other.

        None, by default, for methods whose objects are found in all of the plane together.
        """
        return None

    def matches(self, predictions: Predictions, settings: PostProcessing) -> list[list[Matching]]:
        """Match the predicted objects of each plane with the ground truth, a matching an IoU."""
        from imagej_dl.evaluation import match

        return [
            match(labels, self.instances(output, settings)[0], known=known[0] if known else None)
            for output, labels, *known in predictions
        ]

    def scores(self, predictions: Predictions, settings: PostProcessing) -> dict[str, float]:
        """Return the average precision, TP / (TP + FP + FN), at the IoU thresholds .5, .6 … .9.

        It is over all planes together, NaN where there is no object, true or predicted; `objects`
        is the number of true ones.
        """
        from imagej_dl.evaluation import THRESHOLDS, total

        values = [scores.average_precision for scores in total(self.matches(predictions, settings))]
        found = {f"ap_{t:g}": v for t, v in zip(THRESHOLDS, values, strict=True)}
        return found | {"objects": sum(len(np.setdiff1d(pair[1], 0)) for pair in predictions)}

    def describe(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words, and a note if there are too few objects to tell."""
        if scores["ap_0.5"] is None:
            return "average precision – (no objects in ground truth or prediction)"
        text = f"average precision {scores['ap_0.5']:.3f} at IoU .5, {scores['ap_0.7']:.3f} at .7"
        few = scores.get("objects", _FEW) < _FEW
        return text + (
            f" (of {scores['objects']} object(s): too few to be reliable)" if few else ""
        )


def overlap_measures(true: float, predicted: float, both: float) -> dict[str, float]:
    """Return Jaccard index and Dice coefficient of numbers of pixels; 1 without any object."""
    union = true + predicted - both
    return {
        "jaccard": both / union if union else 1.0,
        "dice": 2 * both / (true + predicted) if union else 1.0,
    }


class _WholePlane:
    def __init__(self, method: InstanceMethod, shape: tuple[int, int], settings: Any) -> None:
        from imagej_dl.images.array_storage import in_file

        self.method, self.settings, self.left_out = method, settings, 0
        self.output = in_file((*shape, len(method.channels)), np.float32)

    def add(self, low: int, rows: NDArray[np.float32]) -> None:
        self.output[low : low + len(rows)] = rows

    def finish(self, progress: Progress = silent) -> NDArray:
        progress("objects", 0, 1)
        labels, self.left_out = self.method.instances(self.output, self.settings)
        progress("objects", 1, 1)
        return labels
