"""The Keras file of a model of ours: its network, opened in safe mode and compared with what its
configuration declares.
"""

from __future__ import annotations

import tempfile
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError, first_line
from imagej_dl.filesystem import temporaries
from imagej_dl.models import trust
from imagej_dl.models.config import ModelConfig
from imagej_dl.models.frame_windows import frames_of, is_volumetric
from imagej_dl.models.layers import OTHERS

NETWORK = "model.keras"
"""Its name in the folder of a model."""


def load(path: Path, config: ModelConfig) -> Any:
    """Open the network of a model, in safe mode.

    Raises
    ------
    UserError : when the file is missing, damaged, holds code that Keras would have to run, or is
        not the network that the configuration declares.
    """
    from imagej_dl.models import backend

    if not zipfile.is_zipfile(path):
        problem = "is damaged or truncated" if path.exists() else "is missing"
        raise UserError(problem, path=path, remedy="Copy the whole model folder again.")
    trust.check_parts(path)
    keras = backend.keras()
    for module, _ in OTHERS:  # registers the layers of our own
        if module.startswith("imagej_dl."):
            import_module(module)

    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its parts raise on a damaged archive.
        remedy = "Copy the whole model folder again, or train again."
        if config.keras_version != keras.__version__:
            remedy = (
                f"It was written with Keras {config.keras_version}; installed is "
                f"{keras.__version__}: pip install keras=={config.keras_version}, or train again."
            )
        raise UserError(
            f"cannot be loaded ({first_line(error)})", path=path, remedy=remedy
        ) from error
    wanted = (config.frames, config.channels, len(config.classes))
    try:
        found = (frames_of(model), model.input_shape[-1], model.output_shape[-1])
    except (AttributeError, IndexError, TypeError):
        found = None
    if found != wanted:
        raise UserError(
            f"its network has {found} frames, channels in and channels out; its config.json "
            f"declares {wanted}",
            path=path,
        )
    if is_volumetric(model) != (config.volume is not None):
        raise UserError(
            f"its network is {'3' if config.volume is None else '2'}-D; its config.json declares "
            "another one",
            path=path,
        )
    if not config.method.is_in(model):
        raise UserError(
            "its network was made with other settings of the method than its config.json declares",
            path=path,
            remedy="Copy the whole model folder again, or train again.",
        )
    return model


def load_bytes(data: bytes, config: ModelConfig) -> Any:
    """Open the network of a file by its content, see :func:`load`."""
    with tempfile.TemporaryDirectory(prefix=temporaries.prefix("package")) as folder:
        path = Path(folder) / NETWORK
        path.write_bytes(data)
        return load(path, config)
