"""The U-Net of Noise2Void for movies, which sees several frames at once."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from imagej_dl.models import backend
from imagej_dl.models.networks.unet_n2v import UNetN2V


class UNetN2VFrames(UNetN2V):
    """Arguments of the network.

    Its first convolution, 3×3 px in each of the frames, makes features of all of them together,
    which the U-Net turns into the last frame. What stays where it is, or moves little, is seen
    several times, each time with other noise (as in DeepInterpolation, Lecoq et al. 2021).
    """

    name: ClassVar[str] = "unet_n2v_frames"
    summary: ClassVar[str] = "the same, seeing several frames of a movie"

    frames: int = Field(default=5, ge=2, le=50, description="Frames seen at once.")

    @model_validator(mode="after")
    def _in_2d(self) -> UNetN2VFrames:
        if self.patch_slices is not None:
            raise ValueError("patch_slices: a network that sees several frames is 2-D")
        return self

    @property
    def window(self) -> int:
        """Frames that the network sees at once."""
        return self.frames

    def build(self) -> Any:
        """Return the untrained Keras model, (N, frames, Y, X, channels) → (N, Y, X, classes)."""
        model = super().build()
        if self.residual:
            kernel = np.zeros((self.frames, 1, 1, self.channels, self.channels), np.float32)
            kernel[-1, 0, 0] = np.eye(self.channels)
            model.get_layer("last_frame").set_weights([kernel])
        return model

    def _inputs(self) -> Any:
        return backend.keras().Input((self.frames, None, None, self.channels), name="frames")

    def _denoised(self, inputs: Any) -> Any:
        """Return the last frame, by a layer that any program reads."""
        chosen = backend.keras().layers.Conv3D(
            self.channels,
            (self.frames, 1, 1),
            use_bias=False,
            trainable=False,
            dtype="float32",
            name="last_frame",
        )(inputs)
        return self._without_frames(chosen)

    def _channel(self, inputs: Any, number: int) -> Any:
        conv = backend.keras().layers.Conv3D
        return conv(1, 1, use_bias=False, trainable=False, name=f"channel{number}")(inputs)

    def _body(self, x: Any, prefix: str) -> Any:
        layers = backend.keras().layers
        x = layers.ZeroPadding3D((0, 1, 1), name=f"{prefix}frames_pad")(x)
        x = layers.Conv3D(
            self.width,
            (self.frames, 3, 3),
            activation="relu",
            kernel_initializer="he_normal",
            name=f"{prefix}frames_conv",
        )(x)
        return super()._body(self._without_frames(x), prefix)

    @staticmethod
    def _without_frames(x: Any) -> Any:
        """Return (N, 1, Y, X, …) as (N, Y, X, …)."""
        return backend.keras().ops.mean(x, axis=1)
