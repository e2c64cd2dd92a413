"""Settings of the post-processing that makes instances of class probabilities."""

from __future__ import annotations

from typing import Annotated, ClassVar, Protocol

from pydantic import Field

from imagej_dl.methods.base import PostProcessing
from imagej_dl.serialisation import omitting

Probability = Annotated[float, Field(gt=0, lt=1)]
FillHoles = Annotated[bool, Field(description="Fill holes in objects.")]
MinimumArea = Annotated[
    int, Field(ge=0, lt=2**63, description="Smallest object to keep, in px (area).")
]
DropEdge = Annotated[bool, Field(description="Remove objects that touch the edge of the image.")]


class Cleaning(Protocol):
    """The settings of what is done to each object that was found, whatever the method."""

    @property
    def fill_holes(self) -> bool:
        """True if holes are filled."""

    @property
    def minimum_area(self) -> int:
        """The smallest object to keep, in px."""

    @property
    def drop_edge(self) -> bool:
        """True if objects that touch the edge of the image are dropped."""


class Instances(PostProcessing):
    """The post-processing of probability maps to instances by `imagej_dl.prediction.instances`.

    The region is where `1 - p_background` (kind "binary": `p_object`) is above
    `region_threshold`, closed by a disc of the radius `closing`, eroded `region_erosion` times by
    the cross of 5 pixels: the border class lies on both sides of an outline, so its region is too
    wide by the border's size. Objects are the peaks of `depth + object_weight · p_object` that rise
    `marker_height` above the passes to higher peaks; depth is the distance from the region's
    outline. Those that meet where p_object is above `joining` are one, and those that are less sure
    than `least_mean` are dropped. Then holes are filled, and objects smaller than `minimum_area`,
    or at the image's edge, are dropped. Each step can be left out.
    """

    region_threshold: Probability = Field(
        default=0.5, description="Threshold of the probability of not being background."
    )
    closing: int = Field(
        default=0,
        ge=0,
        le=50,
        description="Radius of the morphological closing of the foreground region, in px; 0: no "
        "closing.",
    )
    region_erosion: int = Field(
        default=0, ge=0, le=20, description="Erosion of the foreground region, in px."
    )
    split: bool = Field(default=True, description="Split touching objects.")
    # The defaults were among the best of a grid on real nuclei of 9 to 45 px diameter, on
    # predictions of networks that had not seen the image (three folds over 36 images).
    smoothing: float = Field(
        default=1.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="Sigma of the Gaussian that smooths the distance to the background and "
        "p_object, in px.",
    )
    object_weight: float = Field(
        default=10.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        description="Weight of p_object relative to the distance to the background, in px.",
    )
    marker_height: float = Field(
        default=2.0,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="Minimum height of a peak above the pass to a higher one, in px; larger "
        "values split less.",
    )
    joining: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Objects are not split where p_object is above this on both sides; 0: they "
        "are split there, too.",
    )
    least_mean: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Objects whose probability of not being background, mean over their pixels, is "
        "below this are dropped.",
    )
    fill_holes: FillHoles = True
    minimum_area: MinimumArea = 0
    drop_edge: DropEdge = False

    LATER: ClassVar[tuple[str, ...]] = ("joining", "least_mean")
    """Settings that the first version had not: 0 is what it did."""

    _later = omitting(*LATER)

    @classmethod
    def of_kind(cls, kind: str, border_size: int) -> Instances:
        """Return the settings for models of this kind, before any search."""
        from imagej_dl.methods import registry

        method = registry.method(kind, {"border_size": border_size})
        return cls.model_validate(method.default_postprocessing().model_dump())
