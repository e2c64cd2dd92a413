"""The one place where TensorFlow and Keras are imported and set up."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

from imagej_dl import preferences
from imagej_dl.errors import UserError


@cache
def keras() -> ModuleType:
    """Import Keras on TensorFlow, quietly, and return it; GPU memory is taken as it is needed.

    Raises
    ------
    UserError : when TensorFlow or Keras cannot be imported, with their own words.
    """
    # Must be set before the first import: both are read only then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if preferences.read().device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        with _quiet():
            import keras as library
            import tensorflow as tf
    except ImportError as error:
        raise UserError(
            f"TensorFlow cannot be imported ({error})",
            remedy="Install it again: pip install --force-reinstall tensorflow keras.",
        ) from error
    if library.backend.backend() != "tensorflow":
        raise UserError(
            f"Keras runs on {library.backend.backend()} here, not on TensorFlow",
            remedy="Unset KERAS_BACKEND, or import imagej_dl.models before keras.",
        )
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            break  # TensorFlow was set up before us by the caller, whose choice it then is.
    return library


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what C++ writes to stderr to itself, unless the work inside fails.

    While it is imported TensorFlow greets in spite of TF_CPP_MIN_LOG_LEVEL.
    """
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # there is no stderr, as in a windowed program
        yield
        return
    with tempfile.TemporaryFile() as heard:
        os.dup2(heard.fileno(), 2)
        try:
            yield
        except BaseException:
            heard.seek(0)
            os.write(saved, heard.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


def tensorflow() -> ModuleType:
    """Return TensorFlow, set up by :func:`keras`."""
    keras()
    import tensorflow as tf

    return tf


def device() -> str:
    """Say what TensorFlow computes on, such as "GPU NVIDIA A100" or "CPU, 2 cores"."""
    return ", ".join(f"GPU {name}" for name in gpus()) or f"CPU, {cores()} cores"


def gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow sees."""
    tf = tensorflow()
    details = tf.config.experimental.get_device_details
    found = tf.config.list_physical_devices("GPU")
    return [str(details(gpu).get("device_name", gpu.name)) for gpu in found]


def cores() -> int:
    """Return how many processor cores this process may use."""
    # Containers and schedulers often lend fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
