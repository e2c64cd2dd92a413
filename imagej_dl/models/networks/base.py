"""The base of all networks: described arguments, and `build`."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from imagej_dl.models import backend

Output = Literal["softmax", "sigmoid"]


class Network(BaseModel):
    """Arguments of a network; those of a trained one are kept in its config.json.

    A network takes (N, Y, X, channels), a recurrent one (N, frames, Y, X, channels) with the frame
    that is segmented last, and gives (N, Y, X, classes), float32. Y and X are free, but must be
    multiples of `multiple_of`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    """Its name in config.json and in `architecture`; a class without one is a base of others."""
    learning_rate: ClassVar[float] = 3e-3
    """Highest learning rate of a training, unless another is given."""

    channels: int = Field(default=1, ge=1, le=1000, description="Input channels.")
    classes: int = Field(default=3, ge=1, le=1000, description="Output channels.")
    output: Output | None = Field(
        default=None,
        description="softmax: one class a pixel; sigmoid: each class for itself; when left out "
        "sigmoid for one class, else softmax.",
    )

    @property
    @abstractmethod
    def multiple_of(self) -> int:
        """Sides of the input must be multiples of this, in px."""

    @property
    def window(self) -> int:
        """Frames that the network sees at once."""
        return 1

    @abstractmethod
    def build(self) -> Any:
        """Return the untrained Keras model."""

    def _probabilities(self, x: Any, **more: Any) -> Any:
        """Finish with a 1×1 convolution to the classes' probabilities."""
        activation = self.output or ("sigmoid" if self.classes == 1 else "softmax")
        # float32 whatever the policy: probabilities near 0 and 1 would be lost in half precision.
        return backend.keras().layers.Conv2D(
            self.classes,
            1,
            activation=activation,
            dtype="float32",
            name="probabilities",
            **more,
        )(x)
