"""Measure the recipe: train on real nuclei, predict images never seen, score them.

    python bench/recipe.py --minutes 10

prints the average precision TP / (TP + FP + FN), summed over the test images (the definition of
stardist.matching), for a classical baseline and for the model, and the time both took.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import nuclei
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.segmentation import watershed

from imagej_dl.prediction import predict
from imagej_dl.progress import terminal
from imagej_dl.training import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=nuclei.DATA, help="folder with train and test")
    parser.add_argument("--out", type=Path, default=Path("/tmp/imagej-dl-recipe"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, as JSON"
    )
    options = parser.parse_args()
    settings = {"validation": 0.15, "test": 0.0, "minutes": options.minutes, "epochs": 400}
    for text in options.set:
        name, value = text.split("=", 1)
        settings[name] = json.loads(value)

    pictures = nuclei.truths(options.data / "test")

    began = time.monotonic()
    bundle = train(
        options.data / "train",
        options.out,
        overwrite=True,
        progress=terminal(),
        **settings,
    )
    trained = time.monotonic() - began
    began = time.monotonic()
    found = [predict(bundle, image).labels.data for image, _ in pictures]
    predicted = time.monotonic() - began

    metrics = json.loads((options.out / "metrics.json").read_text())
    steps = nuclei.steps_done(options.out, bundle.config.training["steps"])
    print(f"cores {nuclei.cores()}, load {nuclei.load():.1f}")
    print(f"train {trained:.0f} s, {steps} steps, predict {predicted:.1f} s; {metrics}")
    print(f"instances {bundle.config.instances.model_dump()}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    print("AP at IoU      ", *(f"{iou:6.2f}" for iou in nuclei.IOUS))
    report("Otsu+watershed", pictures, [otsu_watershed(image.data) for image, _ in pictures])
    report("imagej-dl", pictures, found)


def report(name: str, pictures: nuclei.Truths, found: list[NDArray]) -> None:
    scores = nuclei.matches(pictures, found)
    print(f"{name:15s}", *(f"{score.average_precision:6.3f}" for score in scores))


def otsu_watershed(plane: np.ndarray) -> np.ndarray:
    """The classical way: Otsu's threshold, split by a watershed on the distances."""
    smooth = gaussian(plane, 1, preserve_range=True)
    mask = smooth > threshold_otsu(smooth)
    distance = gaussian(ndi.distance_transform_edt(mask), 1)
    peaks = peak_local_max(distance, min_distance=5, labels=ndi.label(mask)[0])
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, markers, mask=mask)


if __name__ == "__main__":
    main()
