"""The cover of a package: the test image beside what the model makes of it."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.methods.shared.instance_method import InstanceMethod
from imagej_dl.models.config import ModelConfig

_SIDE = 512
_COLOURS = 251


def cover(config: ModelConfig, image: NDArray, output: NDArray[np.float32]) -> bytes:
    """Return a PNG, twice as wide as high.

    Parameters
    ----------
    image : (Y, X, C); output : of the network for it (Y, X, K).
    """
    from PIL import Image

    method = config.method
    left = _grey(image[..., 0])
    if isinstance(method, InstanceMethod):
        labels, _ = method.instances(output, config.instances)
        right = _coloured(labels)
    else:
        assert isinstance(method, ImageMethod)
        right = _grey(method.image(output)[..., 0])
    side = min(_SIDE, *left.shape[:2])
    both = np.concatenate([left[:side, :side], right[:side, :side]], axis=1)
    stream = io.BytesIO()
    Image.fromarray(both).save(stream, "PNG", optimize=False)
    return stream.getvalue()


def _grey(plane: NDArray) -> NDArray[np.uint8]:
    low, high = np.percentile(plane, (1, 99.8))
    shown = np.clip((plane - low) / max(high - low, 1e-6), 0, 1) * 255
    return np.repeat(shown.astype(np.uint8)[..., None], 3, axis=2)


def _coloured(labels: NDArray) -> NDArray[np.uint8]:
    colours = np.random.default_rng(0).integers(64, 256, (_COLOURS, 3), np.uint8)
    shown = colours[labels % _COLOURS]
    shown[labels == 0] = 0
    return shown
