"""A network with its configuration, and what it gives for a plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.images import Far, Levels
from imagej_dl.methods.shared.volumes import as_slices
from imagej_dl.models.config import ModelConfig
from imagej_dl.models.frame_windows import output_of


def largest_difference(found: NDArray, expected: NDArray) -> float:
    """Return by how much outputs differ at most, of values above 1 as a share of them."""
    return float((np.abs(found - expected) / np.maximum(np.abs(expected), 1)).max())


@dataclass(frozen=True)
class ModelBundle:
    """A network with its configuration, and the folder it came from."""

    model: Any
    config: ModelConfig
    folder: Path | None = None

    @classmethod
    def deployed(cls, network: Any, config: ModelConfig) -> ModelBundle:
        """Return the bundle of a network in training."""
        return cls(config.method.deployed(network), config)

    def probabilities(self, plane: NDArray) -> NDArray[np.float32]:
        """Predict one plane that fits into memory as a whole.

        Parameters
        ----------
        plane : array (Y, X), or (Y, X, C) for more than one channel; raw intensities. It is
            normalised, mirrored up to multiples of `config.multiple_of`, and cropped again.
            For a recurrent network (T, Y, X) or (T, Y, X, C): the frames up to the predicted one.
            For a 3-D network (Z, Y, X) or (Z, Y, X, C).

        Returns
        -------
        float32 array (Y, X, classes), in the order of `config.classes`; of a 3-D network
        (Z, Y, X, classes).

        Raises
        ------
        UserError : when the channels are not those the model was trained on.
        """
        if self.config.volume is not None:
            together = self.network_output(self.prepare_volume(plane))
            return as_slices(together, len(self.config.classes))
        if self.config.frames == 1:
            return self.network_output(self.prepare(plane))
        return self.network_output(self.prepare_window(plane))

    def network_output(
        self,
        ready: NDArray[np.float32],
        run: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float32]:
        """Return the probabilities of what was made ready: (Y, X, C), for a window (Y, X, T·C).

        For a 3-D network (Y, X, Z·C), which gives (Y, X, Z·classes).

        `run` may be the network as :func:`imagej_dl.prediction.network.network` compiles it.
        """
        height, width = ready.shape[:2]
        step = self.config.multiple_of
        sides = (height + -height % step, width + -width % step)
        sides = self.config.window((height, width), max(sides)) or sides
        if sides[0] < height or sides[1] < width:
            raise UserError(
                f"sees {sides[1]}×{sides[0]} px at once, not {width}×{height}", path=self.folder
            )
        # "symmetric" mirrors planes of any size; "reflect" would fail on a single pixel's width.
        padding = ((0, sides[0] - height), (0, sides[1] - width), (0, 0))
        padded = np.pad(ready, padding, "symmetric")[None]
        count = None
        if (volume := self.config.volume) is not None:
            slices = padded.shape[-1] // self.config.channels
            count = slices * len(self.config.classes)
            more = -slices % volume.multiple_of
            apart = padded.reshape(*padded.shape[:3], slices, -1)
            apart = np.pad(apart, ((0, 0),) * 3 + ((0, more), (0, 0)), "symmetric")
            padded = apart.reshape(*padded.shape[:3], -1)
        found = run(padded) if run else output_of(self.model, padded)
        return np.asarray(found)[0, :height, :width, :count]

    def prepare_volume(self, volume: NDArray) -> NDArray[np.float32]:
        """Normalise a volume (Z, Y, X) or (Z, Y, X, C), as a whole, to (Y, X, Z·C), float32."""
        levels = self.config.normalisation.levels_together(volume, self.config.seen)
        return np.concatenate([self.prepare(plane, levels) for plane in volume], axis=-1)

    def prepare_window(self, window: NDArray) -> NDArray[np.float32]:
        """Normalise a window (T, Y, X) or (T, Y, X, C) to (Y, X, T·C), float32."""
        if len(window) != self.config.frames:
            raise UserError(
                f"the window has {len(window)} frames, the model sees {self.config.frames}",
                path=self.folder,
            )
        levels = self.config.normalisation.levels(window, self.config.seen)
        return np.concatenate([self.prepare(plane, levels) for plane in window], axis=-1)

    def prepare(
        self, plane: NDArray, levels: Levels | None = None, far: list[Far] | None = None
    ) -> NDArray[np.float32]:
        """Normalise a plane (Y, X) or (Y, X, C) to the network's input (Y, X, C), float32.

        `levels` are those of its video, where the model normalises by the video; `far` takes in
        what the plane is beyond what the training saw.
        """
        return self.prepared(plane, levels, far)[0]

    def prepared(
        self, plane: NDArray, levels: Levels | None = None, far: list[Far] | None = None
    ) -> tuple[NDArray[np.float32], Levels]:
        """Normalise a plane as :meth:`prepare` does, and return the mapping that was used, too."""
        config = self.config
        # An image that is given back keeps what is brighter than all that the training saw.
        limits = config.method.gives != "image"
        ready, used = config.normalisation.with_levels(
            plane, levels, config.seen, far, limits=limits
        )
        ready = ready[..., None] if ready.ndim == 2 else ready
        if ready.shape[-1] != config.channels:
            raise UserError(
                f"the image has {ready.shape[-1]} channel(s), the model was trained on "
                f"{config.channels}",
                path=self.folder,
                remedy="Give it images with the channels that it was trained on.",
            )
        return ready, used
