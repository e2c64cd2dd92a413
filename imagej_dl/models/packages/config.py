"""The configuration of a package, as prediction reads it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator

from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.methods.base import Method, PostProcessing
from imagej_dl.methods.shared.postprocessing_settings import Instances
from imagej_dl.models.config import ModelConfig
from imagej_dl.models.packages.description import Processing, Side, Sizes
from imagej_dl.models.packages.outputs import PackageImage, PackageLabels, Roles

KIND = "bioimageio"


class PackageConfig(ModelConfig):
    """Configuration of a package: all that prediction must know besides its weights.

    sizes : along Y and X, that the network takes.
    gives : what its output is made into.
    roles : the channels that objects are made of; None where none are known.
    operations : on the output, that look at the whole plane.
    """

    kind: str = KIND
    title: str = ""
    weights: str = ""
    normalisation: SerializeAsAny[Normalisation]
    sizes: tuple[Side | Sizes, Side | Sizes]
    gives: Literal["labels", "image"]
    roles: Roles | None = None
    operations: tuple[Processing, ...] = ()
    instances: SerializeAsAny[PostProcessing] = Field(default_factory=PostProcessing)

    @field_validator("instances", mode="plain")
    @classmethod
    def _of_method(cls, value: Any, info: ValidationInfo) -> PostProcessing:
        return value if isinstance(value, PostProcessing) else Instances.model_validate(value)

    @property
    def method(self) -> Method:
        """The method that makes the result of the output."""
        if self.gives == "image":
            count = len(self.classes)
            return PackageImage(
                names=self.classes, image_channels=count, operations=self.operations
            )
        assert self.roles is not None, "labels are made of channels that are known"
        return PackageLabels(names=self.classes, roles=self.roles)

    def window(self, plane: tuple[int, int], most: int) -> tuple[int, int]:
        """Return the sides of all windows of planes up to a shape, at most `most` if possible."""
        height, width = (
            size if isinstance(size, int) else size.fitting(length, most)
            for size, length in zip(self.sizes, plane, strict=True)
        )
        return height, width

    def giving(self, output: Literal["labels", "image"]) -> PackageConfig:
        """Return the configuration that makes labels, or an image, of the output.

        Raises
        ------
        UserError : for labels of an output that cannot be made into any.
        """
        if output == "labels" and self.roles is None:
            raise UserError(
                f"no label map can be made of its output ({', '.join(self.classes)}): it is not "
                "between 0 and 1, or its channels do not say which are object and which border",
                remedy="Leave --output out: its output is written as an image.",
            )
        if output == "labels" and self.operations:
            raise UserError(
                f"its output is made by {self.operations[0].id} of the whole plane, so no label "
                "map can be made of it",
                remedy="Leave --output out: its output is written as an image.",
            )
        settings = Instances(marker_height=1.0) if output == "labels" else PostProcessing()
        return self.model_copy(update={"gives": output, "instances": settings})
