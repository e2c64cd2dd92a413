"""Planes as the network gets them."""

import numpy as np
import pytest
from small_models import bundle_of

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import Normalisation
from imagej_dl.prediction import predict
from imagej_dl.prediction.frames import ready

pytestmark = pytest.mark.tf

RNG = np.random.default_rng(0)


def bundle(frames, channels=1, **more):
    axes = ("T" if frames > 1 else "") + "YX" + ("C" if channels > 1 else "")
    given = {"normalisation": Normalisation(method="range"), "frames": frames, "axes": axes}
    return bundle_of(None, "binary", halo=0, multiple_of=1, channels=channels, **(given | more))


def test_windows_end_with_the_frame_and_begin_with_the_first():
    video = images.make(RNG.integers(0, 65535, (5, 4, 6)).astype(np.uint16), "TYX")
    planes = list(ready(bundle(3), video))
    for t, plane in enumerate(planes):
        at = [max(t - 2, 0), max(t - 1, 0), t]
        np.testing.assert_allclose(np.moveaxis(plane, -1, 0) * 65535, video.data[at], atol=1e-2)


def test_denoising_sees_the_frames_around_each():
    video = images.make(RNG.integers(0, 65535, (6, 4, 6)).astype(np.uint16), "TYX")
    given = {"normalisation": Normalisation(method="range"), "frames": 3, "axes": "TYX"}
    made = bundle_of(None, "n2v2", halo=0, multiple_of=1, **given)
    used = {}
    planes = list(ready(made, video, used=used))
    assert list(used) == [(t, 0) for t in range(6)]
    for t, at in enumerate([[2, 1, 0], [0, 2, 1], [1, 3, 2], [2, 4, 3], [3, 5, 4], [3, 4, 5]]):
        np.testing.assert_allclose(np.moveaxis(planes[t], -1, 0) * 65535, video.data[at], atol=1e-2)


def test_slices_and_channels_keep_their_frames():
    array = RNG.integers(0, 65535, (3, 2, 4, 5, 6)).astype(np.uint16)
    image = images.make(array, ["T", "C", "Z", "Y", "X"])
    planes = list(ready(bundle(2, channels=2), image))
    assert len(planes) == 12
    plane = planes[2 * 4 + 3]  # the third frame, the fourth slice
    expected = [array[1, 0, 3], array[1, 1, 3], array[2, 0, 3], array[2, 1, 3]]
    np.testing.assert_allclose(np.moveaxis(plane, -1, 0) * 65535, expected, atol=1e-2)


def test_a_video_is_measured_as_a_whole_slice_by_slice():
    array = RNG.integers(0, 65535, (3, 2, 8, 9)).astype(np.uint16)
    image = images.make(array, ["T", "Z", "Y", "X"])
    rule = Normalisation(scope="video")
    planes = np.stack(list(ready(bundle(1, normalisation=rule), image)))[..., 0]
    planes = planes.reshape(array.shape)
    for z in range(2):
        low, high = np.percentile(array[:, z], (1, 99.8))
        np.testing.assert_allclose(planes[:, z], (array[:, z] - low) / (high - low), atol=1e-5)


def test_pixels_that_are_no_number_are_named():
    video = np.ones((4, 5, 6), np.float32)
    video[2, 1, 1] = np.nan
    with pytest.raises(UserError, match="T=3"):
        list(ready(bundle(2), images.make(video, "TYX")))


def test_a_single_frame_is_taken_for_all_and_said():
    from imagej_dl.models.networks.registry import network

    model = network("unet_lstm", {"width": 1, "depth": 1, "classes": 1, "frames": 2}).build()
    made = bundle_of(
        model,
        "binary",
        halo=8,
        multiple_of=2,
        frames=2,
        axes="TYX",
        normalisation=Normalisation(method="range"),
    )
    image = images.make(RNG.integers(0, 255, (12, 14)).astype(np.uint8))
    with pytest.warns(DataWarning, match="the image has only one"):
        found = predict(made, image, probabilities=True)
    twice = made.probabilities(np.stack([image.data] * 2))
    np.testing.assert_allclose(found.probabilities.data.squeeze(), twice[..., 0], atol=1e-5)
    # Plain TIFFs do not say that their planes are frames.
    slices = images.make(np.stack([image.data] * 3), "ZYX")
    with pytest.warns(DataWarning, match="If they are frames, pass --axes TYX"):
        predict(made, slices)


def test_tiles_that_overlap_by_less_than_the_model_sees_are_said():
    from small_models import unet

    image = images.make(RNG.random((128, 64)).astype(np.float32))
    made = unet(depth=1)
    with pytest.warns(DataWarning, match="tile edges may show"):
        predict(made, image, tile=32, halo=2)


def test_each_frame_goes_through_the_encoder_once():
    from imagej_dl.models.networks.registry import network as made
    from imagej_dl.prediction.network import apart, network

    given = {"width": 2, "depth": 1, "classes": 2, "frames": 3, "dilation_rate": 1}
    model = made("mobilenet_mobileunet_lstm", given).build()
    bundle_ = bundle_of(model, "foreground", halo=8, multiple_of=2, frames=3, axes="TYX")
    video = RNG.random((6, 16, 18)).astype(np.float32)
    at = [[max(t - 2, 0), max(t - 1, 0), t] for t in range(6)]
    windows = np.stack([np.moveaxis(video[frames], 0, -1) for frames in at])
    frames, index = apart(windows, 3)
    np.testing.assert_array_equal(frames[..., 0], video)
    np.testing.assert_array_equal(index, at)
    expected = model(np.moveaxis(windows, -1, 1)[..., None], training=False)
    np.testing.assert_allclose(network(bundle_)(windows), np.asarray(expected), atol=1e-5)
    # Windows in any order, and of tiles that are unlike each other.
    mixed = windows[[4, 0, 5, 2]]
    expected = np.asarray(expected)[[4, 0, 5, 2]]
    np.testing.assert_allclose(network(bundle_)(mixed), expected, atol=1e-5)
