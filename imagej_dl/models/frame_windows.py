"""Windows of a video, and volumes: frames or slices as further channels outside the network.

So all that cuts, turns and tiles pictures (Y, X, C) does the same to windows (Y, X, T·C) and to
volumes (Y, X, Z·C). In the network they have an axis of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.methods.base import FramesSeen
from imagej_dl.models import backend


def window(t: int, frames: int, count: int, seen: FramesSeen) -> list[int]:
    """Return the frames of a movie that a network sees for frame `t`, itself last.

    Parameters
    ----------
    frames : that the network sees at once.
    count : of the movie; at least `frames` where those around are seen.
    seen : "before": those before it, the first standing for what is before the first. "around":
        those nearest to it in time, the nearest last, of two as near the later one; never itself.
    """
    if seen == "before":
        return [max(t - back, 0) for back in range(frames - 1, -1, -1)]
    near = range(max(t - frames + 1, 0), min(t + frames, count))
    others = sorted((i for i in near if i != t), key=lambda i: (abs(i - t), -i))
    return [*reversed(others[: frames - 1]), t]


def check(frames: int, count: int, seen: FramesSeen, name: str | None = None) -> None:
    """Raise UserError for a movie with fewer frames than a network sees around each."""
    if seen == "around" and count < frames:
        raise UserError(
            f"the network sees {frames} frames at once, and the image has {count}",
            path=name,
            remedy="If its frames are read as slices, pass --axes TYX; else use single frames.",
        )


def frames_of(model: Any) -> int:
    """Return how many frames a network sees at once; 1 when it takes (N, Y, X, C), or volumes."""
    shape: tuple[int | None, ...] = getattr(model, "input_shape", ())
    return shape[1] or 1 if len(shape) == 5 else 1


def is_volumetric(model: Any) -> bool:
    """Return whether a network takes volumes (N, Z, Y, X, C), of any number of slices."""
    shape: tuple[int | None, ...] = getattr(model, "input_shape", ())
    return len(shape) == 5 and shape[1] is None


def fed(model: Any, images: Any) -> Any:
    """Return images (N, Y, X, T·C), an array or a tensor, as the network takes them.

    That is (N, T, Y, X, C) for a recurrent network, (N, Z, Y, X, C) of (N, Y, X, Z·C) for a 3-D
    one, the same for any other.
    """
    frames = frames_of(model)
    if frames == 1 and not is_volumetric(model):
        return images
    channels = model.input_shape[-1] if frames == 1 else images.shape[-1] // frames
    if isinstance(images, np.ndarray):
        return np.moveaxis(images.reshape(*images.shape[:3], -1, channels), 3, 1)
    tf = backend.tensorflow()
    number, height, width = (tf.shape(images)[i] for i in range(3))
    apart = tf.reshape(images, (number, height, width, -1 if frames == 1 else frames, channels))
    return tf.transpose(apart, (0, 3, 1, 2, 4))


def output_of(model: Any, images: Any, training: bool = False) -> Any:
    """Return what a network makes of images (N, Y, X, T·C): (N, Y, X, K), or (N, Y, X, Z·K)."""
    return given_back(model, model(fed(model, images), training=training))


def given_back(model: Any, outputs: Any) -> Any:
    """Return what a network gives, a tensor, as (N, Y, X, K), of a 3-D one as (N, Y, X, Z·K)."""
    if not is_volumetric(model):
        return outputs
    tf = backend.tensorflow()
    number, slices, height, width = (tf.shape(outputs)[i] for i in range(4))
    together = tf.transpose(outputs, (0, 2, 3, 1, 4))
    return tf.reshape(together, (number, height, width, slices * outputs.shape[-1]))
