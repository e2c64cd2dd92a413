"""Star-convex: how likely a pixel is an object's centre, and how far its outline is along rays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.methods.base import Loss, Measure, Output, PostProcessing, Total, Truth
from imagej_dl.methods.shared.block_objects import BlockFinder
from imagej_dl.methods.shared.instance_method import Accumulator, InstanceMethod
from imagej_dl.methods.shared.pixel_weights import UNWEIGHTED_FIRST
from imagej_dl.methods.shared.publications import STARDIST, Publication
from imagej_dl.methods.shared.star_distances import depths, object_distances
from imagej_dl.methods.shared.star_polygons import StarObjects, StarPolygons

_BEYOND = 32
"""Px beyond a patch in which objects are followed to their end."""
_BACKGROUND = 1e-4
"""Weight of distances on the background, which are to be 0, in the loss."""


class StarConvex(InstanceMethod):
    """Star-convex polygons: Schmidt et al., MICCAI 2018, arXiv 1806.03535."""

    name: ClassVar[str] = "star_convex"
    summary: ClassVar[str] = "object probability, and distances to the outline along rays"
    publication: ClassVar[Publication | None] = STARDIST
    position: ClassVar[int] = 10
    # Some 32 distances are made of the last convolutions: 16 filters are too few for them, and at
    # full resolution the more take three times as long.
    defaults: ClassVar[Mapping[str, Any]] = {"architecture": "unet_half", "last_width": 64}
    losses: ClassVar[tuple[str, ...]] = ("probability_distances",)
    weight_maps: ClassVar[tuple[str, ...]] = UNWEIGHTED_FIRST
    shown: ClassVar[Measure] = Measure(
        "polygon_iou", "polygon IoU", "IoU of predicted and true polygons", (0, 1)
    )
    postprocessing: ClassVar[type[PostProcessing]] = StarObjects

    rays: int = Field(
        default=32, ge=3, le=256, description="Directions in which the outline is looked for."
    )
    distance_unit: float = Field(
        default=10.0,
        gt=0,
        le=10000,
        allow_inf_nan=False,
        description="Distance for which the network gives 1, in px: networks learn numbers about "
        "as large as 1 the fastest.",
    )
    distance_weight: float = Field(
        default=0.2,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="Weight of the distances' mean absolute error, per px, relative to the "
        "cross-entropy of the probability.",
    )

    @property
    def channels(self) -> tuple[str, ...]:
        """The object probability, and the distance along each ray, clockwise from the right."""
        return ("probability", *(f"ray_{number}" for number in range(1, self.rays + 1)))

    @property
    def margin(self) -> int:
        """Pixels around a patch in which objects that it cuts are followed.

        As in prediction, where tiles overlap, the outline may lie beyond what the network sees.
        """
        return _BEYOND

    def activation(self, loss: str) -> tuple[Output, ...]:
        """Return sigmoid for the probability; distances are as they come."""
        distances: list[Output] = ["linear"] * self.rays
        return ("sigmoid", *distances)

    @property
    def is_probability(self) -> bool:
        """False: the rays are distances in px."""
        return False

    def targets(self, truth: Truth) -> NDArray[np.float32]:
        """Return the object probability and the distances, (side, side, 1 + rays)."""
        labels = truth.within(truth.labels, self.margin)
        probability = depths(labels, self.margin)
        result = np.zeros((*probability.shape, 1 + self.rays), np.float32)
        result[..., 0] = probability
        places, distances = object_distances(labels, self.rays, self.margin)
        distances /= np.float32(self.distance_unit)
        result.reshape(-1, 1 + self.rays)[places, 1:] = distances
        return result

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the loss of StarDist.

        It is the mean binary cross-entropy of the probability, plus `distance_weight` × the mean
        absolute error of the distances, where pixels weigh as much as their true probability, plus
        a little of the distances on the background.
        """
        from imagej_dl.models import backend

        tf = backend.tensorflow()

        def compute(target: Any, output: Any, weights: Any = 1.0) -> Any:
            true, said = target[..., 0], output[..., 0]
            # Added and not clipped: clipping would hide a probability that is no number.
            likelihood = true * tf.math.log(said + 1e-7)
            likelihood += (1 - true) * tf.math.log(1 - said + 1e-7)
            # Means of the rays as products with this: to cut them out takes more time, back most.
            share = tf.constant([0.0] + [self.distance_unit / self.rays] * self.rays)
            error = tf.tensordot(tf.abs(target - output), share, 1)
            stray = tf.tensordot(tf.abs(output), share, 1)
            weights = tf.broadcast_to(weights, tf.shape(true))
            deep = weights * true
            entropy, errors, strays, weight, depth = total(
                -tf.reduce_sum(weights * likelihood),
                tf.reduce_sum(deep * error),
                tf.reduce_sum((weights - deep) * stray),
                tf.reduce_sum(weights),
                tf.reduce_sum(deep),
            )
            value = tf.math.divide_no_nan(entropy + _BACKGROUND * strays, weight)
            # A batch without objects says nothing of distances.
            return value + self.distance_weight * tf.math.divide_no_nan(errors, depth)

        return compute

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Sum the IoU of polygons and the error of distances, by true probability; and its error.

        The IoU of two polygons around the same pixel is Σ min(d, d')² / Σ max(d, d')².
        """
        deep, true = targets[..., 0], targets[..., 1:]
        known = np.ones(deep.shape, bool) if weights is None else weights > 0
        deep, true, said = deep[known], true[known], np.maximum(outputs[known][:, 1:], 0)
        union = np.square(np.maximum(true, said)).sum(-1)
        shared = np.square(np.minimum(true, said)).sum(-1)
        iou = np.divide(shared, union, out=np.zeros_like(union), where=union > 0)
        sums = (deep * iou, deep * np.abs(true - said).mean(-1), deep)
        wrong = np.abs(deep - outputs[known][:, 0])
        return np.array([*(np.sum(s, dtype=np.float64) for s in (*sums, wrong)), deep.size])

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return the mean IoU of polygons, and the mean errors of distances (px), probability.

        Without any object the first two are those of a perfect output.
        """
        iou, error, deep, wrong, pixels = tally.tolist()
        return {
            "polygon_iou": iou / deep if deep else 1.0,
            "distance_error": self.distance_unit * error / deep if deep else 0.0,
            "probability_error": wrong / pixels if pixels else 0.0,
        }

    def instances(self, output: NDArray, settings: Any) -> tuple[NDArray, int]:
        """Make a label map by non-maximum suppression of the polygons."""
        made = StarPolygons(output.shape[:2], self.rays, settings, self.distance_unit)
        made.add(0, output)
        return made.finish(), made.left_out

    def accumulator(self, shape: tuple[int, int], settings: Any) -> Accumulator:
        """Return what keeps no more of a large plane than where centres may be."""
        return StarPolygons(shape, self.rays, settings, self.distance_unit, large=True)

    def block_finder(self, shape: tuple[int, int], settings: Any) -> BlockFinder | None:
        """Return what finds the same objects in blocks that know nothing of each other."""
        from imagej_dl.methods.shared.star_blocks import StarBlocks

        return StarBlocks(shape, settings, self.distance_unit)

    def search_space(self, start: PostProcessing) -> dict[str, list[Any]]:
        """Return the values of each post-processing setting that are tried, in this order."""
        least = start.least_area()
        return {
            "probability_threshold": [0.3, 0.4, 0.5, 0.6, 0.7],
            "overlap_threshold": [0.3, 0.4, 0.5],
            "minimum_area": sorted({least // 2, least}),
        }

    def class_probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the object probability."""
        return output[..., :1]

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the object probability, and the mean distance as a share of the largest."""
        mean = np.maximum(outputs[..., 1:], 0).mean(-1, keepdims=True)
        return {"probability": outputs[..., :1], "distance": mean / max(float(mean.max()), 1e-6)}

    def restored(
        self, output: NDArray[np.float32], quarter_turns: int, mirrored: bool
    ) -> NDArray[np.float32]:
        """Return the output for an image of that for the image mirrored and turned.

        Rays are brought back to their directions; where a quarter turn takes them between two, as
        with a number of rays that is no multiple of 4, distances are interpolated.
        """
        back = super().restored(output, quarter_turns, mirrored)
        ray = np.arange(self.rays, dtype=np.float64)
        if mirrored:  # a ray at the angle φ was seen at 180° − φ
            ray = self.rays / 2 - ray
        place = ray - quarter_turns * self.rays / 4
        low = np.floor(place).astype(np.intp)
        share = (place - low).astype(np.float32)
        distances = back[..., 1:]
        turned = distances[..., low % self.rays]
        if share.any():
            turned = turned * (1 - share) + distances[..., (low + 1) % self.rays] * share
        return np.concatenate([back[..., :1], turned], axis=-1)
