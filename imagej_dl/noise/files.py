"""Files of noise models: JSON, which is read without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic, load_json, refuse_existing
from imagej_dl.noise.gaussian_mixture import GaussianMixture
from imagej_dl.noise.histogram import Histogram

FORMAT, VERSION = "imagej-dl noise model", 1
_REMEDY = "Make it with imagej-dl noise-model."

NoiseModel = Annotated[GaussianMixture | Histogram, Field(discriminator="kind")]
"""A noise model, told apart by its `kind`."""


class _Holder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    noise_model: NoiseModel


def write(model: GaussianMixture | Histogram, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a noise model, whole or not at all.

    Raises
    ------
    UserError : when the file is there and may not be overwritten, or cannot be written.
    """
    import json

    path = Path(path)
    refuse_existing(path, overwrite)
    content = {"format": FORMAT, "format_version": VERSION, **model.model_dump(mode="json")}
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(path: str | Path) -> GaussianMixture | Histogram:
    """Read a noise model.

    Raises
    ------
    UserError : when it is none, of another version, damaged, or declares what cannot be.
    """
    path = Path(path)
    content = load_json(path)
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise UserError("is no noise model of imagej-dl", path=path, remedy=_REMEDY)
    if (version := content.pop("format_version", None)) != VERSION:
        raise UserError(
            f"has the format version {version}; this imagej-dl reads {VERSION}",
            path=path,
            remedy="Install the imagej-dl that made it, or make it again.",
        )
    try:
        return of(content)
    except ValidationError as error:
        raise UserError.of_validation(error, path=path, remedy=_REMEDY) from error


def of(values: dict[str, Any]) -> GaussianMixture | Histogram:
    """Return the noise model of declared values; raise ValidationError where they are none."""
    return _Holder.model_validate({"noise_model": values}).noise_model
