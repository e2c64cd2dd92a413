"""Settings of the post-processing that makes instances of class probabilities."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imagej_dl.methods.base import PostProcessing

Probability = Annotated[float, Field(gt=0, lt=1)]


class Instances(PostProcessing):
    """The post-processing of probability maps to instances by `imagej_dl.prediction.instances`.

    The region is where `1 - p_background` (kind "binary": `p_object`) is above
    `region_threshold`, closed by a disc of the radius `closing`, eroded `region_erosion` times by
    the cross of 5 pixels: the border class lies on both sides of an outline, so its region is too
    wide by the border's size. Objects are the hills of `depth + object_weight · p_object` that rise
    `marker_height` above the passes to higher hills; depth is the distance from the region's
    outline. Then holes are filled, and objects smaller than `minimum_area`, or at the image's edge,
    are dropped. Each step can be left out.
    """

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
    def of_kind(cls, kind: str, border_size: int) -> Instances:
        """Return the settings for models of this kind, before any search."""
        from imagej_dl.methods import registry

        method = registry.method(kind, {"border_size": border_size})
        return cls.model_validate(method.default_postprocessing().model_dump())
