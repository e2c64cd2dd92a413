"""DenoiSeg: one network denoises and segments, learnt from many images of which few are labelled.

Buchholz, Prakash, Schmidt, Krull, Jug, Bioimage Computing Workshop at ECCV 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.declarations import field_of
from imagej_dl.methods.base import Loss, Measure, Output, PostProcessing, Total, Truth
from imagej_dl.methods.border import Border
from imagej_dl.methods.n2v2 import N2V2
from imagej_dl.methods.shared.pixel_weights import WEIGHT_MAPS
from imagej_dl.methods.shared.publications import NOISE2VOID, Publication
from imagej_dl.methods.shared.watershed_method import WatershedMethod

_CLASSES = 3
_BORDER_TALLY = 5


class DenoiSeg(WatershedMethod):
    """The denoised image by blind spots, and the classes of the method border, of one network.

    Images without label map teach the first part alone. The targets of a patch are float32 (side,
    side, 2·C + 3): those of the blind spots, and the three classes.
    """

    name: ClassVar[str] = "denoiseg"
    summary: ClassVar[str] = (
        "as border, and the image without its noise, from noisy images of which few are labelled"
    )
    publication: ClassVar[Publication | None] = NOISE2VOID
    position: ClassVar[int] = 250
    takes_unlabelled: ClassVar[bool] = True
    takes_frames: ClassVar[bool] = False
    losses: ClassVar[tuple[str, ...]] = ("denoise_and_segment",)
    weight_maps: ClassVar[tuple[str, ...]] = WEIGHT_MAPS
    shown: ClassVar[Measure] = Measure("dice", "Dice", "Dice of the object class", (0, 1))

    alpha: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Weight of denoising in the loss; that of segmentation is 1 - alpha.",
    )
    labelled: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of the patches that are cut from labelled planes, where there are "
        "others, too.",
    )
    varied: float = Field(
        default=0.75,
        ge=0,
        lt=1,
        description="Share of the patches of labelled planes that are varied as for border, and "
        "teach segmentation alone; the others teach both.",
    )
    image_channels: int = field_of(N2V2, "image_channels")
    radius: int = field_of(N2V2, "radius")
    share: float = field_of(N2V2, "share")
    border_size: int = field_of(Border, "border_size")

    @property
    def blind_spots(self) -> N2V2:
        """The method of the denoised channels."""
        return N2V2(image_channels=self.image_channels, radius=self.radius, share=self.share)

    @property
    def border(self) -> Border:
        """The method of the classes."""
        return Border(border_size=self.border_size)

    @property
    def channels(self) -> tuple[str, ...]:
        """The denoised channels, and the classes."""
        return (*self.blind_spots.channels, *self.border.channels)

    @property
    def intensities(self) -> int:
        """The number of output channels, the first, that are intensities of the image."""
        return self.image_channels

    @property
    def labelled_share(self) -> float:
        """The share of the patches that are cut from labelled planes."""
        return self.labelled

    @property
    def varied_share(self) -> float:
        """The share of the patches of labelled planes that teach segmentation alone."""
        return self.varied

    @property
    def target_channels(self) -> int:
        """The channels of both targets."""
        return self.blind_spots.target_channels + _CLASSES

    @property
    def margin(self) -> int:
        """Pixels around a patch on which its target depends."""
        return self.border.margin

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method: outlines are fine."""
        return {"pooling": "blur", "residual": False, "top_skip": True}

    def of_images(self, channels: int) -> dict[str, Any]:
        """Return that the image has so many channels."""
        return self.blind_spots.of_images(channels)

    def activation(self, loss: str) -> tuple[Output, ...]:
        """Return that intensities are as they come, and classes exclude each other."""
        intensities: list[Output] = ["linear"] * self.image_channels
        classes: list[Output] = ["softmax"] * _CLASSES
        return (*intensities, *classes)

    @property
    def is_probability(self) -> bool:
        """False: the first channels are intensities."""
        return False

    def targets(self, truth: Truth) -> NDArray[np.float32]:
        """Return the image of the patch, all of it scored, and the classes."""
        assert truth.image is not None, "the image is a part of what is learnt"
        image = replace(truth, image=truth.image[..., : self.image_channels])
        return np.concatenate([self.blind_spots.targets(image), self._classes(truth)], axis=-1)

    def sample(
        self, image: NDArray[np.float32], truth: Truth, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray]:
        """Hide pixels of a patch; return what is left, and the targets.

        A patch that is varied is seen as it is, and scored by its classes alone.
        """
        if truth.varied:
            own = image[..., : self.image_channels]
            parts = [own, np.zeros_like(own), self._classes(truth)]
            return image, np.concatenate(parts, axis=-1)
        shown, targets = self.blind_spots.sample(image, Truth(truth.labels, 0, image=image), rng)
        return shown, np.concatenate([targets, self._classes(truth)], axis=-1)

    def _classes(self, truth: Truth) -> NDArray[np.float32]:
        return np.eye(_CLASSES, dtype=np.float32)[self.border.targets(truth)]

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return alpha × the loss of the blind spots + (1 - alpha) × the cross-entropy.

        The former counts all pixels, the latter those whose class is known. The squared error is
        divided by the variance of the image: so it does not depend on the normalisation, and is 1
        for a network that gives the mean.
        """
        from imagej_dl.methods.shared import losses
        from imagej_dl.models import backend

        tf = backend.tensorflow()
        masked = self.blind_spots.loss(self.blind_spots.losses[0], total=total)
        entropy = losses.cross_entropy(False, dice, total)
        count, hidden = self.image_channels, self.blind_spots.target_channels

        def compute(targets: Any, outputs: Any, weights: Any = 1.0) -> Any:
            values = targets[..., :count]
            number, sums, squares = total(
                tf.cast(tf.size(values), tf.float32),
                tf.reduce_sum(values),
                tf.reduce_sum(tf.square(values)),
            )
            variance = squares / number - tf.square(sums / number)
            error = masked(targets[..., :hidden], outputs[..., :count])
            segmented = entropy(targets[..., hidden:], outputs[..., count:], weights)
            # A channel of one value has nothing to denoise.
            denoised = error / tf.maximum(variance, 1e-6)
            return self.alpha * denoised + (1 - self.alpha) * segmented

        return compute

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Count the pixels of the classes where they are known, and sum the errors of all."""
        count, hidden = self.image_channels, self.blind_spots.target_channels
        classes = self.border.tally(targets[..., hidden:], outputs[..., count:], weights)
        errors = self.blind_spots.tally(targets[..., :hidden], outputs[..., :count])
        return np.concatenate([classes, errors])

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return the measures of the method border, and those of blind spots."""
        classes = tally[:_BORDER_TALLY].astype(np.int64)
        return self.border.measures(classes) | self.blind_spots.measures(tally[_BORDER_TALLY:])

    def default_postprocessing(self) -> PostProcessing:
        """Return the settings of the method border."""
        return self.border.default_postprocessing()

    def evidence(self, output: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what the method border takes of the classes."""
        return self.border.evidence(self.class_probabilities(output))

    def class_probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the channels of an output (…, channels) that are probabilities of classes."""
        return output[..., self.image_channels :]

    def pictures(self, outputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the denoised channels, the probability of the object, and the class."""
        denoised = self.blind_spots.pictures(outputs[..., : self.image_channels])
        return denoised | self.border.pictures(self.class_probabilities(outputs))
