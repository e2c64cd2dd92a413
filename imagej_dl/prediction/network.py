"""A bundle's network as a function of arrays, compiled once."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.models import ModelBundle, backend
from imagej_dl.models.windows import fed
from imagej_dl.prediction.tiles import Network

# One graph a model for as long as the model lives: predicting in a loop must not use more memory.
_compiled: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def network(bundle: ModelBundle) -> Network:
    """Return the function from windows (N, Y, X, T·C) to probabilities (N, Y, X, classes).

    It is traced once for all numbers and sizes of windows. When the memory of the device does
    not hold a batch, its halves are tried.

    Raises
    ------
    UserError : (the function) when the memory does not hold even one window.
    """
    tf = backend.tensorflow()
    function = _compiled.get(bundle.model)
    if function is None:
        channels = bundle.config.frames * bundle.config.channels
        signature = [tf.TensorSpec((None, None, None, channels), tf.float32)]
        function = tf.function(_inference(bundle.model), input_signature=signature)
        _compiled[bundle.model] = function

    def run(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return function(windows).numpy()
        except tf.errors.ResourceExhaustedError as error:
            number, height, width = windows.shape[:3]
            if number == 1:
                raise UserError(
                    f"the memory does not hold a tile of {width}×{height} px",
                    remedy="Ask for smaller tiles with --tile.",
                ) from error
        half = len(windows) // 2
        return np.concatenate([run(windows[:half]), run(windows[half:])])

    return run


def _inference(model: Any) -> Any:
    # A strong reference here would keep the model, and so its entry in the table, for ever.
    weak = ref(model)

    def infer(windows: Any) -> Any:
        alive = weak()
        assert alive is not None, "the bundle that calls this holds the model"
        return alive(fed(alive, windows), training=False)

    return infer
