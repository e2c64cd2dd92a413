"""What a `model.keras` from elsewhere may hold, looked at before Keras opens it.

Keras' safe mode refuses Python code in layers, but layers that load other files have slipped
through it (CVE-2026-1462). Our networks need few kinds of parts: nothing else is opened.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError

_LAYERS = frozenset(
    (
        "Activation",
        "Add",
        "Average",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "ConvLSTM2D",
        "DepthwiseConv2D",
        "Dropout",
        "GlobalAveragePooling2D",
        "InputLayer",
        "MaxPooling2D",
        "MaxPooling3D",
        "ReLU",
        "SeparableConv2D",
        "Softmax",
        "TimeDistributed",
        "UpSampling2D",
        "UpSampling3D",
        "ZeroPadding2D",
    )
)
_OTHERS = frozenset(
    (
        ("imagej_dl.models.convlstm", "ConvLSTM2D"),
        ("keras.src.ops.numpy", "Mean"),  # over the frames
    )
)
_MODULES = frozenset(("keras.initializers", "keras.regularizers", "keras.constraints"))
_NETWORKS = frozenset(("Functional", "Sequential"))
_LARGEST = 64 * 2**20


def check_parts(path: Path) -> None:
    """Raise UserError if the network's description names anything but the parts we use.

    Parameters
    ----------
    path : a file in Keras' format 3, a zip with a config.json.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _LARGEST:
                raise UserError("describes a network of an absurd size", path=path)
            description = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise UserError(
            f"is no Keras model, or damaged ({error})",
            path=path,
            remedy="Copy the whole model folder again.",
        ) from error
    for module, name in _parts(description):
        known = (
            (module is None and name == "__keras_tensor__")
            or (module == "keras.layers" and name in _LAYERS)
            or module in _MODULES
            or (module, name) in _OTHERS
            or (module == "keras" and name.endswith("DTypePolicy"))
            or (str(module).startswith(("keras.src.models", "keras.models")) and name in _NETWORKS)
        )
        if not known:
            raise UserError(
                f"holds a part that imagej-dl does not open ({module}.{name})",
                path=path,
                remedy="Open only models that imagej-dl made.",
            )


def _parts(description: Any) -> Iterator[tuple[str | None, str]]:
    if isinstance(description, dict):
        if "class_name" in description:
            yield description.get("module"), str(description["class_name"])
        for value in description.values():
            yield from _parts(value)
    elif isinstance(description, list):
        for value in description:
            yield from _parts(value)
