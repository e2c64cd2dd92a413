"""Blind spots in movies: which frames are seen, and that nothing that is scored is among them."""

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.methods import registry
from imagej_dl.methods.base import Truth
from imagej_dl.models.frame_windows import window
from imagej_dl.training.examples import Examples

FRAMES, SIDE = 3, 16


def test_the_frames_before_and_the_first_for_those_before_it():
    assert window(1, 4, 9, "before") == [0, 0, 0, 1]
    assert window(5, 3, 9, "before") == [3, 4, 5]


@pytest.mark.parametrize(
    ("t", "seen"), [(0, [4, 3, 2, 1, 0]), (1, [4, 3, 0, 2, 1]), (4, [2, 6, 3, 5, 4])]
)
def test_the_nearest_frames_around(t, seen):
    assert window(t, 5, 9, "around") == seen


@pytest.mark.parametrize("count", [3, 4, 9])
def test_no_frame_is_seen_beside_itself(count):
    for t in range(count):
        shown = window(t, 3, count, "around")
        assert len(set(shown)) == len(shown) == 3
        assert shown[-1] == t
        assert set(shown) <= set(range(count))


@pytest.mark.parametrize("kind", ["n2v2", "n2v", "structn2v"])
@pytest.mark.parametrize("channels", [1, 2])
def test_pixels_are_hidden_in_the_frame_that_is_denoised_alone(kind, channels):
    made = registry.method(kind, {}, {"image_channels": channels})
    rng = np.random.default_rng(0)
    shown = rng.permutation(SIDE * SIDE * FRAMES * channels).astype(np.float32)
    shown = shown.reshape(SIDE, SIDE, FRAMES * channels)
    last = shown[..., -channels:]
    truth = Truth(np.ones((SIDE, SIDE), np.uint8), 0, image=last)
    given, targets = made.sample(shown, truth, np.random.default_rng(1))
    values, mask = np.split(targets, 2, axis=-1)
    np.testing.assert_array_equal(values, last)
    np.testing.assert_array_equal(given[..., :-channels], shown[..., :-channels])
    assert mask.any()
    assert (given[..., -channels:] != last)[mask > 0].all()


def test_a_movie_is_learnt_with_the_frames_around_each():
    movie = images.make(np.random.default_rng(0).integers(0, 99, (5, SIDE, SIDE)), "TYX")
    movie = movie.astype(np.uint16)
    method = registry.method("n2v2", {}, {})
    examples = Examples(
        [(movie, movie)], Normalisation(method="range"), frames=FRAMES, method=method
    )
    (planes,) = examples.sources
    ready = movie.data / np.float32(65535)
    for t, example in enumerate(planes):
        np.testing.assert_allclose(
            np.stack(example.planes), ready[window(t, FRAMES, 5, "around")], atol=1e-7
        )
    np.testing.assert_array_equal(examples.raw, movie.data[[2, 1, 0]])


def test_a_movie_with_too_few_frames_is_refused():
    movie = images.make(np.arange(2 * SIDE * SIDE, dtype=np.uint16).reshape(2, SIDE, SIDE), "TYX")
    with pytest.raises(UserError, match="sees 3 frames at once, and the image has 2"):
        Examples(
            [(movie, movie)],
            Normalisation(method="range"),
            frames=FRAMES,
            method=registry.method("n2v2", {}, {}),
        )
