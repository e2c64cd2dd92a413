"""Windows of a video: several frames as further channels outside the network, as frames in it.

So all that cuts, turns and tiles pictures (Y, X, C) does the same to windows (Y, X, T·C).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imagej_dl.models import backend


def frames_of(model: Any) -> int:
    """Return how many frames a network sees at once; 1 when it takes (N, Y, X, C)."""
    shape: tuple[int | None, ...] = getattr(model, "input_shape", ())
    return shape[1] or 1 if len(shape) == 5 else 1


def fed(model: Any, images: Any) -> Any:
    """Return images (N, Y, X, T·C), an array or a tensor, as the network takes them.

    That is (N, T, Y, X, C) for a recurrent network, the same for any other.
    """
    frames = frames_of(model)
    if frames == 1:
        return images
    channels = images.shape[-1] // frames
    if isinstance(images, np.ndarray):
        return np.moveaxis(images.reshape(*images.shape[:3], frames, channels), 3, 1)
    tf = backend.tensorflow()
    number, height, width = (tf.shape(images)[i] for i in range(3))
    apart = tf.reshape(images, (number, height, width, frames, channels))
    return tf.transpose(apart, (0, 3, 1, 2, 4))
