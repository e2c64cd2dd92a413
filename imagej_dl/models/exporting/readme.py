"""The README of a package: what the model is for, how good it is, how its output is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagej_dl.methods.registry import METHODS
from imagej_dl.models.config import ModelConfig
from imagej_dl.models.exporting.about import About
from imagej_dl.models.exporting.geometry import Geometry
from imagej_dl.models.exporting.preprocessing import Preprocessing
from imagej_dl.models.ready.card import Card


def readme(
    config: ModelConfig,
    about: About,
    geometry: Geometry,
    preprocessing: Preprocessing,
    metrics: Mapping[str, Any],
    card: Card | None,
    difference: float,
) -> str:
    """Return the README as Markdown."""
    method = METHODS[config.kind]
    lines = [
        f"# {about.name}",
        "",
        about.description,
        "",
        f"A model of imagej-dl {config.imagej_dl_version}, method `{config.kind}`: "
        f"{method.summary}. Network: {config.architecture.name}.",
        "",
        "## Input",
        "",
        *(f"- {note}" for note in preprocessing.notes),
        f"- {config.channels} channel(s); sides are {geometry.least} px + n · {geometry.step} px. "
        f"The network itself takes all multiples of {geometry.step} px; with fewer than "
        f"{geometry.least} px nothing is left of a tile between its halos ({geometry.halo} px on "
        "each side, the reach of the receptive field).",
        *_size(config),
        "",
        "## Output",
        "",
        f"Channels: {', '.join(f'`{name}`' for name in config.classes)}.",
        "",
        *_result(config),
        "",
        "## Weights",
        "",
        f"ONNX and Keras differ by {difference:.1g} at most on the test image.",
        "",
        "## Validation",
        "",
        *_validation(metrics, card),
        "",
    ]
    if card is not None:
        lines += ["## Limits", "", *(f"- {limit}" for limit in card.limits), ""]
    return "\n".join(lines)


def _size(config: ModelConfig) -> list[str]:
    if config.object_diameter is None:
        return []
    return [
        f"- The training objects have a median diameter of {config.object_diameter:.1f} px: resize "
        "images whose objects are of another size."
    ]


def _result(config: ModelConfig) -> list[str]:
    if config.method.gives == "image":
        return ["The output is the image without its noise."]
    settings = ", ".join(
        f"{key} {value}" for key, value in config.instances.model_dump(mode="json").items()
    )
    return [
        "The output is no label map yet: the specification has no operation for the "
        "post-processing of this method. `imagej-dl predict` with this package makes the label "
        f"map, by these settings: {settings or 'none'}."
    ]


def _validation(metrics: Mapping[str, Any], card: Card | None) -> list[str]:
    found = metrics.get("validation")
    lines = []
    if isinstance(found, Mapping):
        rows = [(key, value) for key, value in found.items() if isinstance(value, int | float)]
        if rows:
            lines = [
                "On the validation images of the training:",
                "",
                "| measure | value |",
                "| --- | --- |",
                *(f"| {key} | {value:.4g} |" for key, value in rows),
            ]
    if card is not None:
        data = card.validation
        lines += ["", f"Validation images: {data.name}, {data.images} images; {data.part}."]
    return lines or [
        "The training kept no validation figures. Compare label maps of images that the model has "
        "not seen with `imagej-dl evaluate`."
    ]
