"""Noisy images with their truth, for the bench of denoising."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from classical import Noise
from numpy.typing import NDArray

from imagej_dl import images

GAIN, OFFSET = 10.0, 100.0
"""Grey levels per photon and of none; so fine that rounding to whole levels counts for nothing."""
ONE = "8c3ef7aa7ed2"
"""The image of nuclei/train whose upper left 512² px are the case "image"."""


@dataclass(frozen=True)
class Case:
    """What methods learn from, and what they are scored on.

    learnt : noisy images; `cleans` and `agains` are the same images without noise and with other
        noise, for methods that learn from pairs.
    noisy, truth : planes that are denoised, and what they are compared with.
    frame : of the one movie in `learnt` that is the one plane in `noisy`; None of images.
    peak : of the PSNR; None takes the range of each truth.
    scale_invariant : whether scores are, as where the files were stretched.
    """

    words: str
    noise: Noise
    learnt: list[xr.DataArray]
    noisy: list[xr.DataArray]
    truth: list[NDArray]
    cleans: tuple[xr.DataArray, ...] = ()
    agains: tuple[xr.DataArray, ...] = ()
    frame: int | None = None
    peak: float | None = None
    scale_invariant: bool = False


def exposed(image: NDArray, photons: float, high: float = 100.0) -> NDArray[np.float64]:
    """Return an image in grey levels of which the brightest pixels have so many photons.

    high : the percentile that counts as the brightest.
    """
    image = image.astype(np.float64)
    low, bright = image.min(), np.percentile(image, high)
    return OFFSET + GAIN * photons * (image - low) / max(bright - low, 1e-12)


def noisy_image(truth: NDArray, noise: Noise, seed: tuple[int, ...], title: str) -> xr.DataArray:
    """Return what a camera of 16 bits gives."""
    found = np.round(noise.add(truth, np.random.default_rng(seed)))
    dims = "TYX"[-truth.ndim :]
    return images.make(np.clip(found, 0, 65535).astype(np.uint16), dims, title=title)


def calibration(noise: Noise, truth: list[NDArray]) -> xr.DataArray:
    """Return 50 frames of a ramp with this noise over all intensities of the truth."""
    low, high = min(t.min() for t in truth), max(t.max() for t in truth)
    ramp = np.broadcast_to(np.linspace(low, high, 128), (50, 128, 128))
    return noisy_image(ramp, noise, (8,), "calibration.tif")


def camera(options: argparse.Namespace) -> Noise:
    return Noise(GAIN, OFFSET, options.read * GAIN)


def image(options: argparse.Namespace) -> Case:
    """One image of 512² px, which is learnt from and denoised."""
    plane = images.read(options.data / "nuclei" / "train" / ONE / "image.tif").values[:512, :512]
    noise, truth = camera(options), exposed(plane, options.photons)
    noisy = noisy_image(truth, noise, (1,), "nuclei.tif")
    return Case("one image of nuclei, 512² px", noise, [noisy], [noisy], [truth])


def movie(options: argparse.Namespace, file: str, every: bool) -> Case:
    """The middle frame of a movie, learnt from alone or with all others."""
    path = options.data / "movie" / "movie.tif" if file == "simulated" else options.telomeres
    if path is None:
        raise SystemExit(f"the movie {file} needs --{file} FILE")
    noise, truth = camera(options), exposed(images.read(path).values, options.photons, 99.99)
    noisy = noisy_image(truth, noise, (2,), f"{file}.tif")
    at = len(truth) // 2
    frame = images.with_data(noisy, noisy.values[at], ["Y", "X"])
    learnt, what = (noisy, f"all {len(truth)} frames") if every else (frame, "that frame")
    words = f"{file} movie, frame {at + 1}; learnt from {what}"
    return Case(words, noise, [learnt], [frame], [truth[at]], frame=at if every else None)


def nuclei(options: argparse.Namespace) -> Case:
    """Images of nuclei with few photons: the train folder is learnt from, the test folder denoised.

    Pairs are of the same nuclei: with and without noise, or twice with noise.
    """
    noise = camera(options)
    truths = {
        part: [
            exposed(images.read(folder / "image.tif").values, options.photons, 99.99)
            for folder in sorted((options.data / "nuclei" / part).iterdir())
        ]
        for part in ("train", "test")
    }

    def noisy(part: str, number: int) -> list[xr.DataArray]:
        return [
            noisy_image(truth, noise, (number, i), f"{part}-{i:02}.tif")
            for i, truth in enumerate(truths[part])
        ]

    return Case(
        "12 images of nuclei, not learnt from; 36 others are",
        noise,
        noisy("train", 3),
        noisy("test", 4),
        truths["test"],
        cleans=tuple(images.make(t.astype(np.float32), "YX") for t in truths["train"]),
        agains=tuple(noisy("train", 5)),
    )


def bsd68(options: argparse.Namespace) -> Case:
    """The photographs that denoising is compared on, at σ 25; not for passing on."""
    if options.bsd is None:
        raise SystemExit("BSD68 needs --bsd FOLDER, which has BSD68 and Train400 somewhere in it")
    noise = Noise(read=25.0)
    parts = {
        name: [
            images.read(path).values
            for path in sorted(options.bsd.rglob(f"{name}/*.png"))[: options.most]
        ]
        for name in ("Train400", "BSD68")
    }
    for name, found in parts.items():
        if not found:
            raise SystemExit(f"{options.bsd} has no folder {name} with PNG files")

    def noisy(name: str, number: int) -> list[xr.DataArray]:
        return [
            images.make(
                noise.add(truth, np.random.default_rng((number, i))).astype(np.float32),
                "YX",
                title=f"{name}-{i:03}.tif",
            )
            for i, truth in enumerate(parts[name])
        ]

    return Case(
        f"{len(parts['BSD68'])} images of BSD68, neither clipped nor rounded",
        noise,
        noisy("Train400", 6),
        noisy("BSD68", 7),
        [truth.astype(np.float64) for truth in parts["BSD68"]],
        peak=255.0,
    )


CASES: dict[str, Callable[[argparse.Namespace], Case]] = {
    "image": image,
    "movie": partial(movie, file="simulated", every=True),
    "movie-frame": partial(movie, file="simulated", every=False),
    "telomeres": partial(movie, file="telomeres", every=True),
    "telomeres-frame": partial(movie, file="telomeres", every=False),
    "pairs": nuclei,
    "bsd68": bsd68,
}
