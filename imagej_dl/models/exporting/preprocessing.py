"""A model's normalisation as operations of BioImage.IO's specification, where they are equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imagej_dl.images import Normalisation
from imagej_dl.models.config import ModelConfig

_FLOAT = {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}
Declared = list[dict[str, Any]]


@dataclass(frozen=True)
class Preprocessing:
    """The pre-processing of a package.

    operations : as rdf.yaml has them; None where no operations are equal to the normalisation, so
        that the package takes images that are normalised already.
    back : operations on an output of intensities that bring back those of the input.
    notes : sentences for the reader of the package.
    """

    operations: Declared | None
    back: Declared
    notes: tuple[str, ...]

    @property
    def declared(self) -> Declared:
        """The operations of the input."""
        return [_FLOAT, *(self.operations or []), _FLOAT]

    @property
    def after(self) -> Declared:
        """The operations of the output."""
        return [*self.back, _FLOAT]


def preprocessing(config: ModelConfig, dtype: np.dtype[Any]) -> Preprocessing:
    """Return a model's normalisation as operations.

    Parameters
    ----------
    dtype : of the test image, for normalisations that divide by the largest value of the type.
    """
    rule = config.normalisation
    if why := _unknown(rule):
        return Preprocessing(
            None,
            [],
            (
                f"The model normalises intensities by {why}, which the specification has no "
                "operation for. The package takes images that are normalised already: "
                f"{_words(rule)}.",
            ),
        )
    notes: list[str] = []
    operations: Declared
    back: Declared = []
    if rule.method == "percentile":
        operations = [
            {
                "id": "scale_range",
                "kwargs": {
                    "axes": ["y", "x"],
                    "min_percentile": rule.lower,
                    "max_percentile": rule.upper,
                },
            }
        ]
        notes.append(
            f"Intensities are mapped so that percentile {rule.lower:g} of each plane and channel "
            f"becomes 0 and percentile {rule.upper:g} becomes 1, as in imagej-dl; the operation "
            "adds 1e-6 to the difference of the two."
        )
        if config.seen is not None:
            notes.append(
                "imagej-dl also limits this stretch in planes unlike those of the training (nearly "
                "empty ones, and those with bright debris). The specification has no operation for "
                "that: such planes differ here."
            )
        if config.method.gives == "image":
            notes.append(
                "The output is in normalised intensities. To bring it back to those of the image, "
                "multiply it by the difference of the two percentiles and add the lower one; the "
                "specification has no operation for that."
            )
    else:
        most = rule.largest or (float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0)
        operations = [{"id": "scale_linear", "kwargs": {"gain": 1 / most, "offset": 0.0}}]
        notes.append(f"Intensities are divided by {most:g}.")
        if rule.largest is None:
            notes.append(
                f"That is the largest value of the test image's type ({dtype}); images of another "
                "type must be scaled to its range first."
            )
        if config.method.gives == "image" and not rule.clip:
            back = [{"id": "scale_linear", "kwargs": {"gain": most, "offset": 0.0}}]
    if rule.clip:
        operations.append({"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}})
    if rule.scope == "video" and rule.method == "percentile":
        notes.append(
            "imagej-dl measures the percentiles of a video as a whole; here each plane is measured "
            "by itself."
        )
    return Preprocessing(operations, back, tuple(notes))


def _unknown(rule: Normalisation) -> str:
    if rule.illumination:
        return f"a correction of uneven illumination (sigma {rule.illumination:g} px)"
    if rule.method in ("median", "mean"):
        return f"moving the {rule.method} of each plane to 0.5"
    return "histogram equalisation" if rule.method == "equalise" else ""


def _words(rule: Normalisation) -> str:
    steps = []
    if rule.illumination:
        steps.append(f"subtract a Gaussian blur of sigma {rule.illumination:g} px and add its mean")
    if rule.method == "percentile":
        steps.append(f"map percentiles {rule.lower:g} and {rule.upper:g} to 0 and 1")
    elif rule.method == "equalise":
        steps.append("replace each intensity by the share of pixels that are darker")
    else:
        largest = f"{rule.largest:g}" if rule.largest else "the largest value of the pixel type"
        steps.append(f"divide by {largest}")
        if rule.method != "range":
            steps.append(f"add what brings the {rule.method} to 0.5")
    return ", then ".join([*steps, *(["clip at 0 and 1"] if rule.clip else [])])
