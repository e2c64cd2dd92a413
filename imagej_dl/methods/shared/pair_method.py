"""Methods that learn from pairs of images of the same place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from imagej_dl.methods.base import Loss, Total
from imagej_dl.methods.shared.denoising_defaults import DEFAULTS
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.methods.shared.losses import weighted_mean


class PairMethod(ImageMethod):
    """Base of the methods whose target is another image of the same place.

    Image and target have the same pixels and channels. The target is given in the intensities of
    the image (see :mod:`imagej_dl.training.target_intensities`), and normalised as the image is.
    """

    takes_volumes: ClassVar[bool] = True
    defaults: ClassVar[Mapping[str, Any]] = {
        **DEFAULTS,
        # As fast as the network learns: on ten pairs, 200 batches gained 2 dB more than with 1e-3.
        "learning_rate": 3e-3,
        "validation": 0.2,
    }

    together: bool = Field(
        default=True,
        description="Several channels are learnt together; false: each by itself, with a network "
        "of its own.",
    )

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of the network that suit the method: what is fine comes from the image."""
        apart = {"apart": not self.together}
        return {"pooling": "blur", "residual": False, "top_skip": True, **apart}

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Return the mean absolute or the mean squared error."""
        from imagej_dl.models import backend

        tf = backend.tensorflow()
        of = {"mae": tf.abs, "mse": tf.square}[name]

        def compute(target: Any, output: Any, weights: Any = 1.0) -> Any:
            return weighted_mean(tf.reduce_mean(of(target - output), -1), weights, total)

        return compute
