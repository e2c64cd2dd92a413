"""Measure how fast a training from one noisy image learns, beside the best Gaussian.

    python bench/blind_spots.py --epochs 15
    python bench/blind_spots.py --kind structn2v --stripes 4 --set learning_rate=0.005

An image of nuclei is smoothed by a Gaussian of 1 px, since it is compressed, and taken for truth.
The noise is that of photons (20 at the 99.8th percentile, and 3 of background) and of the camera
(2 photons; with --stripes 1, and as much as given that each five pixels of a row share). Prints the
PSNR of the whole plane every few epochs, with the time of the processor: that of others' work on
the machine is not in it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import nuclei
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl import images
from imagej_dl.training import EpochEvent, train

_PHOTONS, _BACKGROUND, _SIDE = 20, 3, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=nuclei.DATA, help="folder with train")
    parser.add_argument("--image", default="a891bbc89143", help="a folder in train")
    parser.add_argument("--stripes", type=float, default=0.0, help="of the noise, in photons")
    parser.add_argument("--kind", default="n2v2")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--every", type=int, default=5, help="epochs between two lines")
    parser.add_argument("--out", type=Path, default=Path("/tmp/imagej-dl-blind-spots"))
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, as JSON"
    )
    options = parser.parse_args()
    settings: dict[str, Any] = {"kind": options.kind, "epochs": options.epochs}
    for text in options.set:
        name, value = text.split("=", 1)
        settings[name] = json.loads(value)

    truth = clean(options.data / "train" / options.image / "image.tif")
    noisy = with_noise(truth, options.stripes)
    widths = np.arange(0.5, 6, 0.25)
    best = max((psnr(ndi.gaussian_filter(noisy, width), truth), width) for width in widths)
    print(f"noisy {psnr(noisy, truth):.2f} dB, Gaussian of {best[1]} px {best[0]:.2f} dB")

    began = time.process_time()

    def watch(event: EpochEvent) -> None:
        if event.bundle is None or event.epoch % options.every:
            return
        config = event.bundle.config
        low, high = np.percentile(noisy, (config.normalisation.lower, config.normalisation.upper))
        output = event.bundle.network_output(config.normalisation(noisy)[..., None])
        found = psnr(output[..., 0] * (high - low) + low, truth)
        steps = event.epoch * config.training["steps"]
        spent = time.process_time() - began
        print(f"{steps} steps, {spent:.0f} s of processor time: {found:.2f} dB", flush=True)

    image = images.make(noisy, title=options.image)
    train(image, options.out, overwrite=True, watch=watch, **settings)


def clean(path: Path) -> NDArray[np.float64]:
    """Return the truth in photons."""
    plane = images.read(path).values[:_SIDE, :_SIDE].astype(np.float64)
    plane = ndi.gaussian_filter(plane, 1)
    low, high = np.percentile(plane, (1, 99.8))
    return _PHOTONS * np.clip((plane - low) / (high - low), 0, None) + _BACKGROUND


def with_noise(truth: NDArray[np.float64], stripes: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    counted = rng.poisson(truth)
    read = rng.normal(0, 1 if stripes else 2, truth.shape)
    height, width = truth.shape
    rows = rng.normal(0, stripes, (height, width + 4))
    shared = sum(rows[:, i : i + width] for i in range(5)) / np.sqrt(5)
    return (counted + read + shared).astype(np.float32)


def psnr(found: NDArray, truth: NDArray) -> float:
    """Return the PSNR in dB; the peak is the 99.8th percentile of the truth."""
    return float(-10 * np.log10(np.mean((found - truth) ** 2) / _PHOTONS**2))


if __name__ == "__main__":
    main()
