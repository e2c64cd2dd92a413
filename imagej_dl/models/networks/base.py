"""The base of all networks: described arguments, and `build`."""

from __future__ import annotations

from abc import abstractmethod
from itertools import groupby
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imagej_dl.methods.base import Output
from imagej_dl.models import backend


class Network(BaseModel):
    """Arguments of a network; those of a trained one are kept in its config.json.

    A network takes (N, Y, X, channels), a recurrent one (N, frames, Y, X, channels) with the frame
    that is segmented last, and gives (N, Y, X, classes), float32. Y and X are free, but must be
    multiples of `multiple_of`. A 3-D network takes (N, Z, Y, X, channels) and gives
    (N, Z, Y, X, classes); Z must be a multiple of `multiple_of_z`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str] = ""
    """Its name in config.json and in `architecture`; a class without one is a base of others."""
    summary: ClassVar[str] = ""
    """A few words for help texts, without a full stop; those of Fluffy and of
    microscopy-dl-suite-tf have none."""
    learning_rate: ClassVar[float] = 3e-3
    """Highest learning rate of a training, unless another is given."""

    channels: int = Field(default=1, ge=1, le=1000, description="Input channels.")
    classes: int = Field(default=3, ge=1, le=1000, description="Output channels.")
    output: Output | tuple[Output, ...] | None = Field(
        default=None,
        description="Last activation, of all channels or one a channel. softmax: one class a "
        "pixel; sigmoid: each class for itself; linear, relu: values; when left out sigmoid for "
        "one class, else softmax.",
    )

    @property
    @abstractmethod
    def multiple_of(self) -> int:
        """Sides of the input must be multiples of this, in px."""

    @property
    def multiple_of_z(self) -> int:
        """Slices of the input of a 3-D network must be multiples of this."""
        return 1

    @property
    def window(self) -> int:
        """Frames that the network sees at once."""
        return 1

    @abstractmethod
    def build(self) -> Any:
        """Return the untrained Keras model."""

    @model_validator(mode="after")
    def _one_a_channel(self) -> Network:
        if isinstance(self.output, tuple) and len(self.output) != self.classes:
            raise ValueError(f"{len(self.output)} activations for {self.classes} output channels")
        return self

    def _probabilities(self, x: Any, **more: Any) -> Any:
        """Finish with a 1×1 convolution to the output channels: probabilities, or values."""
        if isinstance(self.output, tuple):
            return self._heads(x, self.output, **more)
        activation = self.output or ("sigmoid" if self.classes == 1 else "softmax")
        return _head(x, self.classes, activation, "probabilities", **more)

    def _heads(self, x: Any, activations: tuple[Output, ...], **more: Any) -> Any:
        """Finish with a convolution for all channels that follow each other with one activation."""
        groups = [(activation, len(list(same))) for activation, same in groupby(activations)]
        heads = [
            _head(x, count, activation, f"output_{number}", **more)
            for number, (activation, count) in enumerate(groups, 1)
        ]
        if len(heads) == 1:
            return heads[0]
        return backend.keras().layers.Concatenate(dtype="float32", name="output")(heads)


def _head(x: Any, channels: int, activation: Output, name: str, **more: Any) -> Any:
    # float32 whatever the policy: probabilities near 0 and 1 would be lost in half precision.
    layers = backend.keras().layers
    kind = layers.Conv3D if len(x.shape) == 5 else layers.Conv2D
    return kind(channels, 1, activation=activation, dtype="float32", name=name, **more)(x)
