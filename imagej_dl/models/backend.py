"""The one place where TensorFlow and Keras are imported and set up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from imagej_dl import optional, preferences
from imagej_dl.errors import UserError

THREADS = "IMAGEJ_DL_THREADS"
"""Variable that tells a process to compute on so many cores, where several share a machine."""


@cache
def keras() -> ModuleType:
    """Import Keras on TensorFlow, quietly, and return it; GPU memory is taken as it is needed.

    Of several GPUs the first is used, or all where the user's settings say so.

    Raises
    ------
    UserError : when TensorFlow or Keras cannot be imported, with their own words.
    """
    # Must be set before the first import: all are read only then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow takes oneDNN's convolutions by itself only on processors with AVX-512 or AVX-VNNI;
    # on others, those of many laptops, a training step takes twice as long without.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    wanted = preferences.read().device
    if wanted == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        # Keras looks for them, for uses that we have none of: a fifth of the time of its import.
        spared = ("sklearn", "IPython") if optional.process_is_ours else ()
        with _quiet(), optional.hidden(*spared):
            import keras as library
            import tensorflow as tf
    except (ImportError, OSError, AttributeError, TypeError) as error:
        raise UserError(
            f"TensorFlow cannot be imported ({optional.cause(str(error))})",
            remedy="Install it again: pip install --force-reinstall tensorflow keras.",
        ) from error
    if library.backend.backend() != "tensorflow":
        raise UserError(
            f"Keras runs on {library.backend.backend()} here, not on TensorFlow",
            remedy="Unset KERAS_BACKEND, or import imagej_dl.models before keras.",
        )
    found = tf.config.list_physical_devices("GPU")
    used = found if wanted == "all" else found[:1]
    # When TensorFlow was set up before us by the caller, that is the caller's choice.
    with suppress(RuntimeError):
        if used != found:
            # TensorFlow would take memory of the others as well.
            tf.config.set_visible_devices(used, "GPU")
        for gpu in used:
            tf.config.experimental.set_memory_growth(gpu, True)
    return library


_hearing = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what C++ writes to stderr to itself, unless the work inside fails.

    While it is imported TensorFlow greets in spite of TF_CPP_MIN_LOG_LEVEL.
    """
    sys.stderr.flush()
    # One thread after the other: the second would take the file of the first for stderr, and leave
    # it to the process for good.
    with _hearing:
        yield from _unheard()


def _unheard() -> Iterator[None]:
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


@dataclass(frozen=True)
class GPU:
    """A GPU that is used: its name, memory in GiB (0 when unknown), compute capability."""

    name: str
    memory: float = 0.0
    capability: tuple[int, int] = (0, 0)

    @property
    def halves(self) -> str:
        """The precisions that are faster on it than float32, by its tensor cores; "" for none."""
        if self.capability < (7, 0):
            return ""
        return "mixed_float16" + (" or mixed_bfloat16" if self.capability >= (8, 0) else "")

    def __str__(self) -> str:
        return f"GPU {self.name}" + (f", {self.memory:.0f} GiB" if self.memory else "")


def device() -> str:
    """Return what TensorFlow computes on, such as "GPU NVIDIA A100, 40 GiB" or "CPU, 2 cores"."""
    found = [str(gpu) for gpu in gpus()]
    words = [
        f"{found.count(one)} × {one}" if found.count(one) > 1 else one
        for one in dict.fromkeys(found)
    ]
    return " and ".join(words) or f"CPU, {cores()} cores"


def gpus() -> list[GPU]:
    """Return the GPUs that are used."""
    tf = tensorflow()
    found = []
    for gpu in tf.config.get_visible_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        name = str(details.get("device_name", gpu.name))
        capability = details.get("compute_capability", (0, 0))
        found.append(GPU(name, _memories().get(name, 0.0), (capability[0], capability[1])))
    return found


def together() -> list[str]:
    """Return the devices that train one network together, as TensorFlow names them.

    That is one, unless the user's settings say "all": then all GPUs or, where there is none, the
    CPUs that TensorFlow was told to divide the processor into.
    """
    tf = tensorflow()
    if preferences.read().device != "all":
        return []
    names = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in names]


@cache
def _memories() -> dict[str, float]:
    """Return the memory in GiB of the GPUs by their names, as NVIDIA's own tool says it."""
    # TensorFlow says it only of GPUs that it has begun to use.
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        lines = [line.rsplit(",", 1) for line in said.stdout.splitlines() if "," in line]
        return {name.strip(): float(memory) / 1024 for name, memory in lines}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def cores() -> int:
    """Return how many processor cores this process may use."""
    if (told := os.environ.get(THREADS, "")).isdecimal() and int(told):
        return int(told)
    # Containers and schedulers often lend fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
