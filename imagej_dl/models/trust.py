"""The parts that a `model.keras` from elsewhere may hold, checked before Keras opens it.

Keras' safe mode refuses Python code in layers, but layers that load other files have slipped
through it (CVE-2026-1462). Our networks need few kinds of parts: nothing else is opened.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.models import weight_files
from imagej_dl.models.layers import LAYERS, OTHERS

_MODULES = frozenset(("keras.initializers", "keras.regularizers", "keras.constraints"))
_NETWORKS = frozenset(("Functional", "Sequential"))
_LARGEST = 64 * 2**20
_METADATA, _CONFIG, _WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MEMBERS = (_METADATA, _CONFIG, _WEIGHTS)
_SIZES = ("filters", "kernel_size", "pool_size", "size", "strides", "padding", "depth_multiplier")
_SIDE, _KERNEL = 65536, 2**24  # of what a layer may have: more than any network of ours
_REMEDY = "Copy the whole model folder again."


def check_parts(path: Path) -> None:
    """Raise UserError if a model's file names anything but the parts we use, or is no whole file.

    Parameters
    ----------
    path : a file in Keras' format 3, a zip with a config.json and the weights.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            description = json.loads(archive.read(_CONFIG))
            whole = _WEIGHTS in archive.namelist()  # else Keras says what is not there
            weights = io.BytesIO(archive.read(_WEIGHTS) if whole else b"")
    except RuntimeError as error:  # zipfile's word for an encrypted archive; or deep JSON
        words = "is nested too deep" if isinstance(error, RecursionError) else f"{error}"
        raise UserError(f"cannot be unpacked ({words})", path=path, remedy=_REMEDY) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        OSError,
        EOFError,
    ) as error:
        raise UserError(
            f"is not a Keras model, or is damaged ({error})", path=path, remedy=_REMEDY
        ) from error
    if whole:
        weight_files.check(weights, path, path.stat().st_size)
    try:
        _check_description(description, path)
        parts = list(_parts(description))
    except RecursionError as error:
        raise UserError("describes a network that is nested too deep", path=path) from error
    for module, name in parts:
        known = (
            (module is None and name == "__keras_tensor__")
            or (module == "keras.layers" and name in LAYERS)
            or module in _MODULES
            or (module, name) in OTHERS
            or (module == "keras" and name.endswith("DTypePolicy"))
            or (str(module).startswith(("keras.src.models", "keras.models")) and name in _NETWORKS)
        )
        if not known:
            raise UserError(
                f"holds a component that imagej-dl does not load ({module}.{name})",
                path=path,
                remedy="Load only models that imagej-dl has written.",
            )


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise UserError for members that are none of a model's, come twice, or unpack to too much."""
    names = [entry.filename for entry in archive.infolist()]
    if strange := [n for n in names if n not in _MEMBERS or names.count(n) > 1]:
        raise UserError(
            f"holds a file that does not belong to a model of imagej-dl ({strange[0]}"
            f"{', twice' if strange[0] in _MEMBERS else ''})",
            path=path,
            remedy="Load only models that imagej-dl has written.",
        )
    if any(entry.compress_type not in _PACKED for entry in archive.infolist()):
        # Others may ask for any memory before they unpack a byte.
        raise UserError("is not packed like a Keras model", path=path, remedy=_REMEDY)
    if any(entry.compress_size > path.stat().st_size for entry in archive.infolist()):
        raise zipfile.BadZipFile("a member is declared longer than the file")
    total = sum(entry.file_size for entry in archive.infolist())
    if archive.getinfo(_CONFIG).file_size > _LARGEST:
        raise UserError("declares a network of an implausible size", path=path)
    if total > weight_files.allowed(path.stat().st_size):
        raise UserError(f"would unpack to {total / 2**20:.0f} MiB", path=path, remedy=_REMEDY)


def _check_description(description: Any, path: Path) -> None:
    for values in _settings(description):
        numbers = {key: _product(values[key]) for key in _SIZES if key in values}
        kernel = numbers.get("filters", 1) * numbers.get("kernel_size", 1)
        if kernel > _KERNEL or any(number > _SIDE for number in numbers.values()):
            raise UserError(
                f"declares a layer of an implausible size ({str(values.get('name'))[:40]})",
                path=path,
                remedy="Load only models that imagej-dl has written.",
            )


def _product(value: Any) -> int:
    """Return the product of the whole numbers in a value, nested or not."""
    if isinstance(value, list):
        return math.prod(map(_product, value))
    return abs(value) if isinstance(value, int) else 1


def _settings(description: Any) -> Iterator[dict[str, Any]]:
    """Yield the settings of all layers."""
    if isinstance(description, dict):
        if isinstance(description.get("config"), dict):
            yield description["config"]
        for value in description.values():
            yield from _settings(value)
    elif isinstance(description, list):
        for value in description:
            yield from _settings(value)


def _parts(description: Any) -> Iterator[tuple[str | None, str]]:
    if isinstance(description, dict):
        if "class_name" in description:
            module = description.get("module")
            yield None if module is None else str(module), str(description["class_name"])
        for value in description.values():
            yield from _parts(value)
    elif isinstance(description, list):
        for value in description:
            yield from _parts(value)
