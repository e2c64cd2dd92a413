"""Models whose outputs are averaged: what they must have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.images import units
from imagej_dl.models import ModelBundle, ModelConfig, load
from imagej_dl.prediction.rescaling import HIGH, LOW

Given = ModelBundle | str | os.PathLike[str]
"""A model, or its folder."""

_ALIKE: dict[str, Callable[[ModelConfig], Any]] = {
    "kind": lambda config: config.kind,
    "settings of its method": lambda config: config.method.model_dump(mode="json"),
    "classes": lambda config: list(config.classes),
    "input": lambda config: "planes" if config.volume is None else "volumes",
    "input channels": lambda config: config.channels,
}


_REMEDY = "Leave it out of --ensemble."


def model_of(given: Given) -> ModelBundle:
    """Return a model that is given, loaded if it is its folder."""
    return load(Path(given)) if isinstance(given, str | os.PathLike) else given


def loaded(bundle: ModelBundle, others: Iterable[Given]) -> tuple[ModelBundle, ...]:
    """Return the model and those that it forms an ensemble with.

    Raises
    ------
    UserError : for one that does not go with the first; see :func:`check`.
    """
    members = [bundle]
    for one in map(model_of, others):
        check(bundle.config, one.config, one.folder)
        members.append(one)
    return tuple(members)


def check(first: ModelConfig, other: ModelConfig, folder: Path | None = None) -> None:
    """Raise UserError where the outputs of two models cannot be averaged.

    They must be of one kind, with the same settings of the method, classes and input channels,
    and have learned objects of about the same size, in pixels of about the same size.
    """
    for words, value in _ALIKE.items():
        ours, theirs = value(first), value(other)
        if ours != theirs:
            raise UserError(
                f"differs from the first model in its {words} ({_told(theirs)}, not "
                f"{_told(ours)}), so their outputs cannot be averaged",
                path=folder,
                remedy=_REMEDY,
            )
    for words, ratio in (
        ("diameter of the training objects", _diameters(first, other)),
        ("pixel size of the training images", _pixel_sizes(first, other)),
    ):
        if ratio is not None and not LOW <= ratio <= HIGH:
            raise UserError(
                f"differs from the first model in the {words}, which is {ratio:.3g} times as "
                "large, so their outputs for one image cannot be averaged",
                path=folder,
                remedy=_REMEDY,
            )


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items()) or "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _diameters(first: ModelConfig, other: ModelConfig) -> float | None:
    if first.object_diameter is None or other.object_diameter is None:
        return None
    return other.object_diameter / first.object_diameter


def _pixel_sizes(first: ModelConfig, other: ModelConfig) -> float | None:
    if not (units.is_calibrated(first.unit) and units.is_calibrated(other.unit)):
        return None
    scale = units.factor(other.unit, first.unit)
    return None if scale is None else other.pixel_width * scale / first.pixel_width
