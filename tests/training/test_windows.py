"""What a recurrent network is given to learn: windows of frames, and maps beside the labels."""

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.training.data_sources import Given, Maps
from imagej_dl.training.examples import Examples

RANGE = Normalisation(method="range")


def movie(frames=5, seed=0, shape=(12, 14)):
    rng = np.random.default_rng(seed)
    video = rng.integers(0, 65535, (frames, *shape)).astype(np.uint16)
    labels = np.zeros(video.shape, np.uint16)
    labels[:, 3:6, 4:9] = 7
    return images.make(video, "TYX", title="v.tif"), images.make(labels, "TYX")


def test_each_frame_brings_those_before_it_and_the_first_stands_for_what_is_missing():
    video, labels = movie()
    (planes,) = Examples([(video, labels)], RANGE, frames=3).sources
    assert [e.name for e in planes] == [f"v.tif T={t}" for t in range(1, 6)]
    ready = video.data / np.float32(65535)
    for t, example in enumerate(planes):
        seen = np.stack(example.planes)
        at = [max(t - 2, 0), max(t - 1, 0), t]
        np.testing.assert_allclose(seen, ready[at], atol=1e-6)
    assert planes[2].others[0] is planes[0].image  # no frame is kept twice


def test_frames_without_labels_are_seen_but_not_learnt():
    video, labels = movie()
    labels.data[[0, 2]] = 0
    with pytest.warns(UserWarning, match="2 of 5 planes have no label"):
        examples = Examples([(video, labels)], RANGE, frames=2)
    (planes,) = examples.sources
    assert [e.name for e in planes] == ["v.tif T=2", "v.tif T=4", "v.tif T=5"]
    np.testing.assert_allclose(planes[1].others[0][..., 0] * 65535, video.data[2], atol=1e-2)
    np.testing.assert_array_equal(examples.raw, video.data[:2])


def test_slices_have_windows_of_their_own():
    video, labels = movie(frames=6)
    dims = ["T", "Z", "Y", "X"]
    stack = images.make(video.data.reshape(3, 2, 12, 14), dims)
    truth = images.make(labels.data.reshape(3, 2, 12, 14), dims)
    (planes,) = Examples([(stack, truth)], RANGE, frames=2).sources
    last = next(e for e in planes if e.name.endswith("T=3 Z=2"))
    np.testing.assert_allclose(
        np.stack(last.planes) * 65535, stack.data[1:, 1].astype(float), atol=1e-2
    )


def test_a_video_is_normalised_as_a_whole():
    video, labels = movie()
    rule = Normalisation(scope="video")
    (planes,) = Examples([(video, labels)], rule, frames=2).sources
    low, high = np.percentile(video.data, (1, 99.8))
    for t, example in enumerate(planes):
        expected = (video.data[t] - low) / (high - low)
        np.testing.assert_allclose(example.image[..., 0], expected, atol=1e-5)


def test_given_maps_go_with_their_planes():
    video, labels = movie()
    rng = np.random.default_rng(1)
    weights = images.make(rng.random(video.shape).astype(np.float32), "TYX")
    contours = images.make((labels.data > 0).astype(np.uint8), "TYX")
    maps = [Maps(contours=contours, weights=weights)]
    (planes,) = Examples([(video, labels)], RANGE, weight_map="unet", maps=maps).sources
    for t, example in enumerate(planes):
        np.testing.assert_array_equal(example.weights, weights.data[t])
        np.testing.assert_array_equal(example.contours, contours.data[t])
    (made,) = Examples([(video, labels)], RANGE, weight_map="contour").sources
    assert made[0].weights.max() > 5
    assert made[0].contours is None


def test_maps_of_another_size_are_refused():
    video, labels = movie()
    wrong = images.make(np.ones((5, 12, 10), np.float32), "TYX")
    with pytest.raises(UserError, match="its image has"):
        Examples([(video, labels)], RANGE, maps=[Maps(weights=wrong)])


@pytest.mark.tf
def test_parts_that_are_given_stay_what_they_are(tmp_path):
    import json

    from imagej_dl.training import train

    pairs = [
        tuple(images.with_data(image, image.data, title=f"{part}{i}.tif") for image in movie(2, i))
        for i, part in enumerate(("a", "b", "c", "d"))
    ]
    given = Given(pairs[:2], pairs[2:3], pairs[3:])
    train(given, tmp_path / "M", epochs=1, steps=1, patch=16, depth=1, width=2, batch=1)
    split = json.loads((tmp_path / "M" / "split.json").read_text())
    assert split["by"] == "folders"
    assert {name.split(".")[0] for name in split["train"]} == {"a0", "b1"}
    assert {name.split(".")[0] for name in split["validation"]} == {"c2"}
    assert {name.split(".")[0] for name in split["test"]} == {"d3"}
