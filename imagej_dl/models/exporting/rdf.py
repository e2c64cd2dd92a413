"""The description of a package (rdf.yaml), as the specification 0.5 has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from imagej_dl._version import __version__
from imagej_dl.images import units
from imagej_dl.models.config import ModelConfig
from imagej_dl.models.exporting import graph
from imagej_dl.models.exporting.about import About
from imagej_dl.models.exporting.citations import Citation
from imagej_dl.models.exporting.geometry import Geometry
from imagej_dl.models.exporting.preprocessing import Preprocessing
from imagej_dl.models.packages.planes import UNITS

FORMAT = "0.5.3"
_UNITS = {ours: name for name, ours in UNITS.items()}
_IMAGE, _OUTPUT = graph.INPUT, graph.OUTPUT


def description(
    config: ModelConfig,
    about: About,
    geometry: Geometry,
    preprocessing: Preprocessing,
    cite: list[Citation],
    digests: Mapping[str, str],
    intensities: tuple[str, ...],
) -> dict[str, Any]:
    """Return the content of rdf.yaml.

    Parameters
    ----------
    digests : the SHA-256 of each file of the package.
    intensities : names of the input's channels.
    """
    found: dict[str, Any] = {
        "format_version": FORMAT,
        "type": "model",
        "name": about.name,
        "description": about.description,
        "version": "1",
        "authors": [{"name": name} for name in about.authors],
        "cite": [*cite, *({"text": doi, "doi": doi} for doi in about.citations)],
        "documentation": "README.md",
        "covers": ["cover.png"],
        "tags": _tags(config),
        "inputs": [_input(config, geometry, preprocessing, digests, intensities)],
        "outputs": [_output(config, geometry, preprocessing, digests)],
        "weights": _weights(config, digests),
        "config": {
            # Icy's and DeepImageJ's library fails on packages without an id or a nickname.
            "bioimageio": {"nickname": nickname(about.name)},
            "imagej_dl": {"version": __version__, "model": config.model_dump(mode="json")},
        },
    }
    if about.licence:
        found["license"] = about.licence
    return found


def _input(
    config: ModelConfig,
    geometry: Geometry,
    preprocessing: Preprocessing,
    digests: Mapping[str, str],
    intensities: tuple[str, ...],
) -> dict[str, Any]:
    size = {"min": geometry.least, "step": geometry.step}
    raw = "raw" if preprocessing.operations is not None else "normalised"
    return {
        "id": _IMAGE,
        "description": f"A plane with {raw} intensities; see the README.",
        "axes": [
            {"type": "batch"},
            *({"type": "space", **one, "size": size} for one in _space(config)),
            {"type": "channel", "channel_names": list(intensities)},
        ],
        "data": {"type": "float32"},
        "test_tensor": _file("test_input.npy", digests),
        "preprocessing": preprocessing.declared,
    }


def _output(
    config: ModelConfig,
    geometry: Geometry,
    preprocessing: Preprocessing,
    digests: Mapping[str, str],
) -> dict[str, Any]:
    axes: list[dict[str, Any]] = [{"type": "batch"}]
    for one in _space(config):
        axis = {"type": "space", **one}
        axis["size"] = {"tensor_id": _IMAGE, "axis_id": one["id"]}
        if geometry.halo:
            axis["halo"] = geometry.halo
        axes.append(axis)
    axes.append({"type": "channel", "channel_names": channel_names(config.classes)})
    probable = config.method.is_probability
    return {
        "id": _OUTPUT,
        "description": f"Output of the method {config.kind}: {', '.join(config.classes)}."[:128],
        "axes": axes,
        "data": {"type": "float32", **({"range": [0.0, 1.0]} if probable else {})},
        "test_tensor": _file("test_output.npy", digests),
        "postprocessing": preprocessing.after,
    }


def channel_names(classes: tuple[str, ...]) -> list[str]:
    """Return names of channels as the specification wants them: identifiers."""
    return ["".join(c if c.isalnum() else "_" for c in name.lower()) for name in classes]


def nickname(name: str) -> str:
    """Return a name in lower case, its words with hyphens between them, as the collection's are."""
    return "-".join(re.findall("[a-z0-9]+", name.lower())) or "model"


def _space(config: ModelConfig) -> list[dict[str, Any]]:
    unit = _UNITS.get(units.plain(config.unit))
    sizes = {"y": config.pixel_height, "x": config.pixel_width}
    if unit is None:
        return [{"id": letter} for letter in sizes]
    return [{"id": letter, "unit": unit, "scale": size} for letter, size in sizes.items()]


def _weights(config: ModelConfig, digests: Mapping[str, str]) -> dict[str, Any]:
    onnx = {**_file("model.onnx", digests), "opset_version": graph.OPSET}
    if "model.keras" not in digests:
        return {"onnx": onnx}
    keras = {
        **_file("model.keras", digests),
        "keras_version": config.keras_version,
        "backend": ["tensorflow", config.tensorflow_version],
    }
    return {"keras_v3": keras, "onnx": {**onnx, "parent": "keras_v3"}}


def _file(name: str, digests: Mapping[str, str]) -> dict[str, str]:
    return {"source": name, "sha256": digests[name]}


def _tags(config: ModelConfig) -> list[str]:
    task = "segmentation" if config.method.gives == "instances" else "image-restoration"
    return ["2d", "fiji", "imagej-dl", task, config.kind, config.architecture.name]
