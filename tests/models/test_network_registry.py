"""All networks: weights counted from their description, shapes, reach, and the file they go to."""

import itertools

import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.models import backend, trust
from imagej_dl.models.networks.registry import NETWORKS, network
from imagej_dl.models.receptive_field import receptive_field

pytestmark = pytest.mark.tf


def conv(before, after, kernel=9, bias=True):
    return kernel * before * after + bias * after


def two(before, after):
    return conv(before, after) + conv(after, after)


def separable(before, after):
    """Depthwise 3×3, pointwise with bias, batch normalisation of four numbers a filter."""
    return 9 * before + before * after + after + 4 * after


def suite_unet(f, classes, **_):
    down = [1, f, 2 * f, 4 * f, 8 * f, 16 * f]
    total = sum(two(a, b) for a, b in itertools.pairwise(down))
    for level in (8, 4, 2, 1):
        total += two(3 * level * f, level * f)  # the upsampled 2·level·f and the skip
    return total + conv(f, classes, 1)


def transposed(f, classes, depth, shrink=0, first=0, dilated=False):
    total, before = first, f if dilated else 1
    for level in range(depth):
        w = f * 2**level
        total += two(before, w) + shrink * conv(w, w)
        before = w
    total += two(before, f * 2**depth)
    before = f * 2**depth
    for level in reversed(range(depth)):
        w = f * 2**level
        # 2×2 transposed convolution to 2w filters, joined with the skip's w.
        total += conv(before, 2 * w, 4) + two(3 * w, w)
        before = w
    return total + conv(before, classes, 1)


# Expansion, filters, repetitions and stride of MobileNetV2's stages (arXiv 1801.04381, table 2).
STAGES = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)]


def eight(value):
    """The multiple of 8 next to a number of filters, by no more than a tenth below it."""
    new = max(8, int(value + 4) // 8 * 8)
    return new + 8 if new < 0.9 * value else new


def mobilenet(alpha, depth):
    """Weights up to the skip at 1/2^depth, and the filters of the skips; no convolution has a
    bias, each has a batch normalisation."""
    before = eight(32 * alpha)
    total = 27 * before + 4 * before
    skips, block = [], 0
    for expansion, filters, number in STAGES:
        after = eight(int(filters * alpha))
        for _ in range(number):
            wide = expansion * before
            if expansion > 1:
                total += before * wide + 4 * wide
                if block in (1, 3, 6, 13):
                    skips.append(wide)
                    if len(skips) == depth:
                        return total, skips
            total += 9 * wide + 4 * wide + wide * after + 4 * after
            before = after
            if block == 16:  # its projection is joined before it is normalised
                return total - 4 * after, [*skips, after]
            block += 1
    raise AssertionError


def mobile(f, classes, depth, alpha=0.35):
    total, skips = mobilenet(alpha, depth)
    before = skips.pop()
    for stage in reversed(range(1, depth)):
        w = f * 2**stage
        total += separable(before, w) + separable(w, w)
        before = w + skips.pop()
    return total + separable(before, f) + separable(f, f) + conv(f, classes, 1)


def lstm(before, f):
    """Four gates, each with a kernel on the input and one on the state, and a bias."""
    return 4 * (9 * before * f + 9 * f * f + f)


def unet_lstm(f, classes, depth):
    total, before = 0, 1
    for level in range(depth + 1):
        w = f * 2**level
        total += lstm(before, w) + conv(w, w)
        before = w
    for level in reversed(range(depth)):
        w = f * 2**level
        total += two(before + w, w)
        before = w
    return total + conv(before, classes, 1)


def dilated(f, classes, depth):
    return transposed(f, classes, depth, shrink=1, first=conv(1, f), dilated=True)


COUNTS = {
    "unet_suite": lambda f, k, d: suite_unet(f, k),
    "categorical_unet": lambda f, k, d: suite_unet(f, k),
    "categorical_unet_transpose": transposed,
    "categorical_unet_fc": lambda f, k, d: transposed(f, k, d, shrink=1),
    "categorical_unet_fc_dil": dilated,
    "mobilenet_mobileunet": mobile,
    "mobilenet_mobileunet_lstm": lambda f, k, d: mobile(f, k, d) + lstm(f, f),
    "unet_lstm": unet_lstm,
}
SUITE = list(COUNTS)
OF_VALUES = ("vae", "hvae")
LARGEST = pytest.param("mobilenet_mobileunet_lstm", marks=pytest.mark.thorough)
EACH = [LARGEST if name == LARGEST.values[0] else name for name in NETWORKS]


def arguments(name, **more):
    return {k: v for k, v in more.items() if k in NETWORKS[name].model_fields}


def test_all_eight_of_the_suite_are_there():
    assert len(set(SUITE) & set(NETWORKS)) == 8


@pytest.mark.parametrize("name", SUITE)
@pytest.mark.parametrize(
    ("f", "classes", "depth"),
    [pytest.param(16, 2, 3, marks=pytest.mark.thorough), (5, 1, 2)],
)
def test_weights_are_those_counted_from_the_description(name, f, classes, depth):
    built = network(name, arguments(name, width=f, classes=classes, depth=depth)).build()
    assert built.count_params() == COUNTS[name](f, classes, depth)


@pytest.mark.parametrize("depth", [1, 4, 5])
def test_mobilenet_is_joined_at_each_of_its_five_levels(depth):
    built = network("mobilenet_mobileunet", {"width": 4, "classes": 2, "depth": depth}).build()
    assert built.count_params() == mobile(4, 2, depth)
    assert receptive_field(built).multiple_of == 2**depth


def small(name, **more):
    given = {"width": 2, "depth": 2, "classes": 2, "frames": 3, "dropout": 0.1} | more
    backend.keras().utils.set_random_seed(3)
    made = network(name, arguments(name, **given))
    return made, made.build()


def pictures(made, *shape, seed=0):
    time = (made.window,) if made.window > 1 else ()
    shape = (shape[0], *time, *shape[1:], made.channels)
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize("name", [name for name in EACH if name not in OF_VALUES])
def test_probabilities_of_any_size_come_back_the_same_from_the_file(name, tmp_path):
    made, model = small(name)
    assert model.input_shape[-1] == 1
    path = tmp_path / "model.keras"
    model.save(path)
    trust.check_parts(path)
    again = backend.keras().models.load_model(path, compile=False, safe_mode=True)
    for height, width in ((16, 48), (32, 32)):
        x = pictures(made, 2, height, width)
        y = np.asarray(model(x, training=False))
        assert y.shape == (2, height, width, 2)
        np.testing.assert_allclose(y.sum(-1), 1, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(again(x, training=False)), y)


@pytest.mark.parametrize("name", EACH)
def test_a_window_with_the_halo_gives_the_same_as_the_whole(name):
    made, model = small(name, depth=1, dilation_rate=1)
    field = receptive_field(model)
    assert field.multiple_of == made.multiple_of
    step = field.multiple_of
    halo = -(-field.halo // step) * step
    x = pictures(made, 1, 2 * halo + 6 * step, 2 * step)
    whole = np.asarray(model(x, training=False))
    start, stop = halo + 2 * step, halo + 3 * step
    part = np.asarray(model(x[..., start - halo : stop + halo, :, :], training=False))
    np.testing.assert_allclose(part[:, halo:-halo], whole[:, start:stop], atol=2e-6)


@pytest.mark.parametrize(
    "name",
    [
        "categorical_unet_fc",
        "categorical_unet_fc_dil",
        "mobilenet_mobileunet",
        LARGEST,
    ],
)
def test_no_smaller_halo_would_do(name):
    """What is no number spreads as far as a pixel is seen (there is no max pooling in these)."""
    made, model = small(name, depth=1, dilation_rate=2)
    field = receptive_field(model)
    side = -(-(2 * field.halo + 8) // 2) * 2
    farthest = 0
    for axis, phase in itertools.product((0, 1), range(field.multiple_of)):
        at = side // 4 * 2 + phase
        x = pictures(made, 1, *((side, 4) if axis == 0 else (4, side)))
        # The first frame of a window is that whose pixels have the longest way.
        first = x[:, 0] if made.window > 1 else x
        first[(0, at) if axis == 0 else (0, slice(None), at)] = np.nan
        bad = np.isnan(np.asarray(model(x, training=False))[0]).any(-1).any(1 - axis)
        where = np.flatnonzero(bad)
        assert 0 < where[0] <= where[-1] < side - 1
        farthest = max(farthest, at - where[0], where[-1] - at)
    assert farthest == field.halo


@pytest.mark.parametrize("name", [LARGEST, "unet_lstm"])
def test_recurrent_networks_remember_the_frames_in_their_order(name):
    made, model = small(name)
    x = pictures(made, 1, 16, 16)
    y = np.asarray(model(x, training=False))
    earlier = x.copy()
    earlier[:, 0] = 0
    assert np.abs(np.asarray(model(earlier, training=False)) - y).max() > 1e-6
    turned = np.asarray(model(x[:, ::-1], training=False))
    assert np.abs(turned - y).max() > 1e-6


def test_our_convlstm_is_that_of_keras():
    keras = backend.keras()
    from imagej_dl.models.convlstm import ConvLSTM2D

    options = {"filters": 3, "kernel_size": 3, "padding": "same", "dilation_rate": 2}
    ours = ConvLSTM2D(**options, return_sequences=True)
    inputs = keras.Input((4, None, None, 2))
    model = keras.Model(inputs, ours(inputs))
    x = np.random.default_rng(0).random((2, 4, 8, 12, 2), np.float32)
    theirs = keras.layers.ConvLSTM2D(**options, return_sequences=True)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(np.asarray(model(x)), np.asarray(theirs(x)), atol=1e-6)


def test_dropouts_of_the_suites_unet_grow_downwards():
    _, model = small("unet_suite", dropout=0.1)
    rates = [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"]
    assert rates == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.3, 0.2, 0.2, 0.1, 0.1])


def test_each_output_may_stand_for_itself():
    made = network("categorical_unet", {"width": 2, "classes": 2, "output": "sigmoid"})
    y = np.asarray(made.build()(pictures(made, 1, 16, 16)))
    assert np.abs(y.sum(-1) - 1).max() > 1e-3


@pytest.mark.thorough
def test_a_frozen_encoder_leaves_the_decoder_to_train():
    _, free = small("mobilenet_mobileunet")
    _, frozen = small("mobilenet_mobileunet", frozen=True)
    names = {v.path.split("/")[0] for v in frozen.trainable_variables}
    assert names
    assert all(name.startswith(("up", "last", "probabilities")) for name in names)
    assert len(free.trainable_variables) > len(frozen.trainable_variables)


def test_what_is_not_there_is_said():
    with pytest.raises(UserError, match="no network called resnet"):
        network("resnet", {})
    with pytest.raises(UserError, match=r"unet_lstm cannot be built with poolz.*width"):
        network("unet_lstm", {"poolz": 3})
