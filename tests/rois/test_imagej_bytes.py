"""Files are byte for byte those that ImageJ 1.54p writes of the same ROI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_imagej import _entries, exactness

from imagej_dl import rois

pytestmark = pytest.mark.jvm

LETTERS = list("ab c-µ細😀\n")
# An arrow's box in the file encloses its head; no reader uses it, nor the whole offsets beside
# the points of a spline fitted before it was saved.
EXCEPT = {"line (arrow)", "spline (freehand)", "spline (polygon)", "spline (traced)"}
# ImageJ forgets that its own file holds a rotated rectangle, and rounds its points anew. Polylines
# may be splines; Java's and C's sines differ in the last bit for a few of the ellipses.
FEW = {"rotated (polygon)", "ellipse (ellipse)", "polyline (polyline)", "polyline (freeline)"}


def count_equal(count: int, seed: int) -> dict[str, tuple[int, int]]:
    tally = exactness().run(count, seed, print)
    return {name: (tally["equal"][name], number) for name, number in tally["seen"].items()}


def test_random_rois_have_imagejs_bytes(own_process: Callable[..., Any]) -> None:
    for name, (equal, number) in own_process(count_equal, 1200, 31_000).items():
        if name in FEW:
            assert equal >= 0.5 * number, name
        elif name not in EXCEPT:
            assert equal == number, name


def decorated(imagej: Any, random: np.random.Generator) -> tuple[str, Any]:
    """Return a text, multi-point, image or rectangle ROI with a name, colours and the like."""
    from scyjava import jimport

    double, gui = imagej.jpype.JDouble, "ij.gui"
    kind = str(random.choice(("text", "point", "image", "rectangle")))
    font, color = jimport("java.awt.Font"), jimport("java.awt.Color")
    if kind == "text":
        words = "".join(random.choice(LETTERS, int(random.integers(1, 30))))
        style, size = (int(v) for v in random.integers((0, 6), (4, 40)))
        x, y = (double(imagej.number(random)) for _ in range(2))
        roi = jimport(f"{gui}.TextRoi")(x, y, words, font("Serif", style, size))
        roi.setAngle(double(float(random.integers(-180, 180))))
        roi.setJustification(int(random.integers(0, 3)))
    elif kind == "point":
        xs, ys = imagej.points(random, fewest=1)
        roi = jimport(f"{gui}.PointRoi")(imagej.floats(xs), imagej.floats(ys), len(xs))
        roi.setPointType(int(random.integers(0, 4)))
        roi.setSize(int(random.integers(0, 7)))
        for counter in range(int(random.integers(0, 3))):
            roi.setCounter(counter)
            roi.addPoint(double(imagej.number(random)), double(imagej.number(random)))
    elif kind == "image":
        width, height = (int(v) for v in random.integers(1, 9, 2))
        pixels = jimport("ij.process.ShortProcessor")(width, height)
        roi = jimport(f"{gui}.ImageRoi")(3, 4, pixels)
        roi.setOpacity(double(float(random.random())))
    else:
        roi = imagej.rectangle(random)
    roi.setName("".join(random.choice(LETTERS, int(random.integers(0, 12)))) or "x")
    if random.random() < 0.5:
        roi.setProperty(rois.LABEL_KEY, str(int(random.integers(1, 99))))
        roi.setProperty("k😀", "v")
    if random.random() < 0.5:
        roi.setStrokeColor(color(*(int(v) for v in random.integers(0, 256, 4))))
        roi.setFillColor(color(*(int(v) for v in random.integers(0, 256, 4))))
    if random.random() < 0.5:
        roi.setGroup(int(random.integers(0, 256)))
    if random.random() < 0.5:
        roi.setPosition(*(int(v) for v in random.integers(0, 5, 3)))
    else:
        roi.setPosition(int(random.integers(0, 50)))
    if random.random() < 0.5:
        overlay = jimport(f"{gui}.Overlay")()
        overlay.drawLabels(True)
        overlay.drawNames(bool(random.integers(2)))
        overlay.setLabelColor(color(1, 2, 3))
        overlay.setLabelFont(font("SansSerif", 1, int(random.integers(5, 30))), True)
        roi.setPrototypeOverlay(overlay)
    return kind, roi


def compare_decorated(count: int) -> tuple[dict[str, int], list[int]]:
    imagej = exactness().ImageJ()
    seen: Counter[str] = Counter()
    wrong = []
    for i in range(count):
        kind, roi = decorated(imagej, np.random.default_rng((5, i)))
        data = imagej.encode(roi)
        seen[kind] += 1
        if rois.encode(rois.decode(data)) not in (data, imagej.resave(data)):
            wrong.append(i)
    return dict(seen), wrong


def test_texts_points_images_and_looks_have_imagejs_bytes(own_process: Callable[..., Any]) -> None:
    seen, wrong = own_process(compare_decorated, 400)
    assert min(seen.values()) > 50
    assert wrong == []


def resaved(paths: list[Path]) -> tuple[int, int, int]:
    """Return how many ROIs of files there are, and of them those with each kind of our bytes."""
    imagej = exactness().ImageJ()
    number = original = either = 0
    for path in paths:
        for data in _entries(path):
            ours = rois.encode(rois.decode(data))
            number += 1
            original += ours == data
            either += ours in (data, imagej.resave(data))
    return number, original, either


def test_real_files_have_imagejs_bytes(own_process: Callable[..., Any], shared_data: Path) -> None:
    """490 of the bacteria were saved by an older ImageJ, with other boxes."""
    paths = sorted((shared_data / "roisets").glob("*/RoiSet.zip"))
    assert own_process(resaved, paths) == (1840, 1350, 1840)
