"""OpenVINO in place of TensorFlow, on the CPU and where it is installed: the same numbers, faster.

It is tried on a small patch before it is used; whatever it cannot do TensorFlow does.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from imagej_dl import preferences
from imagej_dl.errors import first_line, warn
from imagej_dl.models import backend
from imagej_dl.models.bundle import largest_difference
from imagej_dl.prediction import openvino_graph

TOLERANCE = 1e-4
"""Largest difference from TensorFlow's output; of values above 1, as a share of them."""
HALF_TOLERANCE = 0.05
"""The same in bfloat16, whose numbers have 8 significant bits."""
WORTH_CONVERTING = 32 * 2**20
"""Pixels of windows from which on OpenVINO's own conversion, of seconds, saves more than it takes.

A graph that is written by hand (:mod:`.openvino_graph`) is ready before TensorFlow's would be."""
WORTH_AGAIN = 2**19
"""Pixels from which on a network is made ready again when its weights have changed.

TensorFlow goes on with new weights at once: so it does small previews of a training. On two cores
with AVX2, `nuclei` made ready again takes as long as OpenVINO saves at 512² px, .45 s of one core;
at 1024² px it saves two thirds."""

Run = Callable[..., NDArray[np.float32]]


@dataclass(frozen=True)
class _Converted:
    source: Any  # the function it was made of, and
    weights: bytes  # the weights at that time, which may have been trained on since
    half: bool
    run: Run | None


_kept: WeakKeyDictionary[Any, _Converted] = WeakKeyDictionary()


def installed() -> bool:
    """Return whether OpenVINO is installed, without importing it."""
    found = importlib.util.find_spec("openvino")
    return found is not None and found.origin is not None  # else a folder of that name


def wanted() -> bool:
    """Return whether OpenVINO may be used: where there is no GPU, and the settings agree."""
    if preferences.read().engine == "tensorflow" or not installed():
        return False
    return not backend.tensorflow().config.list_logical_devices("GPU")


def half_wanted() -> bool:
    """Return whether the settings ask for bfloat16, and it is there.

    Warns
    -----
    DataWarning : where it is asked for, and something is missing.
    """
    if preferences.read().precision == "float32":
        return False
    if not wanted():
        missing = "OpenVINO on the CPU is not used"
    elif not has_bfloat16():
        missing = "this processor does not have it"
    else:
        return True
    warn(f"the settings ask for bfloat16, but {missing}: float32 is computed")
    return False


@cache
def has_bfloat16() -> bool:
    """Return whether this processor multiplies in bfloat16, by OpenVINO's word."""
    if not installed():
        return False
    return "BF16" in _library().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def converted(
    model: Any,
    function: Any,
    patch: tuple[NDArray, ...],
    pixels: int = WORTH_CONVERTING,
    half: bool = False,
) -> Run | None:
    """Return a network in OpenVINO, or None when TensorFlow must do; converted once for a model.

    It must, too, for so few `pixels` that the conversion takes longer than it saves, unless the
    user's settings say `openvino`.

    Parameters
    ----------
    model : the Keras model; it is not kept.
    function : its `tf.function`, of one graph for all sizes.
    patch : arguments of the function, on which both must give the same.
    pixels : of all windows that will be given.
    half : whether to compute in bfloat16, see :func:`half_wanted`.

    Warns
    -----
    DataWarning : once, when it cannot be converted or differs by more than `TOLERANCE` (in
        bfloat16 by `HALF_TOLERANCE`).
    """
    weights = _digest(model)
    known = _kept.get(model)
    if known is not None and known.half != half:
        known = None  # that of the other precision is another one
    if known is None or known.source is not function or known.weights != weights:
        whatever = preferences.read().engine == "openvino"
        if known is not None and pixels < WORTH_AGAIN and not whatever:
            return None
        try:
            run = _tried(model, function, patch, whatever or pixels >= WORTH_CONVERTING, half)
        except openvino_graph.UnknownLayer:
            return None
        known = _Converted(function, weights, half, run)
        _kept[model] = known
    return known.run


def rest(model: Any) -> None:
    """Give back the memory that the model's network was computed in; the next use takes it anew."""
    known = _kept.get(model)
    if known is not None and isinstance(known.run, _Quick):
        known.run.rest()


def _tried(
    model: Any, function: Any, patch: tuple[NDArray, ...], convert: bool, half: bool
) -> Run | None:
    try:
        run = _compiled(_graph(model, function, convert), half)
        # Not traced, which for one small patch would take most of the time.
        expected = np.asarray(function.python_function(*patch))
        difference = largest_difference(run(*patch), expected)
    except openvino_graph.UnknownLayer:
        raise
    except Exception as error:  # It raises whatever its parts raise on layers it does not know.
        _refused(f"OpenVINO cannot compute this network ({first_line(error)})")
        return None
    if difference <= (HALF_TOLERANCE if half else TOLERANCE):
        return run
    _refused(f"OpenVINO's values differ from TensorFlow's by {difference:.2g}")
    return None


def _refused(words: str) -> None:
    warn(f"{words}: TensorFlow is used")


def _library() -> Any:
    """Import OpenVINO."""
    # Otherwise it sends to a server that it was used, by processes forked beside our threads. It
    # heeds no variable, but works without the sender where there is none to import.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _graph(model: Any, function: Any, convert: bool) -> Any:
    """Return the network as an `openvino.Model`: written by us, or else converted."""
    openvino = _library()
    try:
        return openvino_graph.graph(model)
    except openvino_graph.UnknownLayer:
        if not convert:
            raise
    if sys.version_info >= (3, 13):
        from openvino.frontend.tensorflow import utils

        # Its exec("import tensorflow"), exec("del tensorflow") within a function share no names
        # any more (PEP 667), so that it would convert nothing.
        shared: dict[str, Any] = {}
        utils.exec = lambda code: exec(code, shared)  # type: ignore[attr-defined]
    return openvino.convert_model(function)


def _compiled(graph: Any, half: bool = False) -> Run:
    openvino = _library()
    settings = {
        # Some processors would compute in bfloat16, with two digits, where nothing is said.
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": backend.cores(),
        # Threads bound to cores wait for those that another program uses.
        "ENABLE_CPU_PINNING": False,
    }
    names = [port.any_name for port in graph.inputs]
    return _Quick(openvino.Core().compile_model(graph, "CPU", settings), names)


class _Quick:
    """A compiled network. What it computes in is kept from call to call, until `rest`."""

    def __init__(self, compiled: Any, names: list[str]) -> None:
        self.compiled, self.names = compiled, names
        self.request: Any = None
        self.lock = threading.Lock()

    def __call__(self, *given: NDArray) -> NDArray[np.float32]:
        # What a request gives lies in its own memory, which the next use overwrites.
        with self.lock:
            # Held here, since another thread may let it rest meanwhile.
            request = self.request = self.request or self.compiled.create_infer_request()
            found = request.infer(dict(zip(self.names, given, strict=True)), share_inputs=True)
            return np.array(found[0], np.float32)

    def rest(self) -> None:
        self.request = None
        if hasattr(self.compiled, "release_memory"):
            with suppress(RuntimeError):  # while another thread computes in it
                self.compiled.release_memory()


def _digest(model: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).data)
    return digest.digest()
