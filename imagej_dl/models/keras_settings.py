"""Keras' settings, and the seeds of the process, beside code of a user's that has its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from imagej_dl.models import backend


@contextmanager
def ours() -> Iterator[None]:
    """Build and train networks in float32, channels last, whatever a notebook or keras.json says.

    Afterwards these settings, and what `random` and `numpy.random` draw, are as they were before.
    """
    config = backend.keras().config
    before = config.floatx(), config.image_data_format(), config.dtype_policy()
    drawn = random.getstate(), np.random.get_state()  # noqa: NPY002 - that of the process
    try:
        _set("float32", "channels_last", "float32")
        yield
    finally:
        _set(*before)
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])  # noqa: NPY002


def seed(number: int) -> None:
    """Seed what Keras draws its weights and dropout of.

    Its own `set_random_seed` would seed TensorFlow too, which cannot be undone.
    """
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - initialisers of others may draw from it


def _set(floatx: str, channels: str, policy: object) -> None:
    config = backend.keras().config
    config.set_floatx(floatx)
    config.set_image_data_format(channels)
    config.set_dtype_policy(policy)
