"""The configuration of a package that makes a plane of a plane, of what it declares."""

from __future__ import annotations

import math
from itertools import takewhile
from typing import Any

from imagej_dl._version import __version__
from imagej_dl.errors import UserError
from imagej_dl.methods.base import PostProcessing
from imagej_dl.models.config import Architecture, axes
from imagej_dl.models.packages import description, verification
from imagej_dl.models.packages.config import PackageConfig
from imagej_dl.models.packages.description import Sizes, Tensor
from imagej_dl.models.packages.normalisation import PackageNormalisation
from imagej_dl.models.packages.opened import Package
from imagej_dl.models.packages.operations import EnsureDtype
from imagej_dl.models.packages.outputs import is_probability, roles_of

UNITS = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm"}
"""The specification's names of units of length, and ours."""
_NO_HALO = 32
"""Halo in px, at most, where a package declares none."""


def config_of(package: Package) -> PackageConfig:
    """Return the configuration of a package.

    Raises
    ------
    UserError : for a package that is not one of a plane to a plane of the same size.
    """
    source, target = package.source, package.target
    try:
        _check_axes(package)
        _, left = divided(target)
        divided(source)  # wrong operations are said before the work
        roles = roles_of(target, verification.tensor_of(package.archive, target))
    except UserError as error:
        raise error.at(package.path) from error
    sizes = (_sizes(source, "y"), _sizes(source, "x"))
    step = math.lcm(*(one.step if isinstance(one, Sizes) else 1 for one in sizes))
    least = min(one.min if isinstance(one, Sizes) else one for one in sizes)
    halo = max(_halo(target, letter) for letter in "yx")
    refers = any(getattr(one, "reference_tensor", None) is not None for one in left)
    height, width, unit = _pixel(source)
    declared = package.declared
    config = PackageConfig(
        classes=target.names,
        title=f"{declared.name} {declared.version or ''}".strip(),
        weights=package.format,
        architecture=Architecture(name=package.format, arguments={}),
        normalisation=PackageNormalisation.of(source, keep=refers),
        axes=axes(1, source.channels),  # type: ignore[arg-type]
        channels=source.channels,
        pixel_height=height,
        pixel_width=width,
        unit=unit,
        patch=max(least, 8),
        halo=halo or min(_NO_HALO, least // 8),
        multiple_of=min(step, 2**12),
        sizes=sizes,
        gives="image",
        roles=roles,
        operations=target.postprocessing[len(target.operations) - len(left) :],
        instances=PostProcessing(),
        imagej_dl_version=__version__,
        keras_version="",
        tensorflow_version="",
    )
    told = roles is not None and not left and is_probability(target)
    return config.giving("labels") if told else config


def divided(tensor: Tensor) -> tuple[list[Any], list[Any]]:
    """Return the operations on a tensor that look at single pixels, and those from the first on
    that looks at the whole plane.
    """
    steps = list(tensor.operations)
    first = list(takewhile(lambda one: not one.whole, steps))
    left = steps[len(first) :]
    # A type at the very end says nothing more about float32.
    return first, [] if all(isinstance(one, EnsureDtype) for one in left) else left


def _check_axes(package: Package) -> None:
    """Raise UserError for a package that is not one of an image plane to one of the same size."""
    source, target = package.source, package.target
    if len(package.declared.inputs) > 1:
        names = ", ".join(one.id for one in package.declared.inputs)
        raise UserError(
            f"takes several inputs ({names}); imagej-dl predicts with packages of one image",
            remedy="Use it in a program that asks for all of them, such as bioimageio.core.",
        )
    for tensor in (source, target):
        letters = [axis.letter for axis in tensor.axes]
        if not {"y", "x"} <= set(letters) or len(set(letters)) < len(letters):
            raise UserError(f"its tensor {tensor.id} has the axes {''.join(letters)}, no plane")
        for axis in tensor.axes:
            if axis.letter in "zti" and axis.size != 1:
                words = {"z": "stacks", "t": "several frames", "i": "lists"}[axis.letter]
                raise UserError(
                    f"its tensor {tensor.id} is one of {words}, and imagej-dl predicts planes",
                    remedy="Use a package for 2-D images.",
                )
    for letter in "yx":
        _sizes(source, letter)
        size = target.axis(letter)
        assert size is not None
        given = source.axis(letter)
        assert given is not None
        same = (
            size.size == given.size
            or (isinstance(size.size, description.SizeOf) and size.size.offset == 0)
        ) and size.scale == given.scale  # fmt: skip
        if not same:
            raise UserError(
                f"its output is of another size than its input along {letter}, which imagej-dl "
                "does not put together",
                remedy="Use a package whose output has the size of the input.",
            )


def _sizes(source: Tensor, letter: str) -> int | Sizes:
    axis = source.axis(letter)
    assert axis is not None
    size = axis.size
    if isinstance(size, description.SizeOf):  # as large as the other side
        other = source.axis("x" if letter == "y" else "y")
        size = other.size if other is not None and size.tensor_id == source.id else None
    if not isinstance(size, int | Sizes):
        raise UserError(f"does not declare the size of its input along {letter}")
    return size


def _halo(target: Tensor, letter: str) -> int:
    axis = target.axis(letter)
    return axis.halo if axis is not None else 0


def _pixel(source: Tensor) -> tuple[float, float, str]:
    """Return height and width of a pixel, and their unit; 1 px where they are not declared."""
    sides = [axis for axis in (source.axis("y"), source.axis("x")) if axis is not None]
    unit = UNITS.get(sides[0].unit or "")
    if unit is None or sides[0].unit != sides[1].unit:
        return 1.0, 1.0, "pixel"
    return sides[0].scale, sides[1].scale, unit
