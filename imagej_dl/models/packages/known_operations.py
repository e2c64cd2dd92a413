"""The pre- and post-processing operations that packages may ask for, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from imagej_dl.errors import UserError
from imagej_dl.models.packages.operations import (
    Binarize,
    EnsureDtype,
    FixedZeroMeanUnitVariance,
    Operation,
    ScaleLinear,
    Sigmoid,
    Softmax,
)
from imagej_dl.models.packages.plane_operations import (
    Clip,
    ScaleMeanVariance,
    ScaleRange,
    ZeroMeanUnitVariance,
)
from imagej_dl.validation import in_words

OPERATIONS: dict[str, type[Operation]] = {
    one.name: one
    for one in (
        EnsureDtype, ScaleLinear, Binarize, Sigmoid, Softmax, Clip, ScaleRange,
        ZeroMeanUnitVariance, FixedZeroMeanUnitVariance, ScaleMeanVariance,
    )
}  # fmt: skip
"""The operations by their ids."""


def operation(identifier: str, arguments: Mapping[str, Any]) -> Operation:
    """Return an operation of a description.

    Raises
    ------
    UserError : for one that is not known, such as Python code of the package, and wrong arguments.
    """
    declared = OPERATIONS.get(identifier)
    if declared is None:
        known = ", ".join(OPERATIONS)
        raise UserError(
            f"asks for the processing {identifier}, which imagej-dl does not run",
            remedy=f"Use a package with these alone: {known}.",
        )
    try:
        return declared.model_validate(dict(arguments))
    except ValidationError as error:
        words = in_words(error, declared.model_fields)
        raise UserError(f"declares {identifier} with wrong arguments ({words})") from error
