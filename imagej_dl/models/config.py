"""What a model's config.json says: everything that prediction must know besides the weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imagej_dl.images import Normalisation, Seen

FORMAT_VERSION = 1
"""Version of the MODEL folder; raised when an older reader would misread a newer folder."""

CLASSES: dict[str, tuple[str, ...]] = {
    "border": ("background", "object", "border"),
    "binary": ("object",),
    "foreground": ("background", "object"),
    "contour": ("background", "object", "contour"),
}
"""Classes of each kind of model, in the order of the output channels."""

Kind = Literal["border", "binary", "foreground", "contour"]
Probability = Annotated[float, Field(gt=0, lt=1)]


class Instances(BaseModel):
    """How probabilities become objects; :func:`imagej_dl.prediction.instances` is the rule.

    The region is where `1 - p_background` (kind "binary": `p_object`) is above
    `region_threshold`, closed by a disc of the radius `closing`, eroded `region_erosion` times by
    the cross of 5 pixels: the border class lies on both sides of an outline, so its region is too
    wide by the border's size. Objects are the hills of `depth + object_weight · p_object` that rise
    `marker_height` above the passes to higher hills; depth is the distance from the region's
    outline. Then holes are filled, and objects smaller than `minimum_area`, or at the image's edge,
    are dropped. Each step can be left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    region_threshold: Probability = Field(default=0.5, description="Probability of no background.")
    closing: int = Field(
        default=0, ge=0, le=50, description="Radius of the closing of the region, in px; 0: none."
    )
    region_erosion: int = Field(default=0, ge=0, le=20, description="Erosion of the region, in px.")
    split: bool = Field(default=True, description="Whether touching objects are split.")
    # The defaults were among the best of a grid on real nuclei of 9 to 45 px diameter, on
    # predictions of networks that had not seen the image (three folds over 36 images).
    smoothing: float = Field(
        default=1.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="Sigma of the Gaussian on depth and p_object, in px.",
    )
    object_weight: float = Field(
        default=10.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        description="What p_object = 1 counts beside the depth, in px.",
    )
    marker_height: float = Field(
        default=2.0,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="Least height of a hill, in px: larger splits less.",
    )
    fill_holes: bool = Field(default=True, description="Whether holes in objects are filled.")
    minimum_area: int = Field(
        default=0, ge=0, lt=2**63, description="Smallest object that is kept, in px."
    )
    drop_edge: bool = Field(
        default=False, description="Whether objects that touch the image's edge are dropped."
    )

    @classmethod
    def of_kind(cls, kind: Kind, border_size: int) -> Instances:
        """Return the settings for targets of this kind, before any tuning."""
        if kind == "border":
            return cls(region_erosion=border_size)
        if kind == "contour":  # which lies within the objects: nothing is to be taken off
            return cls()
        # Only the depth tells the objects apart: lower hills must do.
        return cls(marker_height=1.0)


class Architecture(BaseModel):
    """The network's name and the arguments it was built with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: dict[str, Any]


class ModelConfig(BaseModel):
    """Content of config.json. Lengths in px are those of the images the model is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    kind: Kind
    classes: tuple[str, ...] = Field(description="Classes in the order of the output channels.")
    architecture: Architecture
    normalisation: Normalisation
    axes: Literal["YX", "YXC", "TYX", "TYXC"] = Field(
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
    seen: Seen | None = Field(
        default=None,
        description="What the training saw of intensities, which bounds how far a plane is "
        "stretched; models of earlier versions have none, and no bounds.",
    )
    instances: Instances = Instances()
    border_size: int = Field(
        default=2, ge=1, le=100, description="Border: half width of the border class, px."
    )
    training: dict[str, Any] = Field(
        default_factory=dict, description="The settings of the training, for the record."
    )
    imagej_dl_version: str
    keras_version: str
    tensorflow_version: str

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        if self.classes != CLASSES[self.kind]:
            raise ValueError(f"classes of kind {self.kind} are {', '.join(CLASSES[self.kind])}")
        if self.axes != axes(self.frames, self.channels):
            words = f"{self.channels} channels and {self.frames} frames"
            raise ValueError(f"axes {self.axes} do not go with {words}")
        return self


def axes(frames: int, channels: int) -> str:
    """Return the axes of what a network of so many frames and channels predicts at once."""
    return ("T" if frames > 1 else "") + "YX" + ("C" if channels > 1 else "")
