"""The U-Net of Noise2Void and N2V2: its weights, its pooling, and what its outputs depend on."""

import numpy as np
import pytest

from imagej_dl.models import backend, trust
from imagej_dl.models.networks.registry import network
from imagej_dl.models.receptive_field import receptive_field

pytestmark = pytest.mark.tf


def built(**more):
    backend.keras().utils.set_random_seed(2)
    given = {"channels": 1, "classes": 1, "output": "linear", "depth": 2, "width": 3}
    return network("unet_n2v", given | more).build()


def two(before, after):
    return 9 * before * after + after + 9 * after * after + after


@pytest.mark.parametrize("top_skip", [True, False])
def test_weights_are_those_counted_from_the_description(top_skip):
    w = 5
    expected = two(1, w) + two(w, 2 * w) + two(2 * w, 4 * w)
    expected += two(4 * w + 2 * w, 2 * w)
    expected += two(2 * w + (w if top_skip else 0), w) + w + 1
    assert built(width=w, top_skip=top_skip).count_params() == expected


def pooled(features):
    """The maximum of 2 x 2 pixels at each corner between pixels, blurred by 1 2 1, halved."""
    padded = np.pad(features, 1)
    most = np.maximum.reduce([padded[:-1, :-1], padded[1:, :-1], padded[:-1, 1:], padded[1:, 1:]])
    binomial = np.outer((1, 2, 1), (1, 2, 1)) / 16
    height, width = features.shape
    return np.array(
        [
            [(most[y : y + 3, x : x + 3] * binomial).sum() for x in range(0, width, 2)]
            for y in range(0, height, 2)
        ]
    )


def test_the_blurring_pool_is_a_maximum_a_binomial_blur_and_every_other_pixel():
    model = built(depth=1, width=1)
    keras = backend.keras()
    before, after = model.get_layer("down0_conv2").output, model.get_layer("down0_pool").output
    x = np.random.default_rng(0).random((1, 8, 12, 1), np.float32)
    features, found = (
        np.asarray(keras.Model(model.input, t)(x))[0, ..., 0] for t in (before, after)
    )
    assert features.max() > 0
    np.testing.assert_allclose(found, pooled(features), atol=1e-6)


@pytest.mark.parametrize("pooling", ["max", "blur"])
def test_the_halo_is_exact(pooling):
    """What is no number spreads as far as a pixel is seen, by one of the pooling grid's phases."""
    model = built(pooling=pooling, depth=1, top_skip=True)
    field = receptive_field(model)
    assert field.multiple_of == 2
    side, reached = 64, 0
    for at in (30, 31):
        x = np.random.default_rng(0).random((1, side, 8, 1), np.float32)
        y = np.asarray(model(x))
        x[0, at] += 1e3  # not NaN, which a maximum may not pass on
        rows = np.flatnonzero(np.abs(np.asarray(model(x)) - y).max((0, 2, 3)))
        reached = max(reached, at - rows[0], rows[-1] - at)
    assert reached <= field.halo
    if pooling == "blur":
        assert reached == field.halo


def test_tiles_with_their_halo_give_the_same_as_the_whole():
    model = built(pooling="blur", residual=True, batch_norm=True)
    field = receptive_field(model)
    step = field.multiple_of
    halo = -(-field.halo // step) * step
    x = np.random.default_rng(1).random((1, 2 * halo + 6 * step, 4 * step, 1), np.float32)
    whole = np.asarray(model(x, training=False))
    part = np.asarray(model(x[:, step : step + 2 * halo + 2 * step], training=False))
    wanted = whole[:, step + halo : step + halo + 2 * step]
    np.testing.assert_allclose(part[:, halo:-halo], wanted, atol=1e-5)


@pytest.mark.parametrize("apart", [True, False])
def test_channels_apart_do_not_see_each_other(apart, tmp_path):
    model = built(channels=3, classes=3, apart=apart, residual=True)
    path = tmp_path / "model.keras"
    model.save(path)
    trust.check_parts(path)
    again = backend.keras().models.load_model(path, compile=False, safe_mode=True)
    x = np.random.default_rng(3).random((1, 16, 16, 3), np.float32)
    y = np.asarray(model(x))
    np.testing.assert_array_equal(np.asarray(again(x)), y)
    x[..., 1] = 0
    changed = np.abs(np.asarray(model(x)) - y).max((0, 1, 2)) > 0
    assert list(changed) == ([False, True, False] if apart else [True, True, True])


@pytest.mark.parametrize("more", [{"residual": True}, {"apart": True, "channels": 2}])
def test_a_residual_needs_as_many_channels(more):
    with pytest.raises(ValueError, match="as many output channels"):
        built(**{"classes": 3, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"pooling": "blur"},
        {"pooling": "max", "residual": True, "top_skip": True, "batch_norm": True},
        {"channels": 2, "classes": 2, "apart": True, "residual": True},
    ],
)
def test_openvinos_graph_gives_the_same(more):
    openvino = pytest.importorskip("openvino")
    from imagej_dl.prediction.openvino_graph import graph

    model = built(**more)
    compiled = openvino.compile_model(graph(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    x = np.random.default_rng(4).random((2, 16, 24, more.get("channels", 1)), np.float32)
    found = next(iter(compiled(x).values()))
    np.testing.assert_allclose(found, np.asarray(model(x, training=False)), atol=1e-5)


def block_3d(before, after):
    return 9 * before * after + after + 27 * after * after + after


def test_in_three_dimensions_the_weights_are_those_of_the_description():
    w = 3
    expected = block_3d(1, w) + block_3d(w, 2 * w) + block_3d(2 * w, 4 * w)
    expected += block_3d(4 * w + 2 * w, 2 * w) + block_3d(2 * w, w) + w + 1
    model = built(width=w, patch_slices=8)
    assert model.count_params() == expected
    assert model.input_shape == (None, None, None, None, 1)


@pytest.mark.parametrize(("pooling", "z_levels"), [("blur", 1), ("blur", 0), ("max", 1)])
def test_no_slice_beyond_the_halo_is_seen(pooling, z_levels):
    more = {"patch_slices": 8, "z_levels": z_levels, "depth": 1, "width": 2}
    model = built(pooling=pooling, **more)
    field = receptive_field(model)
    assert (field.multiple_of, field.multiple_of_z) == (2, 2**z_levels)
    side, reached = 32, 0
    for at in (15, 16):
        x = np.random.default_rng(0).random((1, side, 4, 4, 1), np.float32)
        y = np.asarray(model(x))
        x[0, at] += 1e3
        slices = np.flatnonzero(np.abs(np.asarray(model(x)) - y).max((0, 2, 3, 4)))
        reached = max(reached, at - slices[0], slices[-1] - at)
    assert reached <= field.halo_z
    if pooling == "blur":
        assert reached == field.halo_z
    # Along Y and X it sees as far as the network of planes.
    assert field.halo == receptive_field(built(pooling=pooling, depth=1)).halo


def test_volumes_go_in_and_come_back_as_channels(tmp_path):
    from imagej_dl.models.frame_windows import fed, given_back

    model = built(patch_slices=4, channels=2, classes=2, depth=1, width=2, apart=True)
    path = tmp_path / "model.keras"
    model.save(path)
    trust.check_parts(path)
    again = backend.keras().models.load_model(path, compile=False, safe_mode=True)
    x = np.random.default_rng(0).random((1, 6, 8, 10, 2), np.float32)
    y = np.asarray(again(x))
    together = np.moveaxis(x, 1, 3).reshape(1, 8, 10, 12)
    for given in (together, backend.tensorflow().constant(together)):
        found = np.asarray(given_back(model, model(fed(model, given))))
        np.testing.assert_array_equal(found, np.moveaxis(y, 1, 3).reshape(1, 8, 10, 12))
    x[..., 1] = 0
    assert (np.asarray(again(x))[..., 0] == y[..., 0]).all()


@pytest.mark.parametrize("pooling", ["max", "blur"])
def test_the_ends_of_a_stack_are_treated_as_its_middle(pooling):
    """With zeros beyond them, a patch of few slices would teach little of a stack of many."""
    model = built(pooling=pooling, patch_slices=8, z_levels=1)
    plane = np.random.default_rng(5).random((1, 1, 8, 12, 1), np.float32)
    y = np.asarray(model(np.repeat(plane, 8, axis=1)))
    np.testing.assert_allclose(y, np.repeat(y[:, :1], 8, axis=1), atol=1e-6)
    # So the network gives for one slice what it gives for a stack of the same.
    np.testing.assert_allclose(
        np.asarray(model(np.repeat(plane, 2, axis=1)))[:, 0], y[:, 4], atol=1e-6
    )


def test_intensities_are_scaled_before_the_network():
    x = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    scaled, plain = built(scale=4.0, offset=-2.0), built()
    plain.set_weights(scaled.get_weights())
    np.testing.assert_allclose(scaled(x), plain(4 * x - 2), atol=1e-5)


def test_the_first_outputs_are_those_of_an_image_of_nothing():
    model = built(classes=3, first_outputs=(-1.0, 2.0))
    found = np.asarray(model(np.zeros((1, 8, 8, 1), np.float32)))
    np.testing.assert_array_equal(found, np.broadcast_to((-1.0, 2.0, 0.0), found.shape))
    with pytest.raises(ValueError, match="first_outputs"):
        built(first_outputs=(1.0, 2.0))
