"""A model's config.json: all that prediction must know besides the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from imagej_dl.images import Normalisation, Seen
from imagej_dl.methods import registry
from imagej_dl.methods.base import Method, PostProcessing
from imagej_dl.methods.registry import KnownKind
from imagej_dl.models.packages.archive import described
from imagej_dl.serialisation import omitting
from imagej_dl.validation import in_words

CONFIG = "config.json"
"""The file in a model's folder that holds a :class:`ModelConfig`."""
UNFINISHED = ".training"
"""The folder in it of a training that has not ended."""

FORMAT_VERSION = 1
"""Version of the MODEL folder; raised when an older reader would misread a newer folder."""

CLASSES: dict[str, tuple[str, ...]] = {
    name: method().channels for name, method in registry.METHODS.items()
}
"""Output channels of each kind of model, in their order, with the method's usual settings."""


class Architecture(BaseModel):
    """The network's name and the arguments it was built with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: dict[str, Any]


class Volume(BaseModel):
    """Properties of a 3-D network along Z."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slices: int = Field(ge=2, le=256, description="Slices of the training patches.")
    halo: int = Field(
        ge=0, le=2**10, description="Reach of the receptive field on each side, in slices."
    )
    multiple_of: int = Field(
        ge=1, le=2**7, description="The number of slices of the input must be a multiple of it."
    )
    pixel_depth: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="Distance of slices, in `unit`."
    )


class ModelConfig(BaseModel):
    """Content of config.json. Lengths in px are those of the images the model is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    kind: KnownKind
    classes: tuple[str, ...] = Field(description="Classes in the order of the output channels.")
    architecture: Architecture
    normalisation: Normalisation
    axes: Literal["YX", "YXC", "TYX", "TYXC", "ZYX", "ZYXC"] = Field(
        default="YX", description="Axes of what is predicted at once."
    )
    channels: int = Field(default=1, ge=1, le=1000, description="Input channels.")
    frames: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Frames that the network sees, the segmented one last.",
    )
    pixel_width: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="Pixel size, in `unit`."
    )
    pixel_height: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="Pixel size, in `unit`."
    )
    unit: str = "pixel"
    object_diameter: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Median diameter of the training objects, in px.",
    )
    patch: int = Field(ge=8, le=2**16, description="Side of the training patches, in px.")
    halo: int = Field(
        ge=0, le=2**14, description="Reach of the receptive field on each side, in px."
    )
    multiple_of: int = Field(
        ge=1,
        le=2**12,
        description="Input sides, and offsets of tiles, must be multiples of it, in px: "
        "pooling makes the result depend on the grid's phase.",
    )
    volume: Volume | None = Field(
        default=None,
        description="Of a 3-D network, which predicts volumes; without it, planes are predicted.",
    )
    seen: Seen | None = Field(
        default=None,
        description="Intensity range of the training planes, which limits the contrast "
        "stretch of a plane; models of earlier versions have no such limits.",
    )
    instances: SerializeAsAny[PostProcessing] = Field(
        default_factory=PostProcessing,
        validate_default=True,
        description="Settings of the method's post-processing.",
    )
    border_size: int = Field(
        default=2, ge=1, le=100, description="Border: half the width of the border class, in px."
    )
    method_settings: dict[str, Any] = Field(
        default_factory=dict, description="Further settings of the method, besides `border_size`."
    )
    training: dict[str, Any] = Field(
        default_factory=dict, description="The settings of the training, for the record."
    )
    imagej_dl_version: str
    keras_version: str
    tensorflow_version: str

    @property
    def method(self) -> Method:
        """The method with its settings."""
        shared = {"border_size": self.border_size}
        return registry.method(self.kind, shared, self.method_settings)

    def window(self, plane: tuple[int, int], most: int) -> tuple[int, int] | None:
        """Return the sides that all windows of planes up to a shape must have; None where any do
        that are multiples of `multiple_of`, as for networks of our own.

        They are at most `most`, where the network takes such windows.
        """
        return None

    @field_validator("instances", mode="plain")
    @classmethod
    def _of_method(cls, value: Any, info: ValidationInfo) -> PostProcessing:
        """Read the settings of the post-processing as those of the method, which comes before."""
        if "kind" not in info.data:  # wrong, and said to be
            return PostProcessing()
        declared = registry.METHODS[info.data["kind"]].postprocessing
        if type(value) is PostProcessing:  # left out
            value = {}
        try:
            return declared.model_validate(value)
        except ValidationError as error:
            raise ValueError(in_words(error, declared.model_fields, "instances")) from error

    _later = omitting("method_settings", "volume")

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        channels = self.method.channels
        if self.classes != channels:
            raise ValueError(f"classes of kind {self.kind} are {', '.join(channels)}")
        if self.axes != axes(self.frames, self.channels, self.volume is not None):
            words = f"{self.channels} channels and {self.frames} frames"
            raise ValueError(f"axes {self.axes} do not go with {words}")
        return self


def holds_model(folder: Path) -> bool:
    """Return whether a folder is that of a model, of an unfinished training of one, or of a package
    of BioImage.IO.
    """
    return any((folder / name).exists() for name in (CONFIG, UNFINISHED)) or described(folder)


def axes(frames: int, channels: int, volumetric: bool = False) -> str:
    """Return the axes of what a network of so many frames and channels predicts at once."""
    stack = ("T" if frames > 1 else "") + ("Z" if volumetric else "")
    return stack + "YX" + ("C" if channels > 1 else "")
