"""Models for tests that give an image: networks that are known by construction."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from small_models import bundle_of

from imagej_dl import models
from imagej_dl.methods import registry
from imagej_dl.methods.base import PostProcessing
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import backend


class ToImage(ImageMethod):
    """An image, of whatever."""

    name: ClassVar[str] = "toy_image"
    summary: ClassVar[str] = "an image"
    losses: ClassVar[tuple[str, ...]] = ("mse",)

    def loss(self, name, *, class_weights=None, dice=0.0, total):
        raise NotImplementedError


@pytest.fixture
def to_image(monkeypatch):
    """Make the method known."""
    monkeypatch.setitem(registry.METHODS, ToImage.name, ToImage)
    monkeypatch.setitem(models.CLASSES, ToImage.name, ToImage().channels)


def image_bundle(model, *, channels=1, outputs=1, halo=0, multiple_of=1, kind=ToImage.name, **more):
    method = ToImage(image_channels=outputs)
    given = {"classes": method.channels, "instances": PostProcessing()}
    given["method_settings"] = {"image_channels": outputs} if outputs > 1 else {}
    return bundle_of(
        model, kind, halo=halo, multiple_of=multiple_of, channels=channels, **(given | more)
    )


def identity(channels=1, **more):
    """Return a model whose output is its input."""
    keras = backend.keras()
    inputs = keras.Input((None, None, channels))
    model = keras.Model(inputs, keras.layers.Conv2D(channels, 1)(inputs))
    model.set_weights([np.eye(channels)[None, None], np.zeros(channels)])
    return image_bundle(model, channels=channels, outputs=channels, **more)


def unet_of_images(channels=1, depth=2, network="unet", **more):
    """Return a U-Net with random weights that gives an image, and its exact halo."""
    from imagej_dl.models.networks import registry as networks
    from imagej_dl.models.receptive_field import receptive_field

    backend.keras().utils.set_random_seed(5)
    given = {"depth": depth, "width": 4, "last_width": 4, "channels": channels, "classes": channels}
    known = {name: value for name, value in given.items() if name in networks.takes(network)}
    model = networks.network(network, known | {"output": "linear"}).build()
    rng = np.random.default_rng(5)
    weights = model.get_weights()
    model.set_weights([w + rng.uniform(0.02, 0.2, w.shape) * (w.ndim == 1) for w in weights])
    field = receptive_field(model)
    given = {"halo": field.halo, "multiple_of": field.multiple_of}
    return image_bundle(model, channels=channels, outputs=channels, **(given | more))
