"""Networks written in OpenVINO's operations compute what Keras computes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import small_models as models

from imagej_dl.models import backend
from imagej_dl.models.networks.registry import network
from imagej_dl.prediction import openvino_backend, openvino_graph

pytestmark = pytest.mark.tf
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _needs_openvino():
    if not openvino_backend.installed():
        pytest.skip("needs OpenVINO")


def shaken(model):
    """Give a network weights, statistics included, of which none is 0 or 1."""
    backend.keras().utils.set_random_seed(3)
    model.set_weights(
        [w * 0.8 + RNG.uniform(0.02, 0.2, w.shape) * (w.ndim == 1) for w in model.get_weights()]
    )
    return model


def check(model, shape=(2, 48, 80)):
    windows = RNG.normal(size=(*shape, model.inputs[0].shape[-1])).astype(np.float32)
    expected = np.asarray(model(windows, training=False))
    run = openvino_backend._compiled(openvino_backend._graph(model, None, convert=False))
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(run(windows), expected, atol=2e-6 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("unet", {}),
        ("unet", {"depth": 1, "width": 3, "last_width": 5, "channels": 3, "classes": 1}),
        ("unet", {"depth": 2, "width": 4, "output": ["linear", "sigmoid", "relu"]}),
        ("unet_half", {"depth": 3, "classes": 4, "output": ["sigmoid", *["linear"] * 3]}),
        ("unet_suite", {}),
    ],
)
def test_registered_networks(name, arguments):
    check(shaken(network(name, arguments).build()))


def test_frames_of_any_size_after_each_other():
    run = openvino_backend._compiled(
        openvino_backend._graph(model := models.unet().model, None, convert=False)
    )
    for shape in ((1, 16, 64, 1), (3, 40, 8, 1), (1, 16, 64, 1)):
        windows = RNG.random(shape, np.float32)
        np.testing.assert_allclose(run(windows), model(windows), atol=1e-6)


def test_threads_do_not_get_each_others_output():
    model = models.unet().model
    run = openvino_backend._compiled(openvino_backend._graph(model, None, convert=False))
    windows = [RNG.random((1, 64, 64, 1), np.float32) for _ in range(4)]
    expected = [run(window) for window in windows]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for found, right in zip(pool.map(run, windows), expected, strict=True):
                np.testing.assert_allclose(found, right, atol=1e-6)


def test_a_doubled_image_wherever_it_is_read():
    layers = backend.keras().layers
    source = backend.keras().Input((None, None, 2))
    coarse = layers.Conv2D(3, 5, padding="same", activation="tanh")(source)
    coarse = layers.MaxPooling2D(2)(coarse)
    double = layers.UpSampling2D(2)(coarse)
    seen = layers.Conv2D(4, 5, padding="same", use_bias=False)(double)
    dilated = layers.Conv2D(4, 3, padding="same", dilation_rate=2)(double)
    even = layers.Conv2D(4, 2, padding="same", activation="elu")(double)
    joined = layers.Concatenate()([double, layers.Add()([seen, dilated, even]), source])
    joined = layers.BatchNormalization(scale=False)(joined)
    last = layers.Activation("sigmoid")(layers.Conv2D(2, 3, padding="same")(joined))
    check(shaken(backend.keras().Model(source, last)))


def test_other_layers_are_left_to_the_converter():
    layers = backend.keras().layers
    source = backend.keras().Input((None, None, 1))
    for layer in (
        layers.Conv2D(2, 3, strides=2, padding="same"),
        layers.Conv2D(2, 3, padding="same", activation="gelu"),
        layers.Conv2DTranspose(2, 2),
        layers.MaxPooling2D(3, 1, padding="same"),
        layers.UpSampling2D(2, interpolation="bilinear"),
        layers.UpSampling2D(3),
        layers.Conv2D(2, 3, padding="same", dtype="mixed_bfloat16"),
    ):
        with pytest.raises(openvino_graph.UnknownLayer):
            openvino_graph.graph(backend.keras().Model(source, layer(source)))
