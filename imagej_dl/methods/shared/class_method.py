"""Methods that learn a class of each pixel, from which a watershed makes instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import Loss, Measure, Output, Total, Truth
from imagej_dl.methods.shared.instance_method import overlap_measures
from imagej_dl.methods.shared.pixel_weights import WEIGHT_MAPS
from imagej_dl.methods.shared.postprocessing_settings import Instances
from imagej_dl.methods.shared.watershed_method import WatershedMethod

CROSS_ENTROPY = "cross_entropy"
EITHER = ("weighted_bce_dice",)
ONE_CLASS = ("binary_cce", "weighted_bce")
SEVERAL_CLASSES = ("sparse_cce", "categorical_cce", "multiple_output")
"""Losses for one class, for several, or for either."""


class ClassMethod(WatershedMethod):
    """Base of the methods whose output channels are probabilities of classes.

    They differ in their targets and in what the post-processing begins with.
    """

    classes: ClassVar[tuple[str, ...]] = ()
    inside: ClassVar[tuple[int, ...]] = (1,)
    """The classes, of several, that are measured as the object."""
    target_kind: ClassVar[Literal["classes", "values"]] = "classes"
    losses: ClassVar[tuple[str, ...]] = (CROSS_ENTROPY, *ONE_CLASS, *EITHER, *SEVERAL_CLASSES)
    weight_maps: ClassVar[tuple[str, ...]] = WEIGHT_MAPS
    shown: ClassVar[Measure] = Measure("dice", "Dice", "Dice of the object class", (0, 1))

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the output channels."""
        return self.classes

    def activation(self, loss: str) -> Output | None:
        """Return sigmoid for losses that take each class for itself, else the network's own."""
        return "sigmoid" if loss in ("multiple_output", "weighted_bce_dice") else None

    def check_loss(self, loss: str, class_weights: Sequence[float] | None) -> None:
        """Raise ValueError where a loss, or the class weights, do not go with the classes."""
        count = len(self.classes)
        if loss in ONE_CLASS and count != 1:
            raise ValueError(
                f"the loss {loss} is for one class (kind binary), not for kind {self.name}"
            )
        if loss in SEVERAL_CLASSES and count == 1:
            raise ValueError(
                f"the loss {loss} is for several classes (kind foreground), not {self.name}"
            )
        if class_weights is not None and len(class_weights) != count:
            raise ValueError(
                f"{len(class_weights)} class weights for the {count} classes of {self.name}"
            )

    def heeds_weights(self, loss: str) -> bool:
        """Return whether pixels of weight 0 count for nothing in a loss: the suite has one such."""
        return loss in (CROSS_ENTROPY, "weighted_bce")

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the loss of this name."""
        from imagej_dl.methods.shared import losses

        if name == CROSS_ENTROPY:
            return losses.cross_entropy(len(self.classes) == 1, dice, total)
        return losses.named(name, class_weights, total)

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Count pixels: of the object, predicted as it, both, of the right class, all.

        A pixel belongs to the class that is most probable (a single class: above 0.5).
        """
        true, predicted = self._classes(targets), self._classes(outputs)
        if weights is not None:
            true, predicted = true[weights > 0], predicted[weights > 0]
        is_object, said = np.isin(true, self.inside), np.isin(predicted, self.inside)
        counts = (is_object, said, is_object & said, true == predicted, np.ones_like(said))
        return np.array([np.count_nonzero(part) for part in counts])

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return Jaccard index and Dice coefficient of the object class, and the pixel accuracy.

        Without any object, true or predicted, the first two are 1.
        """
        true, predicted, both, right, pixels = tally.tolist()
        accuracy = right / pixels if pixels else 1.0
        return {**overlap_measures(true, predicted, both), "accuracy": accuracy}

    def _classes(self, values: NDArray[np.float32]) -> NDArray:
        return values[..., 0] > 0.5 if len(self.classes) == 1 else values.argmax(-1)

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the probability of the object, and the most probable class."""
        count = len(self.classes)
        chosen = outputs[..., list(self.inside) if count > 1 else [0]].sum(-1, keepdims=True)
        mask = outputs.argmax(-1)[..., None] / max(count - 1, 2) if count > 1 else chosen > 0.5
        return {"object": chosen, "class": np.asarray(mask, np.float32)}


class ObjectMethod(ClassMethod):
    """Base of the methods that learn where objects are, and nothing of where they touch."""

    object_weights: ClassVar[tuple[float, ...]] = (0.0, 5.0, 10.0)

    def targets(self, truth: Truth) -> NDArray[np.uint8]:
        """Return the classes of a patch."""
        return binary_target(truth.within(truth.labels))

    def default_postprocessing(self) -> Instances:
        """Return settings with a lower marker height: only the depth tells objects apart."""
        return Instances(marker_height=1.0)


def binary_target(labels: NDArray) -> NDArray[np.uint8]:
    """Return the classes background 0, object 1 of a label map (Y, X)."""
    return (labels > 0).astype(np.uint8)
