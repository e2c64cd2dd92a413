"""Flows: in each pixel of an object the direction to its centre, as Cellpose learns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import Loss, Measure, Output, PostProcessing, Total, Truth
from imagej_dl.methods.shared.flow_objects import FlowObjects
from imagej_dl.methods.shared.flow_settings import FlowInstances
from imagej_dl.methods.shared.heat_flows import label_flows
from imagej_dl.methods.shared.instance_method import Accumulator, InstanceMethod, overlap_measures
from imagej_dl.methods.shared.pixel_weights import UNWEIGHTED_FIRST
from imagej_dl.methods.shared.publications import CELLPOSE, Publication

FLOW_SCALE = 5.0
"""Flows count as if they were so many times longer, as in Cellpose."""


class Flows(InstanceMethod):
    """Flows along y and x, of length 1, and the object probability.

    (Stringer, Wang, Michaelos & Pachitariu, Nature Methods 18, 2021; Stringer & Pachitariu, Nature
    Methods 22, 2025.)
    """

    name: ClassVar[str] = "flows"
    summary: ClassVar[str] = "the direction to the object's centre, and the object (Cellpose)"
    publication: ClassVar[Publication | None] = CELLPOSE
    losses: ClassVar[tuple[str, ...]] = ("flows",)
    weight_maps: ClassVar[tuple[str, ...]] = UNWEIGHTED_FIRST
    shown: ClassVar[Measure] = Measure("dice", "Dice", "Dice of the object", (0, 1))
    postprocessing: ClassVar[type[PostProcessing]] = FlowInstances

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the output channels, in their order."""
        return ("flow_y", "flow_x", "object")

    @property
    def is_probability(self) -> bool:
        """False: flows lie between -1 and 1."""
        return False

    def activation(self, loss: str) -> tuple[Output, ...]:
        """Return none for the flows, sigmoid for the object."""
        return ("linear", "linear", "sigmoid")

    def vectors(self, labels: NDArray) -> NDArray[np.float32]:
        """Return the flows of a label map."""
        return label_flows(labels)

    def targets(self, truth: Truth) -> NDArray[np.float32]:
        """Return flows and object of a patch.

        Where `truth` has no flows, they are those of the objects as far as the patch shows them.
        """
        labels = truth.within(truth.labels)
        if truth.vectors is None:
            flows = label_flows(labels)
        else:
            flows = np.stack([truth.within(part) for part in truth.vectors])
        result = np.empty((*labels.shape, 3), np.float32)
        result[..., :2] = np.moveaxis(flows, 0, -1)
        result[..., 2] = labels > 0
        return result

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return Cellpose's loss: half the mean square of the flows' errors × 5, and the binary
        cross-entropy of the object; `dice` × (1 − soft Dice of the object) is added.
        """
        from imagej_dl.methods.shared import losses
        from imagej_dl.models import backend

        tf = backend.tensorflow()
        object_loss = losses.cross_entropy(True, dice, total)

        def compute(target: Any, output: Any, weights: Any = 1.0) -> Any:
            error = FLOW_SCALE * (target[..., :2] - output[..., :2])
            squares = tf.reduce_mean(tf.square(error), -1)
            weights = tf.broadcast_to(weights, tf.shape(squares))
            error, weight = total(tf.reduce_sum(weights * squares), tf.reduce_sum(weights))
            # A batch of which nothing counts has nothing to teach.
            error = tf.math.divide_no_nan(error, 2 * weight)
            return error + object_loss(target[..., 2:], output[..., 2:], weights)

        return compute

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Count pixels: of the object, predicted as it, both, all; and sum the flows' errors."""
        true, said = targets[..., 2] > 0.5, outputs[..., 2] > 0.5
        counted = np.ones(true.shape, bool) if weights is None else weights > 0
        error = np.square(targets[..., :2] - outputs[..., :2]).sum(-1)[true & counted].sum()
        parts = (true, said, true & said, counted)
        return np.array([*(np.count_nonzero(part & counted) for part in parts), error])

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return Jaccard index, Dice coefficient and accuracy of the object, and the mean squared
        error of the flows in the pixels of true objects, as `flow_threshold` has it.

        Without any object, true or predicted, the first two are 1, without a true one the last
        is 0.
        """
        true, said, both, pixels, error = tally.tolist()
        wrong = true + said - 2 * both
        return {
            **overlap_measures(true, said, both),
            "accuracy": 1 - wrong / pixels if pixels else 1.0,
            "flow_error": error / true if true else 0.0,
        }

    def instances(self, output: NDArray, settings: Any) -> tuple[NDArray, int]:
        """Make a label map of where the flows lead; see :mod:`.shared.flow_objects`."""
        plane = FlowObjects(output.shape[:2], settings)
        plane.add(0, output)
        return plane.finish(), plane.left_out

    def accumulator(self, shape: tuple[int, int], settings: Any) -> Accumulator:
        """Return what makes the same label map in files."""
        from imagej_dl.images.array_storage import in_file

        return FlowObjects(shape, settings, in_file)

    def search_space(self, start: PostProcessing) -> dict[str, list[Any]]:
        """Return the values of each post-processing setting that are tried, in this order."""
        assert isinstance(start, FlowInstances), "it is the settings model of the method"
        return {
            "region_threshold": [0.3, 0.4, 0.5, 0.6],
            "flow_threshold": [0.4, 0.8, 1.2, 0.0],
            "minimum_area": sorted({start.minimum_area // 2, start.minimum_area}),
        }

    def restored(
        self, output: NDArray[np.float32], quarter_turns: int, mirrored: bool
    ) -> NDArray[np.float32]:
        """Return the output for the image as it was, with the flows turned back, too."""
        back = super().restored(output, quarter_turns, mirrored).copy()
        for _ in range(quarter_turns % 4):
            back[..., 0], back[..., 1] = back[..., 1].copy(), -back[..., 0]
        if mirrored:
            back[..., 1] *= -1
        return back

    def class_probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the object probability, (…, 1)."""
        return output[..., 2:]

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the object probability, and the flows: 0.5 is none, 1 down or to the right."""
        shown = super().pictures(np.clip(outputs, -1, 1))
        half = np.float32(0.5)
        flows = {name: half * shown[name] + half for name in self.channels[:2]}
        return {"object": shown["object"], **flows}
