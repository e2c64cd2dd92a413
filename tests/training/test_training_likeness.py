"""What a training keeps of its images: the noise of its augmentation counts as seen."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl.images.intensities.likeness import measured
from imagej_dl.training.augmentation import Augmentation
from imagej_dl.training.patches import Example
from imagej_dl.training.training_likeness import likeness


def example(seed: int, contrast: float = 1.0) -> Example:
    """A plane of discs of 12 px with noise of 0.02, and its label map."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((96, 96))
    labels = np.zeros((96, 96), np.uint16)
    for number, (cy, cx) in enumerate(np.ndindex(4, 4)):
        labels[(y - 12 - 24 * cy) ** 2 + (x - 12 - 24 * cx) ** 2 < 36] = number + 1
    image = contrast * (labels > 0) + rng.normal(0, 0.02, labels.shape)
    return Example("", image[..., None].astype(np.float32), labels)


def noisiest(examples: list[Example], noise: float) -> float:
    found = likeness(examples, augmentation=Augmentation(noise=noise))
    assert found is not None
    return found.channels[0]["noise"][1]


def test_added_noise_counts_as_seen() -> None:
    examples = [example(seed) for seed in range(5)]
    assert noisiest(examples, 0) == pytest.approx(0.02, abs=0.005)
    assert noisiest(examples, 0.1) == pytest.approx(0.1, rel=0.15)
    found = [likeness(examples, augmentation=Augmentation(noise=sigma)) for sigma in (0, 0.1)]
    noisy = example(9).image + np.random.default_rng(0).normal(0, 0.09, (96, 96, 1))
    far = [[one.name for one in like.far([measured(noisy, 12)])] for like in found if like]
    assert far == [["noise"], []]


def test_as_much_as_most_planes_show_of_it() -> None:
    """One plane of little contrast does not make any noise known."""
    examples = [example(seed) for seed in range(5)]
    assert noisiest([*examples, example(7, 0.3)], 0.1) < 0.12


def test_without_it_the_range_is_that_of_the_images() -> None:
    examples = [example(seed) for seed in range(3)]
    assert likeness(examples) == likeness(examples, augmentation=Augmentation(noise=0, blur=2))
