"""False objects on nearly empty planes, with and without the bounds that a training sets.

    python bench/empty_planes.py MODEL

makes twenty planes of 1024² px, each a noisy dark background with none to five real nuclei (of
the training set of ../shared/data/nuclei, as bright as they are beside their own noise), twenty
without any (see bare_planes.py), and twelve crowded ones with debris or dimmer light, and prints
what the model finds on them. MODEL may be the name of a ready model.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from bare_planes import bare
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl import images, models
from imagej_dl.evaluation import match
from imagej_dl.prediction import predict

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei" / "train"
SIDE = 1024
BRIGHT, DIM, CROWDED = "06350c7cc618", "295ac4ecf2ee", "9bf9f3dcadeb"
"""Images that nuclei are taken of: bright, dim, and one whose cells lie close."""


@dataclass(frozen=True)
class Plane:
    """An image (Y, X) and its true label map."""

    name: str
    image: NDArray
    labels: NDArray


def nearly_empty(data: Path = DATA, side: int = SIDE) -> list[Plane]:
    """Make twenty planes: 4 backgrounds, 5 numbers of nuclei each."""
    found = []
    for seed, (kind, count) in enumerate((k, c) for k in range(4) for c in (0, 1, 2, 3, 5)):
        rng = np.random.default_rng(seed)
        found.append(_plane(data, rng, kind, count, side))
    return found


def _plane(data: Path, rng: np.random.Generator, kind: int, count: int, side: int) -> Plane:
    name = ("camera, 16 bits", "8 bits, three grey values", "vignette", "photons, blurred")[kind]
    # Heights of the nuclei are in units of the noise: 20 to 200 times, as in the data.
    height = float(np.exp(rng.uniform(np.log(20), np.log(200))))
    light, labels = _pasted(data, rng, count, side)
    if kind == 0:
        image = rng.normal(400, 12, (side, side)) + height * 12 * light
        made = np.clip(image, 0, 65535).round().astype(np.uint16)
    elif kind == 1:
        image = rng.normal(3, 0.6, (side, side)) + height * 0.6 * light
        made = np.clip(image, 0, 255).round().astype(np.uint8)
    elif kind == 2:
        y, x = np.indices((side, side)) / side - 0.5
        shade = 1 - 0.6 * (y**2 + x**2)
        image = rng.normal(0, 10, (side, side)) + 500 * shade + height * 10 * light
        made = np.clip(image, 0, 65535).round().astype(np.uint16)
    else:
        photons = rng.poisson(20 + height * 4.5 * light).astype(float)
        image = 100 + 8 * ndi.gaussian_filter(photons, 0.7) + rng.normal(0, 4, (side, side))
        made = np.clip(image, 0, 65535).round().astype(np.uint16)
    return Plane(f"{name}, {count} nuclei", made, labels)


def _pasted(
    data: Path, rng: np.random.Generator, count: int, side: int
) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
    """Paste nuclei, whose brightest pixel is 1, where there is room."""
    light, labels = np.zeros((side, side)), np.zeros((side, side), np.uint16)
    pool = [part for name in (BRIGHT, DIM) for part in _nuclei(data / name)]
    for number in range(1, count + 1):
        part, mask = pool[rng.integers(len(pool))]
        height, width = mask.shape
        for _ in range(100):
            y, x = rng.integers(10, side - height - 10), rng.integers(10, side - width - 10)
            here = np.s_[y : y + height, x : x + width]
            if not labels[here].any():
                light[here] = np.maximum(light[here], part)
                labels[here][mask] = number
                break
    return light, labels


def _nuclei(folder: Path) -> list[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    image = images.read(folder / "image.tif").data.astype(float)
    labels = images.read(folder / "labels.tif").data
    dark = float(np.median(image[labels == 0]))
    found = []
    for label, box in enumerate(ndi.find_objects(labels), 1):
        if box is None:
            continue
        mask = labels[box] == label
        inside = 0 in (box[0].start, box[1].start)
        cut = inside or box[0].stop == labels.shape[0] or box[1].stop == labels.shape[1]
        if cut or np.count_nonzero(mask) < 60:
            continue
        part = np.where(mask, np.clip(image[box] - dark, 0, None), 0)
        found.append((part / part.max(), mask))
    return found


def crowded(data: Path = DATA) -> list[Plane]:
    """Make planes full of cells: with debris on .6 % of the pixels, and with less light."""
    found = []
    for number, name in enumerate((CROWDED, DIM, "8c3ef7aa7ed2", "fc22db33a249")):
        image = images.read(data / name / "image.tif").data.astype(float)
        labels = images.read(data / name / "labels.tif").data
        rng = np.random.default_rng(100 + number)
        dark = np.percentile(image, 1)
        top = np.percentile(image, 99.8)
        debris = _debris(rng, labels, 0.006)
        dirty = np.where(debris, dark + 12 * (top - dark), image) * 10
        dirty += rng.normal(0, 2, image.shape)
        found.append(Plane(f"{name}, debris", _sixteen(dirty), labels))
        for factor in (4, 10):
            # Photons are fewer, the camera's offset and noise stay.
            photons = rng.poisson(np.clip(image - dark, 0, None) * 10 / factor)
            dim = 100 + photons + rng.normal(0, 3, image.shape)
            found.append(Plane(f"{name}, light / {factor}", _sixteen(dim), labels))
    return found


def without_objects() -> list[Plane]:
    """Make twenty planes of background alone."""
    return [Plane(name, image, np.zeros(image.shape, np.uint16)) for name, image in bare().items()]


def _debris(rng: np.random.Generator, labels: NDArray, share: float) -> NDArray[np.bool_]:
    """Choose clumps beside the objects until they cover a share of the pixels."""
    found = np.zeros(labels.shape, bool)
    free = ndi.distance_transform_edt(labels == 0)
    y, x = np.indices(labels.shape)
    places = np.argwhere(free > 4)
    while found.mean() < share:
        cy, cx = places[rng.integers(len(places))]
        found |= ((y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(2, 4) ** 2) & (labels == 0)
    return found


def _sixteen(values: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.clip(values, 0, 65535).round().astype(np.uint16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model folder, or the name of a ready model")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    bundle = models.load(options.model)
    ways = {"as before": replace(bundle, config=bundle.config.model_copy(update={"seen": None}))}
    ways["bounded"] = bundle
    for title, planes in (
        ("nearly empty", nearly_empty(options.data)),
        ("without objects", without_objects()),
        ("crowded", crowded(options.data)),
    ):
        total = dict.fromkeys(ways, np.zeros(3, int))
        for plane in planes:
            words = f"{plane.name:40s}"
            for name, one in ways.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    said = predict(one, images.make(plane.image)).labels.data
                score = match(plane.labels, said, (0.5,))[0]
                counts = np.array(
                    (score.true_positives, score.false_positives, score.false_negatives)
                )
                total[name] = total[name] + counts
                words += f"  {name}: {counts[0]:3d} true {counts[1]:4d} false {counts[2]:3d} missed"
            print(words, flush=True)
        for name, (true, false, missed) in total.items():
            print(f"{title}, {name}: {true} true, {false} false, {missed} missed")


if __name__ == "__main__":
    main()
