"""Models for tests: a threshold whose objects are known, and an untrained U-Net."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imagej_dl.images import Normalisation
from imagej_dl.models import (
    CLASSES,
    Architecture,
    Instances,
    ModelBundle,
    ModelConfig,
    backend,
    save,
)


def bundle_of(model, kind, *, halo, multiple_of, channels=1, **more):
    config = ModelConfig.model_validate(
        {
            "kind": kind,
            "classes": CLASSES[kind],
            "architecture": Architecture(name="unet", arguments={}),
            "axes": "YX" if channels == 1 else "YXC",
            "channels": channels,
            "normalisation": Normalisation(method="percentile"),
            "patch": 64,
            "halo": halo,
            "multiple_of": multiple_of,
            "imagej_dl_version": "0",
            "keras_version": "3",
            "tensorflow_version": "2",
        }
        | more
    )
    return ModelBundle(model, config)


def stored(bundle, folder: Path) -> Path:
    """Save a model, and return its folder."""
    channels = (bundle.config.channels,) if bundle.config.channels > 1 else ()
    save(bundle.model, bundle.config, folder, test_image=np.zeros((16, 16, *channels), np.uint8))
    return folder


def threshold(channels=1, multiple_of=8):
    """p_object = sigmoid(40 · (mean of channels / largest value - 0.5)), of one plane alone."""
    keras = backend.keras()
    inputs = keras.Input((None, None, channels))
    outputs = keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.full((1, 1, channels, 1), 40 / channels), np.array([-20.0])])
    return bundle_of(
        model,
        "binary",
        halo=0,
        multiple_of=multiple_of,
        channels=channels,
        normalisation=Normalisation(method="range"),
        instances=Instances(split=False),
    )


def unet(channels=1, depth=3, kind="border"):
    """A U-Net with random weights, statistics of normalisation included, and its exact halo."""
    from imagej_dl.models.networks.unet import UNet
    from imagej_dl.models.receptive_field import receptive_field

    backend.keras().utils.set_random_seed(5)
    classes = 3 if kind == "border" else 1
    model = UNet(depth=depth, width=4, last_width=4, channels=channels, classes=classes).build()
    rng = np.random.default_rng(5)
    # Biases and statistics away from 0 and 1, so that borders and normalisation cannot hide.
    weights = model.get_weights()
    model.set_weights([w + rng.uniform(0.02, 0.2, w.shape) * (w.ndim == 1) for w in weights])
    field = receptive_field(model)
    return bundle_of(model, kind, halo=field.halo, multiple_of=field.multiple_of, channels=channels)
