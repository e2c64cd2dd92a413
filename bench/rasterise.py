"""Time the filling of a RoiSet: ours, scikit-image's polygon, and ImageJ's own through JPype.

    python bench/rasterise.py [RoiSet.zip]

All three run in turn in one process; the figures are medians of repeated rounds and their
ratios, and the pixels by which the others' label maps differ from ImageJ's. Each paints a label
map of every slice: of overlapping ROIs the last has the pixel. Reading the file is timed too.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from roifile import ImagejRoi

from imagej_dl import rois

DEFAULT = Path(__file__).parents[2] / "shared" / "data" / "roisets" / "bacteria" / "RoiSet.zip"


def skimage_pixels(found: list[rois.Roi], shape: tuple[int, int, int]) -> list[Any]:
    """Return each ROI's pixels as scikit-image's polygon finds them from the points."""
    from skimage.draw import polygon

    # ImageJ's coordinates are those of pixel corners, scikit-image's of pixel centres
    points = [roi.points - 0.5 for roi in found]  # type: ignore[operator]
    return [polygon(xy[:, 1], xy[:, 0], shape[1:]) for xy in points]


def with_skimage(found: list[rois.Roi], shape: tuple[int, int, int]) -> np.ndarray:
    """Paint as one does who has only the points: `skimage.draw.polygon`."""
    labels = np.zeros(shape, np.uint16)
    for i, (rows, columns) in enumerate(skimage_pixels(found, shape)):
        labels[found[i].position - 1, rows, columns] = i + 1
    return labels


def with_imagej(java: list[Any], shape: tuple[int, int, int]) -> list[Any]:
    """Let ImageJ fill its own ROIs into new 16-bit images of its own."""
    from scyjava import jimport

    short = jimport("ij.process.ShortProcessor")
    stack = [short(shape[2], shape[1]) for _ in range(shape[0])]
    for i, roi in enumerate(java):
        ip = stack[roi.getPosition() - 1]
        ip.setValue(i + 1)
        ip.fill(roi)
    return stack


def medians(functions: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Run the functions in turn, `rounds` times; return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("roiset", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    from exactness import ImageJ

    imagej = ImageJ()
    found = [roi for roi in rois.read(options.roiset) if roi.points is not None]
    first = min(roi.position for roi in found) - 1
    for roi in found:
        roi.position -= first
    points = np.concatenate([roi.points for roi in found])  # type: ignore[misc]
    width, height = (int(v) + 2 for v in points.max(axis=0))
    shape = (max(roi.position for roi in found), height, width)

    with zipfile.ZipFile(options.roiset) as archive:
        data = [archive.read(name) for name in archive.namelist()]
    java = [imagej.decode(rois.encode(roi)) for roi in found]

    def clear() -> None:
        for roi in java:
            roi.setImage(None)  # forgets the mask that was kept

    def imagej_fill() -> None:
        clear()
        with_imagej(java, shape)

    def imagej_masks() -> None:
        clear()
        for roi in java:
            roi.getMask()

    functions: dict[str, Callable[[], Any]] = {
        "ours, fill": lambda: rois.masks.fill(found, height),
        "ours, label map": lambda: rois.label_map(found, shape),
        "scikit-image, fill": lambda: skimage_pixels(found, shape),
        "scikit-image, label map": lambda: with_skimage(found, shape),
        "clear": clear,
        "ImageJ, fill": imagej_masks,
        "ImageJ, label map": imagej_fill,
        "ours, decode": lambda: [rois.decode(item) for item in data],
        "ImageJ, decode": lambda: [imagej.decode(item) for item in data],
    }
    functions["roifile alone, decode"] = lambda: [ImagejRoi.frombytes(item) for item in data]
    functions["ours, encode"] = lambda: [rois.encode(roi) for roi in found]
    seconds = medians(functions, options.rounds)
    clearing = seconds.pop("clear")
    seconds["ImageJ, fill"] -= clearing
    seconds["ImageJ, label map"] -= clearing

    mine, report = rois.label_map(found, shape)
    stack = with_imagej(java, shape)
    truth = np.stack([np.array(ip.getPixels()[:]).view(np.uint16) for ip in stack]).reshape(shape)
    print(f"{len(found)} ROIs on {shape[0]} slices of {width} × {height}")
    for name, value in seconds.items():
        print(f"{name:24} {value * 1e3:8.1f} ms")
    for what, mine_is, other in (
        ("fill", "ours, fill", "scikit-image, fill"),
        ("label map", "ours, label map", "scikit-image, label map"),
        ("fill", "ours, fill", "ImageJ, fill"),
        ("label map", "ours, label map", "ImageJ, label map"),
    ):
        ratio = seconds[mine_is] / seconds[other]
        print(f"our {what} takes {ratio:.3f} of the time of {other}")
    foreground = int((truth > 0).sum())
    for name, labels in (("ours", mine.values), ("scikit-image", with_skimage(found, shape))):
        differ = int((labels != truth).sum())
        print(f"{name}: {differ} of {foreground} pixels differ from ImageJ's")
    print(f"contested pixels: {report.contested}")


if __name__ == "__main__":
    main()
