"""Methods that learn to denoise from the noisy image itself, by blind spots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.methods.base import (
    FramesSeen,
    LearnsFrom,
    Loss,
    Measure,
    Score,
    Total,
    Truth,
)
from imagej_dl.methods.shared import masking
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.methods.shared.losses import weighted_mean
from imagej_dl.methods.shared.publications import NOISE2VOID, Publication
from imagej_dl.methods.shared.volumes import as_channels, as_slices


class BlindSpotMethod(ImageMethod):
    """Base of the methods that predict pixels from those around them (Noise2Void, Krull 2019).

    Some pixels of each patch are hidden: other values stand in their place, and the loss compares
    the network's output there with the noisy values that were hidden. Where the noise of a pixel
    says nothing of the noise of others, the best prediction is the image without it.

    The targets of a patch are float32 (side, side, 2·C): the image, and then a mask that is 1
    where a channel is scored; of a volume C are the channels of all its slices. A subclass may fill
    hidden pixels otherwise (:meth:`fill`).
    """

    publication: ClassVar[Publication | None] = NOISE2VOID
    takes_volumes: ClassVar[bool] = True
    frames_seen: ClassVar[FramesSeen] = "around"

    learns_from: ClassVar[LearnsFrom] = "itself"
    losses: ClassVar[tuple[str, ...]] = ("masked_mse",)
    shown: ClassVar[Measure] = Measure("masked_error", "error", "error at blind spots (RMS)")
    selection: ClassVar[Score] = Score("masked_psnr", "PSNR at blind spots in dB", per_pixel=True)

    radius: int = Field(
        default=5,
        ge=1,
        le=50,
        description="Hidden pixels are filled from those within this distance along each axis, "
        "in px.",
    )
    share: float = Field(
        default=0.06,
        ge=0.001,
        le=0.12,
        description="Share of the pixels of a patch that are hidden and scored. Published are "
        ".015 and .002; with more, a batch teaches more.",
    )
    together: bool = Field(
        default=True,
        description="Several channels are denoised together, and a pixel is hidden in all of "
        "them; false: each by itself, with a network of its own.",
    )

    @property
    def target_channels(self) -> int:
        """The channels of the image, and of the mask."""
        return 2 * self.image_channels

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method."""
        return {"apart": not self.together}

    @property
    def hidden(self) -> NDArray[np.bool_]:
        """Pixels around a scored one that are hidden, (Y, X) or (Z, Y, X).

        Its middle is that pixel. Planes have those of the middle slice.
        """
        return np.ones((1, 1), bool)

    @property
    def hidden_in_plane(self) -> NDArray[np.bool_]:
        """The middle slice of what is hidden, (Y, X)."""
        hidden = self.hidden
        return hidden if hidden.ndim == 2 else hidden[len(hidden) // 2]

    def fill(
        self, plane: NDArray[np.float32], hidden: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Fill the hidden pixels of a plane (Y, X) by random neighbours; see :mod:`.masking`.

        So are those of each slice of a volume: slices lie farther apart than pixels, mostly.
        """
        return masking.random_neighbours(plane, hidden, self.radius, rng)

    def blind(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what a network says of pixels that it does not see, (…, C), normalised.

        `outputs` are its (…, channels) in training, of which a subclass may make an image.
        """
        return outputs

    def targets(self, truth: Truth) -> NDArray:
        """Return the image of the patch, all of it scored: (side, side, 2·C)."""
        image = super().targets(truth)
        return np.concatenate([image, np.ones_like(image)], axis=-1)

    def sample(
        self, image: NDArray[np.float32], truth: Truth, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray]:
        """Hide pixels of a patch; return what is left, and the targets.

        Of a volume, pixels are hidden in one of boxes of its slices, rows and columns. Of several
        frames, in the one that is denoised, the last: noise of another frame tells nothing of its.
        """
        targets = self.targets(truth)
        count = self.image_channels
        size = targets.shape[-1] // 2
        others, image = image[..., :-size], image[..., -size:]
        # A plane is a volume of one slice.
        volume = as_slices(image, count)
        kernel = self.hidden if len(volume) > 1 else self.hidden_in_plane
        kernel = kernel.reshape(-1, *kernel.shape[-2:])
        changed = np.empty_like(volume)
        chosen = np.zeros(volume.shape, bool)
        missing = np.zeros(volume.shape, bool)
        under = None
        for i in range(count):
            if under is None or not self.together:
                places, under = self._hide(volume.shape[:3], kernel, rng)
            chosen[..., i] = places
            for z, plane in enumerate(volume[..., i]):
                changed[z, ..., i], missing[z, ..., i] = self.fill(plane, under[z], rng)
        # A pixel that could not be hidden is not scored, nor is any whose kernel it lies under.
        if missing.any():
            seen: NDArray[np.bool_] = np.any(missing, axis=3)
            scored = ~masking.under(np.flip(kernel), seen)
            chosen &= scored[..., None]
        targets[..., size:] = as_channels(chosen)
        given = as_channels(changed)
        return np.concatenate([others, given], axis=-1) if others.shape[-1] else given, targets

    def _hide(
        self, shape: tuple[int, ...], kernel: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Choose the pixels of a volume (Z, Y, X) that are scored; return all hidden ones, too."""
        some = shape if shape[0] > 1 else shape[1:]
        places = masking.stratified(some, self.share, rng).reshape(shape)
        return places, masking.under(kernel, places)

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the mean squared error of the scored pixels."""
        from imagej_dl.models import backend

        tf = backend.tensorflow()

        def compute(targets: Any, outputs: Any, weights: Any = 1.0) -> Any:
            values, mask = tf.split(targets, 2, axis=-1)
            scored = mask * tf.broadcast_to(weights, tf.shape(mask)[:-1])[..., None]
            return weighted_mean(tf.square(values - outputs), scored, total)

        return compute

    def tally(
        self,
        targets: NDArray[np.float32],
        outputs: NDArray[np.float32],
        weights: NDArray[np.float32] | None = None,
    ) -> NDArray:
        """Sum the squared errors of the scored pixels, and count them."""
        values, mask = np.split(targets, 2, axis=-1)
        scored = mask > 0
        if weights is not None:
            scored &= (weights > 0)[..., None]
        errors = outputs[scored].astype(np.float64) - values[scored]
        return np.array([np.square(errors).sum(), errors.size])

    def measures(self, tally: NDArray) -> dict[str, float]:
        """Return the error of the scored pixels: root mean square, and as PSNR in dB.

        Both are of the normalised image, with its noise: that of a perfect network is not 0.
        """
        error = tally[0] / tally[1] if tally[1] else math.nan
        psnr = -10 * math.log10(error) if error > 0 else math.inf
        return {"masked_error": math.sqrt(error), "masked_psnr": psnr}

    def describe(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words."""
        found = scores.get("val_masked_psnr")
        return "no PSNR" if found is None else f"PSNR {found:.2f} dB at blind spots"
