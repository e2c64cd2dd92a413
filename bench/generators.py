"""The plain Keras way to feed a training, as Fluffy, microscopy-dl-suite-tf and N2V go about it.

Written anew after what they do. The first two read the files of each batch again, and make it in
NumPy and SciPy. Needless work of theirs is left out (arrays in double precision, a round for the
background, the suite's maps of marks and weights), so these are no slower than theirs. N2V keeps
its patches in memory, and fills one pixel after the other in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tifffile
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator
from scipy import ndimage as ndi

Pairs = Sequence[tuple[Path, Path]]


class Generator(keras.utils.PyDataset):
    """Batches of patches of images that are read from disk for each."""

    def __init__(self, pairs: Pairs, patch: int, batch: int, steps: int, **more: Any) -> None:
        super().__init__(**more)
        self.pairs, self.patch, self.batch, self.steps = pairs, patch, batch, steps
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.rng.integers(len(self.pairs), size=self.batch)
        made = [self.one(*self.pairs[i]) for i in chosen]
        images, classes = (np.stack(parts) for parts in zip(*made, strict=True))
        hot = keras.utils.to_categorical(classes, self.classes)
        return images[..., None].astype(np.float32), hot.astype(np.float32)

    classes = 2

    def one(self, image: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
        """Return one patch (side, side) and its classes."""
        raise NotImplementedError


class Fluffy(Generator):
    """A random crop, borders by a loop over the objects, flips, quarter turns, brightness."""

    classes = 3

    def one(self, image: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
        x, y = tifffile.imread(image), tifffile.imread(labels)
        x = x / np.float32(np.iinfo(x.dtype).max)
        top, left = (self.rng.integers(length - self.patch + 1) for length in x.shape)
        part = np.s_[top : top + self.patch, left : left + self.patch]
        x, y = x[part], self._borders(y[part])
        if self.rng.integers(2):
            x, y = x[::-1], y[::-1]
        turns = self.rng.integers(4)
        x, y = np.rot90(x, turns), np.rot90(y, turns)
        return x * np.float32(1 + self.rng.uniform(-0.75, 0.75)), y

    @staticmethod
    def _borders(labels: np.ndarray, size: int = 2) -> np.ndarray:
        border = np.zeros(labels.shape, bool)
        for number in np.unique(labels[labels > 0]):
            mask = labels == number
            wide = ndi.binary_dilation(mask, iterations=size)
            border |= wide ^ ndi.binary_erosion(mask, iterations=size)
        return np.where(border, 2, labels > 0)


class Suite(Generator):
    """Percentiles to 0 and 1, Keras' affine transforms of the whole image, a crop by the pdf."""

    def __init__(self, *arguments: Any, pdf: float = 500_000, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.pdf = pdf

    def one(self, image: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
        x, y = tifffile.imread(image).astype(np.float32), tifffile.imread(labels) > 0
        low, high = np.percentile(x, (0.1, 99.1))
        x = np.clip((x - low) / max(high - low, 1e-6), 0, 1)
        seed = int(self.rng.integers(10_000_000))
        x, y = (self._turned(plane, seed) for plane in (x, y.astype(np.float32)))
        y = y > 0
        half, side = self.patch // 2, self.patch
        centres = [slice(half, length - half + 1) for length in y.shape]
        chances = np.where(y[tuple(centres)], self.pdf, 1.0)
        flat = self.rng.choice(chances.size, p=chances.ravel() / chances.sum())
        top, left = np.unravel_index(flat, chances.shape)
        part = np.s_[top : top + side, left : left + side]
        return x[part], y[part]

    @staticmethod
    def _turned(plane: np.ndarray, seed: int) -> np.ndarray:
        turner = ImageDataGenerator(
            rotation_range=30,
            width_shift_range=0.2,
            height_shift_range=0.2,
            shear_range=0.2,
            zoom_range=0.2,
            horizontal_flip=True,
            fill_mode="reflect",
        )
        return next(turner.flow(plane[None, ..., None], batch_size=1, seed=seed))[0, ..., 0]


class Noise2Void(keras.utils.PyDataset):
    """Patches that lie in memory, of which 1.5 % of the pixels are hidden by their medians.

    After N2V_DataWrapper and pm_median of juglab/n2v, with its share of pixels and its radius.
    """

    share, radius = 0.015, 2

    def __init__(self, pairs: Pairs, patch: int, batch: int, steps: int, **more: Any) -> None:
        super().__init__(**more)
        planes = [tifffile.imread(image).astype(np.float32) for image, _ in pairs]
        mean, deviation = np.mean([p.mean() for p in planes]), np.mean([p.std() for p in planes])
        self.patches = np.stack(
            [
                (plane[top : top + patch, left : left + patch] - mean) / deviation
                for plane in planes
                for top in range(0, plane.shape[0] - patch + 1, patch)
                for left in range(0, plane.shape[1] - patch + 1, patch)
            ]
        )
        self.batch, self.steps, self.rng = batch, steps, np.random.default_rng(0)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        images = self.patches[self.rng.integers(len(self.patches), size=self.batch)]
        targets = np.stack([images, np.zeros_like(images)], axis=-1)
        for image, target in zip(images, targets, strict=True):
            places = self._places(image.shape)
            filled = [self._median(target[..., 0], y, x) for y, x in places]
            for (y, x), value in zip(places, filled, strict=True):
                image[y, x], target[y, x, 1] = value, 1
        return images[..., None], targets

    def _places(self, shape: tuple[int, ...]) -> list[tuple[int, int]]:
        """Return one pixel of each box."""
        box = round(np.sqrt(1 / self.share))
        found = []
        for top in range(0, shape[0], box):
            for left in range(0, shape[1], box):
                y, x = (int(start + self.rng.random() * box) for start in (top, left))
                if y < shape[0] and x < shape[1]:
                    found.append((y, x))
        return found

    def _median(self, plane: np.ndarray, y: int, x: int) -> np.floating:
        top, left = max(y - self.radius, 0), max(x - self.radius, 0)
        around = plane[top : y + self.radius + 1, left : x + self.radius + 1]
        middle = (y - top) * around.shape[1] + x - left
        return np.median(np.delete(around.ravel(), middle))
