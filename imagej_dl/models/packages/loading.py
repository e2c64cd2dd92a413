"""A package as a model: its configuration, and its network once its test tensors agree."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from imagej_dl.errors import UserError, warn
from imagej_dl.models import network_files
from imagej_dl.models.bundle import ModelBundle
from imagej_dl.models.config import ModelConfig
from imagej_dl.models.foreign import ForeignNetwork
from imagej_dl.models.frame_windows import output_of
from imagej_dl.models.packages import verification
from imagej_dl.models.packages.config import PackageConfig
from imagej_dl.models.packages.networks import KerasNetwork, OnnxNetwork, PackageNetwork
from imagej_dl.models.packages.opened import KERAS, ONNX, SAVED, Package, opened
from imagej_dl.models.packages.planes import config_of, divided
from imagej_dl.models.packages.saved_networks import SavedNetwork

_NETWORKS: dict[str, Callable[..., PackageNetwork]] = {
    ONNX: OnnxNetwork,
    KERAS: KerasNetwork,
    SAVED: SavedNetwork,
}
_LIBRARIES = {ONNX: "onnxruntime", KERAS: "keras", SAVED: "tensorflow"}


def load_config(path: Path) -> ModelConfig:
    """Read the configuration of a package, without its network.

    Raises
    ------
    UserError : for a package that cannot be read, or is not one of a plane to a plane.
    """
    return _config(opened(path))


def load(path: Path) -> ModelBundle:
    """Read a package, and check once that its network gives the result that it holds.

    Raises
    ------
    UserError : as :func:`load_config`; for weights that are damaged or not safe, and for another
        result of the test tensors.

    Warns
    -----
    DataWarning : of outputs that are left out, and where there are no test tensors.
    """
    package = opened(path)
    which = package.format
    config = _config(package)
    if len(package.declared.outputs) > 1:
        others = ", ".join(one.id for one in package.declared.outputs[1:])
        warn(f"its output {package.target.id} is used; left out: {others}", path=path)
    source, target = package.source, package.target
    before = list(source.operations)
    ours = not isinstance(config, PackageConfig)
    # Of our own output prediction makes what the operations would make of it.
    pixels, left = ([], list(target.operations)) if ours else divided(target)
    network: Any
    if ours and which == KERAS:
        network = network_files.load_bytes(package.weights(which), config)
        runs: ForeignNetwork = _Keras(network)
    else:
        network = runs = _NETWORKS[which](package.weights(which), source, target, pixels, path)
    digest = f"{package.digest(which)}:{which}:{_runtime(which)}"
    if not verification.known(digest):
        found = verification.check(package.archive, (source, target), runs, before, left)
        if found is not None:
            verification.remember(digest)
    return ModelBundle(network, config, path)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of all files that a package's prediction depends on, in hexadecimal."""
    package = opened(path)
    return package.digest(package.format)


def described(config: ModelConfig) -> str:
    """Return which package is meant and what is made of its output, in words; else ""."""
    if not isinstance(config, PackageConfig):
        return ""
    result = "label map" if config.gives == "labels" else "image"
    return f"the package {config.title} ({config.weights}): {', '.join(config.classes)} → {result}"


class _Keras(ForeignNetwork):
    """The network of a model of ours, as the check of test tensors runs it."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(output_of(self.model, windows))


def _config(package: Package) -> ModelConfig:
    own = _own_config(package)
    return own if own is not None else config_of(package)


def _own_config(package: Package) -> ModelConfig | None:
    """Return the configuration of a model of ours that the package was made of."""
    content = package.declared.own
    if content is None:
        return None
    try:
        config = ModelConfig.model_validate(content)
    except ValidationError as error:
        raise UserError.of_validation(
            error,
            ModelConfig.model_fields,
            prefix="its configuration of imagej-dl is wrong: ",
            path=package.path,
        ) from error
    wanted = (1, package.source.channels, package.target.channels)
    if (config.frames, config.channels, len(config.classes)) != wanted:
        raise UserError(
            "its configuration of imagej-dl does not go with its tensors",
            path=package.path,
            remedy="Export the model again.",
        )
    return config


def _runtime(which: str) -> str:
    library = _LIBRARIES[which]
    try:
        return f"{library} {importlib.metadata.version(library)}"
    except importlib.metadata.PackageNotFoundError:
        return library
