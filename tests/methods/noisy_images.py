"""A noisy image, its clean one and the noise model of its camera, small enough for tests."""

from __future__ import annotations

from functools import cache

import numpy as np
from simulated_noise import frames, observe, scene

from imagej_dl import images, noise

SMALL = {"epochs": 2, "steps": 10, "batch": 4, "patch": 32, "depth": 1, "width": 4, "seed": 1}


@cache
def camera():
    return noise.fit_mixture(noise.of_frames(frames(30)))


@cache
def clean():
    return scene(96, seed=4)


def noisy(seed=0):
    values = observe(clean(), np.random.default_rng(seed))
    return images.make(values.astype(np.float32), title="noisy.tif")


def error(found):
    """Mean squared error of an image."""
    return float(np.square(np.asarray(found, np.float64) - clean()).mean())
