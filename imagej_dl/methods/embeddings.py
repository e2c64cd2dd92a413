"""Embeddings: each pixel points to the centre of its object, and says how far the object reaches.

As EmbedSeg (Lalit, Tomancak and Jug, MIDL 2021; Medical Image Analysis 2022) after Neven et al.
(CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.methods.base import Loss, Measure, Output, PostProcessing, Total, Truth
from imagej_dl.methods.shared.centres import medoids
from imagej_dl.methods.shared.embedding_clusters import SAME, Clusters, clustered
from imagej_dl.methods.shared.instance_method import Accumulator, InstanceMethod, overlap_measures
from imagej_dl.methods.shared.publications import EMBEDSEG, Publication

SEED = 4
"""The channel of the seeds."""


class Embeddings(InstanceMethod):
    """Offsets to the centre, the logarithm of sigma along both axes, and seeds.

    A pixel at p embeds at p + offset. Of an object with the centre c, pixels belong to it where
    the Gaussian exp(−Σ (embedding − c)² / (2 sigma²)) is above one half. Seeds tell this Gaussian
    without knowing c: it is high at pixels that point to the centre well.
    """

    name: ClassVar[str] = "embeddings"
    summary: ClassVar[str] = (
        "the offset of each pixel to its object's centre, and the object's size"
    )
    publication: ClassVar[Publication | None] = EMBEDSEG
    position: ClassVar[int] = 30
    losses: ClassVar[tuple[str, ...]] = ("lovasz_seeds",)
    shown: ClassVar[Measure] = Measure(
        "object_iou", "IoU", "mean IoU of objects, of known centres", (0, 1)
    )
    postprocessing: ClassVar[type[PostProcessing]] = Clusters

    length: float = Field(
        default=10.0,
        gt=0,
        le=1000,
        description="Unit of offsets and sigmas in px, about the radius of an object. Offsets and "
        "sigmas reach up to 16 times as far.",
    )

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the output channels: offsets and sigmas are in units of `length`."""
        return ("offset_y", "offset_x", "log_sigma_y", "log_sigma_x", "seed")

    @property
    def target_channels(self) -> int:
        """Three: the number of the object, and its centre."""
        return 3

    @property
    def is_probability(self) -> bool:
        """False: four of five channels are lengths."""
        return False

    def activation(self, loss: str) -> tuple[Output, ...]:
        """Return the last activations; EmbedSeg's tanh of offsets is linear where it is used."""
        return ("linear",) * 4 + ("sigmoid",)

    def targets(self, truth: Truth) -> NDArray[np.float32]:
        """Return the number of each pixel's object in the patch, and its medoid (y, x) in px.

        Of an object that is cut by the patch, the medoid is that of the part within.
        """
        numbers, centres = medoids(truth.within(truth.labels))
        known = np.concatenate([np.zeros((1, 2)), centres])[numbers]
        return np.concatenate([numbers[..., None], known], -1).astype(np.float32)

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the loss; see :mod:`imagej_dl.methods.shared.embedding_loss`."""
        from imagej_dl.methods.shared.embedding_loss import embedding_loss

        return embedding_loss(self.length, total)

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Sum the IoU of all objects, given their centres, and count them; then count pixels.

        These are of an object, with a seed above one half, and both.
        """
        known = np.ones(targets.shape[:3], bool) if weights is None else weights > 0
        true, said = known & (targets[..., 0] > 0), known & (outputs[..., SEED] > 0.5)
        ious = [
            iou
            for target, output, there in zip(targets, outputs, known, strict=True)
            for iou in self._ious(target, output, there)
        ]
        counts = [np.count_nonzero(part) for part in (true, said, true & said)]
        return np.array([sum(ious), len(ious), *counts], np.float64)

    def _ious(
        self, target: NDArray[np.float32], output: NDArray[np.float32], known: NDArray[np.bool_]
    ) -> list[float]:
        """Return the IoU of each object of a patch with what its Gaussian holds."""
        number = target[known][:, 0].astype(np.intp)
        place = np.stack(np.nonzero(known), -1) + self.length * output[known][:, :2]
        found: list[float] = []
        for one in np.unique(number[number > 0]).tolist():
            mine = number == one
            centre = target[known][np.argmax(mine), 1:3]
            sigma = self.length * np.exp(output[known][mine, 2:4].mean(0))
            said = np.square((place - centre) / sigma).sum(-1) < SAME
            found.append(float(np.count_nonzero(mine & said) / np.count_nonzero(mine | said)))
        return found

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return the objects' mean IoU, and Dice of the pixels; 1 without any object."""
        ious, objects, true, said, both = tally.tolist()
        return {
            "object_iou": ious / objects if objects else 1.0,
            "dice": overlap_measures(true, said, both)["dice"],
        }

    def instances(self, output: NDArray, settings: Any) -> tuple[NDArray, int]:
        """Make a label map; see :mod:`imagej_dl.methods.shared.embedding_clusters`."""
        return clustered(output, settings, self.length)

    def accumulator(self, shape: tuple[int, int], settings: Any) -> Accumulator:
        """Return what makes the same label map block by block."""
        from imagej_dl.methods.shared.embedding_blocks import ClusterBlocks

        return ClusterBlocks(shape, settings, self.length)

    def search_space(self, start: PostProcessing) -> dict[str, list[Any]]:
        """Return the values of each post-processing setting that are tried, in this order."""
        assert isinstance(start, Clusters), "it is the settings model of the method"
        return {
            "seed_threshold": [0.5, 0.6, 0.7, 0.8, 0.9],
            "foreground_threshold": [0.3, 0.4, 0.5, 0.6],
            "minimum_area": sorted({start.minimum_area // 2, start.minimum_area}),
        }

    def class_probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the seeds: how sure it is that a pixel is of an object."""
        return output[..., SEED:]

    def restored(
        self, output: NDArray[np.float32], quarter_turns: int, mirrored: bool
    ) -> NDArray[np.float32]:
        """Return the output for an image of that for the image mirrored and turned."""
        y, x, sigma_y, sigma_x, seed = np.moveaxis(
            super().restored(output, quarter_turns, mirrored), -1, 0
        )
        for _ in range(quarter_turns % 4):
            y, x, sigma_y, sigma_x = x, -y, sigma_x, sigma_y
        return np.stack([y, -x if mirrored else x, sigma_y, sigma_x, seed], -1)

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the seeds, and offsets and sigmas with `length` from grey to white."""
        shown: NDArray[np.float32] = np.clip((outputs + 1) / 2, 0, 1).astype(np.float32)
        shown[..., SEED] = outputs[..., SEED]
        return super().pictures(shown)
