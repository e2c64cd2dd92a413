"""Images unlike those that the ready model was trained on, and ROIs drawn on some of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

from imagej_dl import images

Picture = tuple[np.ndarray, np.ndarray]
"""An image (Y, X) and its label map."""

DRAWINGS = ("dense", "sparse")
SHARE = 0.3
"""Share of the objects that is drawn sparsely."""
SCORED = 5
"""Frames of a movie that are scored, the last ones."""


def scaled(factor: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    def change(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return ndi.zoom(ndi.gaussian_filter(image, max(0, 0.5 / factor - 0.5)), factor, order=1)

    return change


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, then count few photons, and read them with noise."""
    photons = 12 * ndi.gaussian_filter(image, 1.0) + 3
    return rng.poisson(photons) + rng.normal(0, 1.5, image.shape)


def inverted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 1 - image


def phase(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make objects dark within a bright halo on a grey ground, as phase contrast does."""
    halo = ndi.gaussian_filter(image, 6) - ndi.gaussian_filter(image, 1)
    return 0.5 + 0.6 * halo + rng.normal(0, 0.02, image.shape)


KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "half": scaled(0.5),
    "double": scaled(2.0),
    "noisy": noisy,
    "inverted": inverted,
    "phase": phase,
}
MOVIES = ("movie", "movie-dense")


def changed(kind: str, image: np.ndarray, labels: np.ndarray, seed: int) -> Picture:
    """Return an image of this kind as uint16, with the label map on its pixels."""
    low, high = np.percentile(image, (0.1, 99.9))
    found = (image.astype(np.float32) - low) / max(high - low, 1)
    found = KINDS[kind](found, np.random.default_rng(seed))
    low, high = found.min(), found.max()
    found = (found - low) / max(high - low, 1e-6) * 20000 + 1000
    if found.shape != labels.shape:
        factors = [a / b for a, b in zip(found.shape, labels.shape, strict=True)]
        labels = ndi.zoom(labels, factors, order=0, grid_mode=True, mode="nearest")
    return found.astype(np.uint16), labels


def pictures(data: Path, kind: str) -> tuple[list[Picture], list[Picture]]:
    """Return the pictures to draw on, and those to score."""
    if kind in MOVIES:
        movie = images.read(data / kind / "movie.tif").values
        truth = [
            images.read(p).values for p in sorted((data / kind / "truth").rglob("man_track*.tif"))
        ]
        frames = list(zip(movie, truth, strict=True))
        return frames[: len(frames) // 2], frames[-SCORED:]
    parts: list[list[Picture]] = []
    for part in ("train", "test"):
        folders = sorted((data / "nuclei" / part).iterdir())
        pairs = [
            (images.read(f / "image.tif").values, images.read(f / "labels.tif").values)
            for f in folders
        ]
        parts.append([changed(kind, *pair, seed) for seed, pair in enumerate(pairs)])
    return parts[0], parts[1]


def drawn(pool: list[Picture], count: int, drawing: str, seed: int) -> list[Picture]:
    """Return pictures with so many drawn objects, as nearly as can be without one too many."""
    rng = np.random.default_rng((seed, count))
    order = rng.permutation(len(pool))
    wanted = count if drawing == "dense" else round(count / SHARE)
    found: list[Picture] = []
    for index in order:
        image, labels = pool[index]
        if wanted <= 0:
            break
        image, labels = _first(image, labels, wanted)
        there = np.setdiff1d(labels, 0)
        wanted -= len(there)
        if len(there):
            found.append((image, labels))
    if drawing == "sparse":
        objects = [
            (i, label) for i, (_, labels) in enumerate(found) for label in np.setdiff1d(labels, 0)
        ]
        kept = {objects[i] for i in rng.permutation(len(objects))[:count]}
        found = [
            (image, np.where(np.isin(labels, [label for at, label in kept if at == i]), labels, 0))
            for i, (image, labels) in enumerate(found)
        ]
    return [picture for picture in found if picture[1].any()]


def _first(image: np.ndarray, labels: np.ndarray, most: int) -> Picture:
    """Return the left part of an image that has at most so many objects."""
    starts = sorted(box[1].start for box in ndi.find_objects(labels) if box is not None)
    if len(starts) <= most:
        return image, labels
    end = starts[most]
    return image[:, :end], labels[:, :end]
