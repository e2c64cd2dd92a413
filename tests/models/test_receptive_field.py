import numpy as np
import pytest

from imagej_dl.models import backend
from imagej_dl.models.networks.unet import UNet
from imagej_dl.models.receptive_field import ReceptiveField, receptive_field

pytestmark = pytest.mark.tf


def reach(model, period, side):
    """How far a single bright pixel is seen, over all phases of the grid, by computing it."""
    for layer in model.layers:
        if "Conv" in type(layer).__name__:
            kernel, bias = layer.get_weights()
            # Every path adds to the sum, none cancels another; black stays exactly 0.
            layer.set_weights([np.full_like(kernel, 1 / kernel.shape[2]), 0 * bias])
    # Before the last 1×1 layer, whose softmax makes no zeros.
    keras = backend.keras()
    logits = keras.Model(model.input, model.layers[-1].input)
    farthest = 0
    for axis in (0, 1):
        for phase in range(period):
            at = (side // 2) // period * period + phase
            image = np.zeros((1, side, side, 1), np.float32)
            image[(0, at, side // 2) if axis == 0 else (0, side // 2, at)] = 1
            seen = np.asarray(logits(image, training=False))[0].any(-1).any(1 - axis)
            where = np.flatnonzero(seen)
            assert 0 < where[0] <= where[-1] < side - 1, "the test image is too small"
            farthest = max(farthest, at - where[0], where[-1] - at)
    return farthest


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_halo_is_the_distance_at_which_a_pixel_is_still_seen_and_no_more(depth):
    model = UNet(depth=depth, width=1, last_width=1).build()
    found = receptive_field(model)
    assert found.multiple_of == 2**depth
    assert reach(model, 2**depth, 192) == found.halo


def _chain(*layers):
    keras = backend.keras()
    inputs = x = keras.Input((None, None, 1))
    for layer in (*layers, keras.layers.Conv2D(1, 1)):
        x = layer(x)
    return keras.Model(inputs, x)


def test_dilated_strided_and_transposed_convolutions():
    layers = backend.keras().layers
    model = _chain(
        layers.Conv2D(2, 3, dilation_rate=2, padding="same"),
        layers.Conv2D(2, 3, strides=2, padding="same"),
        layers.Conv2D(2, 5, padding="same"),
        layers.Conv2DTranspose(2, 2, strides=2, padding="same"),
        layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
        layers.AveragePooling2D(2),
    )
    found = receptive_field(model)
    assert reach(model, found.multiple_of, 64) == found.halo


def test_plain_convolutions_by_hand():
    layers = backend.keras().layers
    model = _chain(*(layers.Conv2D(1, 3, padding="same") for _ in range(4)))
    assert receptive_field(model) == ReceptiveField(halo=4, multiple_of=1)


def test_a_layer_that_sees_everything_is_refused():
    keras = backend.keras()
    inputs = keras.Input((None, None, 1))
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    model = keras.Model(inputs, keras.layers.Add()([inputs, pooled]))
    with pytest.raises(ValueError, match="GlobalAveragePooling2D"):
        receptive_field(model)


def test_a_window_with_the_halo_gives_the_same_as_the_whole():
    model = UNet(depth=2, width=4, last_width=4).build()
    field = receptive_field(model)
    rng = np.random.default_rng(0)
    image = rng.random((1, 160, 96, 1), np.float32)
    whole = np.asarray(model(image, training=False))
    step = field.multiple_of
    halo = -(-field.halo // step) * step
    start, stop = 64, 96
    window = image[:, start - halo : stop + halo]
    part = np.asarray(model(window, training=False))[:, halo:-halo]
    np.testing.assert_allclose(part, whole[:, start:stop], atol=1e-5)
    # One step off the pooling grid the same window gives something else.
    shifted = image[:, start - halo + 1 : stop + halo + 1]
    other = np.asarray(model(shifted, training=False))[:, halo:-halo]
    assert np.abs(other - whole[:, start + 1 : stop + 1]).max() > 1e-3
