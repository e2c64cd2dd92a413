"""A bundle's network as a function of arrays, compiled once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.models import ModelBundle, ModelConfig, backend
from imagej_dl.models.foreign import ForeignNetwork
from imagej_dl.models.frame_windows import output_of
from imagej_dl.models.networks.mobilenet_unets import EACH_FRAME, OVER_TIME
from imagej_dl.prediction import openvino_backend, tiles
from imagej_dl.prediction.tiles import Network

# One graph a model for as long as the model lives: predicting in a loop must not use more memory.
_compiled: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

_SIDE = 1024
"""Side, px, of the largest window that TensorFlow computes at once on the CPU.

oneDNN, whose convolutions it takes there, unfolds a plane into the nine pixels around each. Where
that is larger than the cache, a convolution of 96 channels is five times as slow as without oneDNN
at 256² px, and a plane of 2048² px takes minutes in place of 13 s.
"""


def network(bundle: ModelBundle, pixels: int = 0) -> Network:
    """Return the function from windows (N, Y, X, T·C) to probabilities (N, Y, X, classes).

    That of a 3-D network is from volumes (N, Y, X, Z·C) to (N, Y, X, Z·classes), by TensorFlow.

    It is traced once for all numbers and sizes of windows. When the memory of the device does
    not hold a batch, its halves are tried. Where a network does the same to each frame of a video
    before it looks at their order, that is done once a frame, not once a window. On the CPU
    OpenVINO computes it where that is worth it for so many `pixels` (of all windows that will be
    given), see :mod:`.openvino_backend`.

    Raises
    ------
    UserError : (the function) when the memory does not hold even one window.
    """
    if isinstance(bundle.model, ForeignNetwork):
        return bundle.model.run
    tf = backend.tensorflow()
    function = _compiled.get(bundle.model)
    frames, channels = bundle.config.frames, bundle.config.channels
    each = looks_at_each(bundle.model)
    volumetric = bundle.config.volume is not None
    if function is None:
        depth = None if volumetric else frames * channels
        signature = [tf.TensorSpec((None, None, None, depth), tf.float32)]
        if each:
            signature = [
                tf.TensorSpec((None, None, None, channels), tf.float32),
                tf.TensorSpec((None, frames), tf.int32),
            ]
        infer = _once_each if each else _inference
        function = tf.function(infer(bundle.model), input_signature=signature)
        _compiled[bundle.model] = function

    quick = None
    if openvino_backend.wanted() and not volumetric:
        side = -(-64 // bundle.config.multiple_of) * bundle.config.multiple_of
        patch = np.random.default_rng(0).random((2, side, side, frames * channels), np.float32)
        quick = openvino_backend.converted(
            bundle.model,
            function,
            apart(patch, frames) if each else (patch,),
            pixels,
            half=half(bundle.config),
        )

    def tensorflow(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        given = apart(windows, frames) if each else (windows,)
        try:
            return function(*given).numpy()
        except tf.errors.ResourceExhaustedError as error:
            number, height, width = windows.shape[:3]
            if number == 1:
                raise UserError(
                    f"there is not enough memory for a tile of {width}×{height} px",
                    remedy="Use smaller tiles with --tile.",
                ) from error
        half = len(windows) // 2
        return np.concatenate([run(windows[:half]), run(windows[half:])])

    cuts = None if volumetric or backend.gpus() else _cuts(bundle.config)

    def run(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        if quick is not None:
            # What OpenVINO has no memory for TensorFlow may do in halves.
            with suppress(RuntimeError, MemoryError):
                return quick(*(apart(windows, frames) if each else (windows,)))
        if cuts is not None and max(windows.shape[1:3]) > _SIDE:
            return tiles.joined(windows, tensorflow, **cuts)
        return tensorflow(windows)

    return run


def _cuts(config: ModelConfig) -> dict[str, int] | None:
    """Return how larger windows are cut for TensorFlow; None where they must be whole."""
    if config.window((_SIDE, _SIDE), _SIDE) is not None or 4 * config.halo > _SIDE:
        return None
    return {"tile": _SIDE, "halo": config.halo, "multiple_of": config.multiple_of, "batch": 1}


def half(config: ModelConfig) -> bool:
    """Return whether a model is computed in bfloat16, which is too coarse for intensities."""
    return config.method.gives == "instances" and openvino_backend.half_wanted()


def _inference(model: Any) -> Any:
    # A strong reference here would keep the model, and so its entry in the table, for ever.
    weak = ref(model)

    def infer(windows: Any) -> Any:
        alive = weak()
        assert alive is not None, "the bundle that calls this holds the model"
        return output_of(alive, windows)

    return infer


def looks_at_each(model: Any) -> bool:
    """Return whether a network treats each frame alike before it looks at their order."""
    return any(layer.name == EACH_FRAME for layer in model.layers)


def apart(
    windows: NDArray[np.float32], frames: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the frames of windows (N, Y, X, T·C), each once, and which each window has.

    Returns
    -------
    (M, Y, X, C) float32, and their numbers (N, T) int32. A window of consecutive frames has all
    but one of those of the window before it.
    """
    number, *_, depth = windows.shape
    channels = depth // frames
    kept: list[NDArray[np.float32]] = []
    index = np.zeros((number, frames), np.int32)
    for i, t in np.ndindex(number, frames):
        frame = windows[i, ..., t * channels : (t + 1) * channels]
        # In the order of time the same frame is the one kept at last, or close before it.
        near = range(len(kept) - 1, max(len(kept) - 1 - frames, -1), -1)
        same = next((k for k in near if np.array_equal(kept[k], frame)), None)
        if same is None:
            same = len(kept)
            kept.append(frame)
        index[i, t] = same
    return np.stack(kept), index


def _once_each(model: Any) -> Any:
    weak, tf = ref(model), backend.tensorflow()

    def infer(frames: Any, index: Any) -> Any:
        alive = weak()
        assert alive is not None, "the bundle that calls this holds the model"
        x = alive.get_layer(EACH_FRAME).layer(frames, training=False)
        x = tf.gather(x, index)
        after = alive.layers[alive.layers.index(alive.get_layer(EACH_FRAME)) + 1 :]
        for layer in after:
            x = layer(x, training=False) if layer.name == OVER_TIME else layer(x)
        return x

    return infer
