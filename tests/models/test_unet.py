import pytest

from imagej_dl.models.networks.unet import UNet
from imagej_dl.models.networks.unet_half import UNetHalf

pytestmark = pytest.mark.tf


def parameters(depth, width, last, channels, classes):
    """Weights of Fluffy's U-Net, counted from its description and not from its layers."""

    def conv(before, after, side=3):
        return side * side * before * after + after

    def block(before, after):
        # Batch normalisation: scale, offset, mean and variance of each filter.
        return conv(before, after) + conv(after, after) + 2 * 4 * after

    widths = [width * 2**i for i in range(depth)]
    total, before = 0, channels
    for w in widths:
        total += block(before, w)
        before = w
    for w in reversed(widths):
        total += block(before, w)
        before = 2 * w  # its own filters and the skip's
    return total + conv(before, last) + conv(last, last) + conv(last, classes, 1)


@pytest.mark.parametrize(
    ("depth", "width", "last", "channels", "classes"),
    [(1, 4, 8, 1, 1), (2, 8, 8, 3, 3), (3, 16, 16, 1, 3), (4, 16, 16, 1, 3), (5, 2, 32, 2, 1)],
)
def test_has_the_weights_of_fluffys_network(depth, width, last, channels, classes):
    network = UNet(depth=depth, width=width, last_width=last, channels=channels, classes=classes)
    assert network.build().count_params() == parameters(depth, width, last, channels, classes)


def test_at_half_the_resolution_it_lacks_the_last_block_and_join():
    network = UNetHalf(depth=3, width=16, last_width=8, classes=3)
    whole = parameters(3, 16, 8, 1, 3)
    of_block = 9 * (64 * 16 + 16 * 16) + 2 * 16 + 2 * 4 * 16
    of_join = 9 * 8 * (32 - 64)  # the last convolutions see 32 and 32 channels, not 16 and 16
    assert network.build().count_params() == whole - of_block - of_join


def test_doubles_as_keras_does_where_it_can():
    import numpy as np

    from imagej_dl.models import backend
    from imagej_dl.models.enlarging import Doubled2D

    images = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)
    keras_own = backend.keras().layers.UpSampling2D(2, interpolation="bilinear")
    np.testing.assert_allclose(Doubled2D()(images), keras_own(images), atol=1e-6)


def test_dropouts_grow_with_the_level_up_to_a_half_and_are_reversed_in_the_decoder():
    model = UNet(depth=6, width=1, last_width=1).build()
    rates = [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"]
    down = [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]
    assert rates == pytest.approx(down + down[::-1])


def test_probabilities_of_any_size_sum_to_one():
    import numpy as np

    model = UNet(depth=2, width=2, last_width=2).build()
    for shape in ((1, 8, 20, 1), (2, 4, 4, 1)):
        out = np.asarray(model(np.ones(shape, np.float32)))
        assert out.shape == (*shape[:3], 3)
        np.testing.assert_allclose(out.sum(-1), 1, atol=1e-6)


def test_binary_output_is_a_probability():
    import numpy as np

    model = UNet(depth=1, width=2, last_width=2, classes=1).build()
    out = np.asarray(model(np.full((1, 4, 4, 1), 50, np.float32)))
    assert out.shape == (1, 4, 4, 1)
    assert ((out >= 0) & (out <= 1)).all()
