"""Score a model on images at several scales, with the diameter of their objects estimated.

    python bench/scales.py MODEL FOLDER [--scales 0.5 1 2 4] [--diameter auto] [--augment none]

FOLDER holds folders NAME with image.tif and labels.tif, which the model must not have seen. The
images are resampled, and the label maps with them: the objects' true outlines there are those that
were drawn, brought to the pixels of that scale. Calibration is left out. Prints a JSON line a
scale with the average precision of all objects at IoU .5 and .75, and first that of the images as
they are, without a diameter.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl import images, models
from imagej_dl.evaluation import match, total
from imagej_dl.prediction import predict
from imagej_dl.prediction.label_resampling import resampled_labels
from imagej_dl.prediction.resampling import CUBIC, resampled, weights

IOUS = (0.5, 0.75)


def pairs(folder: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return name, image and label map of each folder in a folder."""
    found = []
    for place in sorted(folder.iterdir()):
        if (place / "labels.tif").exists():
            image = images.read(place / "image.tif").values
            found.append((place.name, image, images.read_labels(place / "labels.tif").values))
    return found


def scaled(image: np.ndarray, scale: float) -> np.ndarray:
    """Resample an image, in its own type."""
    shape = [round(size * scale) for size in image.shape[:2]]
    by = [weights(a, b, CUBIC) for a, b in zip(image.shape, shape, strict=False)]
    values = resampled(image, *by)
    limits = np.iinfo(image.dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(image.dtype)


def score(
    bundle: models.ModelBundle, folder: Path, scale: float, how: dict[str, Any], each: bool
) -> dict[str, Any]:
    """Predict all images at a scale, and score them together."""
    found, factors = [], []
    began = time.perf_counter()
    for name, image, truth in pairs(folder):
        if scale != 1:
            image = scaled(image, scale)
            truth, _ = resampled_labels(truth, image.shape[:2])
        result = predict(bundle, images.make(image, "YXC"[: image.ndim]), **how)
        found.append(match(truth, result.labels.values, IOUS))
        factors.append(result.scale.factors[0])
        if each:
            first = found[-1][0]
            known = None if result.scale.diameter is None else round(result.scale.diameter, 1)
            shown = {"image": name, "scale": scale, "diameter": known, "factor": factors[-1]}
            print(json.dumps(shown | {"AP": round(first.average_precision, 3)}), flush=True)
    seconds = time.perf_counter() - began
    pooled = total(found)
    scores = {
        f"AP {iou:g}": round(one.average_precision, 4)
        for iou, one in zip(IOUS, pooled, strict=True)
    }
    range_of = [round(float(np.quantile(factors, at)), 2) for at in (0, 0.5, 1)]
    return {
        "scale": scale,
        **how,
        **scores,
        "objects": pooled[0].n_true,
        "factors": range_of,
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Score at each scale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scales", type=float, nargs="+", default=[0.5, 1, 2, 4])
    parser.add_argument("--diameter", default="auto")
    parser.add_argument("--augment", default="none")
    parser.add_argument("--each", action="store_true", help="Print a line for each image, too.")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    bundle = models.load(given.model)
    plain = {"diameter": "model", "augment": given.augment}
    asked = {"diameter": given.diameter, "augment": given.augment}
    print(json.dumps(score(bundle, given.folder, 1, plain, given.each)), flush=True)
    for scale in given.scales:
        print(json.dumps(score(bundle, given.folder, scale, asked, given.each)), flush=True)


if __name__ == "__main__":
    main()
