"""A package as a model: its configuration, and its network once its test tensors agree."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from imagej_dl._version import __version__
from imagej_dl.errors import UserError, warn
from imagej_dl.methods.base import PostProcessing
from imagej_dl.models.bundle import ModelBundle
from imagej_dl.models.config import Architecture, ModelConfig, axes
from imagej_dl.models.foreign import ForeignNetwork
from imagej_dl.models.frame_windows import fed
from imagej_dl.models.packages import description, verification
from imagej_dl.models.packages.archive import Archive
from imagej_dl.models.packages.config import PackageConfig
from imagej_dl.models.packages.description import Axis, Description, File, Sizes, Tensor
from imagej_dl.models.packages.networks import KerasNetwork, OnnxNetwork
from imagej_dl.models.packages.normalisation import PackageNormalisation
from imagej_dl.models.packages.operations import EnsureDtype, is_whole
from imagej_dl.models.packages.outputs import is_probability, roles_of

FORMATS = ("onnx", "keras_v3")
"""Formats of weights that are opened, the first that a package has."""
_UNITS = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm"}
_NO_HALO = 32

OwnNetwork = Callable[[bytes, ModelConfig], Any]
"""Opens the Keras file of a model of ours."""


@dataclass(frozen=True)
class _Package:
    """A package that was read: its files, and what it declares."""

    archive: Archive
    declared: Description

    @property
    def path(self) -> Path:
        return self.archive.given

    @property
    def source(self) -> Tensor:
        return self.declared.inputs[0]

    @property
    def target(self) -> Tensor:
        return self.declared.outputs[0]

    @property
    def format(self) -> str:
        """The format of the weights that are opened."""
        present = {name for name, one in self.declared.weights.items() if one is not None}
        found = next((name for name in FORMATS if name in present), None)
        if found is not None:
            return found
        remedy = "Use a package with ONNX or Keras 3 weights; its authors can add them."
        if present and all("torch" in name for name in present):
            problem = "has PyTorch weights alone, and imagej-dl has no PyTorch"
        elif any(name.startswith("tensorflow") for name in present):
            problem = "has TensorFlow's weights, which are a program, and are not opened"
            remedy = (
                "Convert them where you trust them: unzip the package, then python -m "
                "tf2onnx.convert --saved-model FOLDER --opset 17 --output weights.onnx, and name "
                "that file under weights: onnx in its rdf.yaml."
            )
        else:
            problem = f"has no weights that imagej-dl opens ({', '.join(sorted(present)) or '-'})"
        raise UserError(problem, path=self.path, remedy=remedy)

    def weights(self, which: str) -> bytes:
        """Return the file of the weights of a format."""
        entry = self.declared.weights[which]
        assert entry is not None
        if entry.external_data is not None:
            raise UserError(
                "keeps its ONNX weights in a second file, which is not opened",
                path=self.path,
                remedy="Use a package whose ONNX file holds the weights itself.",
            )
        return verification.contents(self.archive, File(source=entry.source, sha256=entry.sha256))


def load_config(path: Path) -> ModelConfig:
    """Read the configuration of a package, without its network.

    Raises
    ------
    UserError : for a package that cannot be read, or is not one of a plane to a plane.

    Warns
    -----
    DataWarning : of outputs that are left out.
    """
    package = _opened(path)
    own = _own_config(package)
    return own if own is not None else _config(package)


def load(path: Path, own_network: OwnNetwork) -> ModelBundle:
    """Read a package, and check once that its network gives the result that it holds.

    Parameters
    ----------
    own_network : opens the Keras weights of packages that imagej-dl has written.

    Raises
    ------
    UserError : as :func:`load_config`; for weights that are damaged or not safe, and for another
        result of the test tensors.
    """
    package = _opened(path)
    which = package.format
    own = _own_config(package)
    config = own if own is not None else _config(package)
    before = list(package.source.operations)
    pixels, left = _divided(package.target)
    network: Any
    if own is not None and package.declared.weights.get("keras_v3") is not None:
        which = "keras_v3"
        network = own_network(package.weights(which), own)
        runs: ForeignNetwork = _Keras(network)
        left = list(package.target.operations)
    else:
        made = OnnxNetwork if which == "onnx" else KerasNetwork
        # Of our own ones prediction makes what operations would make of the output.
        used = [] if own is not None else pixels
        left = list(package.target.operations) if own is not None else left
        described = (package.source, package.target, used, path)
        network = runs = made(package.weights(which), 0, *described)
    digest = f"{_digest(package, which)}:{which}:{_runtime(which)}"
    if not verification.known(digest):
        found = verification.check(
            package.archive, (package.source, package.target), runs, before, left
        )
        if found is not None:
            verification.remember(digest)
    return ModelBundle(network, config, path)


def files(path: Path) -> bytes:
    """Return the digest of all that a package's prediction depends on."""
    package = _opened(path)
    return bytes.fromhex(_digest(package, package.format))


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
        return np.asarray(self.model(fed(self.model, windows), training=False))


def _opened(path: Path) -> _Package:
    archive = Archive(path)
    return _Package(archive, description.read(archive))


def _own_config(package: _Package) -> ModelConfig | None:
    """Return the configuration of a model of ours that the package was made of."""
    content = package.declared.own
    if content is None:
        return None
    try:
        return ModelConfig.model_validate(content)
    except ValidationError as error:
        raise UserError.of_validation(
            error,
            ModelConfig.model_fields,
            prefix="its configuration of imagej-dl is wrong: ",
            path=package.path,
        ) from error


def _config(package: _Package) -> PackageConfig:
    source, target = package.source, package.target
    try:
        _check_axes(package)
        _, left = _divided(target)
        _ = source.operations  # wrong ones are said here
        roles = roles_of(target, verification.tensor_of(package.archive, target))
    except UserError as error:
        raise error.at(package.path) from error
    if len(package.declared.outputs) > 1:
        others = ", ".join(one.id for one in package.declared.outputs[1:])
        warn(f"its output {target.id} is used; left out: {others}", path=package.path)
    sizes = tuple(_sizes(source, letter) for letter in "yx")
    step = max(one.step if isinstance(one, Sizes) else 1 for one in sizes)
    least = min(one.min if isinstance(one, Sizes) else one for one in sizes)
    halo = max(_halo(target, letter) for letter in "yx")
    references = [one for one in left if getattr(one, "reference_tensor", None) is not None]
    scaled = [_calibrated(source.axis(letter)) for letter in "yx"]
    calibrated = None not in scaled and scaled[0][1] == scaled[1][1]  # type: ignore[index]
    height, width, unit = (
        (scaled[0][0], scaled[1][0], scaled[0][1]) if calibrated else (1.0, 1.0, "pixel")  # type: ignore[index]
    )
    declared = package.declared
    config = PackageConfig(
        classes=target.names,
        title=f"{declared.name} {declared.version or ''}".strip(),
        weights=package.format,
        architecture=Architecture(name=package.format, arguments={}),
        normalisation=PackageNormalisation.of(source, keep=bool(references)),
        axes=axes(1, source.channels),  # type: ignore[arg-type]
        channels=source.channels,
        pixel_height=height,
        pixel_width=width,
        unit=unit,
        patch=max(least, 8),
        halo=halo or min(_NO_HALO, least // 8),
        multiple_of=min(step, 2**12),
        sizes=sizes,  # type: ignore[arg-type]
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


def _divided(target: Tensor) -> tuple[list[Any], list[Any]]:
    """Return the operations on an output that look at single pixels, and those from the first on
    that looks at the whole plane.
    """
    steps = list(target.operations)
    first = list(takewhile(lambda one: not is_whole(one), steps))
    left = steps[len(first) :]
    # A type at the very end says nothing more about float32.
    return first, [] if all(isinstance(one, EnsureDtype) for one in left) else left


def _check_axes(package: _Package) -> None:
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


def _calibrated(axis: Axis | None) -> tuple[float, str] | None:
    if axis is None or axis.unit not in _UNITS:
        return None
    return axis.scale, _UNITS[axis.unit]


def _digest(package: _Package, which: str) -> str:
    entry = package.declared.weights[which]
    assert entry is not None
    names = [package.archive.description, entry.source]
    tests = (package.source.test_tensor, package.target.test_tensor)
    names += [one.source for one in tests if one is not None]
    return package.archive.digest(names)


def _runtime(which: str) -> str:
    library = "onnxruntime" if which == "onnx" else "keras"
    try:
        return f"{library} {importlib.metadata.version(library)}"
    except importlib.metadata.PackageNotFoundError:
        return library
