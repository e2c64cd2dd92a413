"""The output of a package: objects, where its channels are probabilities of these, or an image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from imagej_dl.images.intensities.levels import Levels
from imagej_dl.methods.base import Loss, Total
from imagej_dl.methods.shared.class_method import ObjectMethod
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models.packages.description import Processing, Tensor
from imagej_dl.models.packages.normalisation import PackageLevels
from imagej_dl.models.packages.operations import Binarize, Sigmoid, Softmax, applied

_BACKGROUND = re.compile(r"back ?ground|\bbg\b|outside", re.I)
_BORDER = re.compile(r"bound|border|contour|edge|membrane|outline", re.I)
_OBJECT = re.compile(
    r"fore ?ground|\bfg\b|nucle|cell|object|mask|inside|interior|prob|segment|bacter", re.I
)
_IMAGE = re.compile(r"denois|restor|reconstr|super.?res|deconv|stain", re.I)
_SLACK = 1e-3


class Roles(BaseModel):
    """The channels that are probabilities: of the object, of its border, of the background."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: int
    border: int | None = None
    background: int | None = None


class PackageLabels(ObjectMethod):
    """Probabilities that become objects by the watershed of the kinds `binary` and `border`."""

    names: tuple[str, ...]
    roles: Roles

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the output's channels."""
        return self.names

    def evidence(self, output: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the probability of being in any object, and that of being in its middle."""
        inside = np.asarray(output[..., self.roles.object], np.float32)
        anything = inside
        if self.roles.background is not None:
            anything = 1 - np.asarray(output[..., self.roles.background], np.float32)
        elif self.roles.border is not None:
            # Of two channels that do not exclude each other the first takes in the border.
            border = np.asarray(output[..., self.roles.border], np.float32)
            inside = np.clip(inside - border, 0, 1)
        return anything, inside

    def class_probabilities(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of the object."""
        return output[..., self.roles.object, None]


class PackageImage(ImageMethod):
    """An image, as the package gives it.

    operations : that are left for the whole plane.
    """

    keeps_intensities: ClassVar[bool] = False
    result: ClassVar[str] = "output"
    names: tuple[str, ...]
    operations: tuple[Processing, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the output's channels."""
        return self.names

    def of_plane(self, image: NDArray[np.float32], levels: Levels | None) -> NDArray[np.float32]:
        """Apply the operations that look at the whole plane."""
        if not self.operations:
            return image
        references = levels.references if isinstance(levels, PackageLevels) else {}
        steps = [one.operation for one in self.operations]
        return applied(steps, image, references).astype(np.float32)

    def loss(
        self,
        name: str,
        *,
        class_weights: Sequence[float] | None = None,
        dice: float = 0.0,
        total: Total,
    ) -> Loss:
        """Raise ValueError: packages are not trained."""
        raise ValueError("a package of BioImage.IO is not trained here")


def roles_of(tensor: Tensor, expected: NDArray[Any] | None) -> Roles | None:
    """Return which channels may be probabilities of objects; None where the output is an image.

    Parameters
    ----------
    tensor : the output; each of several channels must tell by its name what it is.
    expected : its test tensor (N, Y, X, K), which must lie between 0 and 1, if there is one.
    """
    if expected is not None and (expected.min() < -_SLACK or expected.max() > 1 + _SLACK):
        return None
    names = tensor.names
    found: dict[str, int] = {}
    for kind, pattern in (("background", _BACKGROUND), ("border", _BORDER), ("object", _OBJECT)):
        free = [n for n in range(len(names)) if n not in found.values()]
        match = next((n for n in free if pattern.search(names[n])), None)
        if match is not None:
            found[kind] = match
    if len(names) == 1:
        return None if set(found) - {"object"} else Roles(object=0)
    return Roles(**found) if "object" in found and len(found) == len(names) else None


def is_probability(tensor: Tensor) -> bool:
    """Return whether an output says that it is a probability of objects.

    By its operations, its range, or the names of the tensor and its channels.
    """
    if _IMAGE.search(f"{tensor.id} {tensor.description}"):
        return False
    limits = tensor.data.range == (0, 1)
    ends = any(isinstance(one, Binarize | Sigmoid | Softmax) for one in tensor.operations)
    return limits or ends or bool(_OBJECT.search(" ".join((tensor.id, *tensor.names))))
