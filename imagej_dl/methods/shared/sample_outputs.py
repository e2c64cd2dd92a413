"""Samples of a value as outputs of a network: where they are, how wide, and each one's deviation.

Samples that are outputs of their own begin anywhere, and one far from the data learns next to
nothing of it. Here they begin as the quantiles of a normal distribution, whose middle and width
all pixels teach; the deviations then give it any other shape.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

EXTRA = 2
"""Outputs besides the deviation of each sample."""
_WIDTH, _NARROWEST, _WIDEST = -1.5, -6.0, 2.0
_DEVIATION = 0.1


def samples_of(outputs: Any, ops: Any = np) -> Any:
    """Return the samples (…, K) of outputs (…, 2 + K).

    Parameters
    ----------
    ops : the library of the array: `numpy`, or `keras.ops` for tensors.
    """
    quantiles = _quantiles(outputs.shape[-1] - EXTRA)
    width = ops.exp(ops.clip(outputs[..., 1:2], _NARROWEST, _WIDEST) + _WIDTH)
    return outputs[..., :1] + width * (quantiles + _DEVIATION * outputs[..., EXTRA:])


def output_of_width(width: Any, ops: Any = np) -> Any:
    """Return the second output with which the samples have this standard deviation, about."""
    return ops.clip(ops.log(width) - _WIDTH, _NARROWEST, _WIDEST)


@cache
def _quantiles(number: int) -> Any:
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / number) for i in range(number)], np.float32)
