"""Compare our masks with those of a real ImageJ 1.54p on random ROIs of every type.

    python bench/exactness.py --count 100000

Each ROI is made by ImageJ from random numbers, encoded by its RoiEncoder, and read back from the
bytes by its RoiDecoder and by ours; `Roi.getMask()` placed at `Roi.getBounds()` must then be our
mask, pixel for pixel. Lines are compared with `Roi.convertLineToArea`. What we decode and encode
again must be the same ROI to ImageJ as well; how often it is also the same bytes, those of the
file or those that ImageJ saves of the ROI it opens, is counted. The script ends with 1 where a
pixel differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from imagej_dl import rois
from imagej_dl.rois.roi import LINES

Random = np.random.Generator
SPAN = 90.0  # coordinates go from -SPAN/3 to SPAN, so that many lie partly outside an image


def start_imagej() -> None:
    """Start ImageJ 1.54p in this process, once."""
    import scyjava

    if not scyjava.jvm_started():
        scyjava.config.set_java_constraints(fetch="auto")  # a Java that is there is used
        scyjava.config.endpoints.append("net.imagej:ij:1.54p")
        scyjava.start_jvm()


class ImageJ:
    """ImageJ's ROI classes, and random ROIs made by them."""

    def __init__(self) -> None:
        start_imagej()
        import jpype
        from scyjava import jimport

        self.jpype = jpype
        self.Roi, self.OvalRoi, self.PolygonRoi, self.ShapeRoi = (
            jimport(f"ij.gui.{name}") for name in ("Roi", "OvalRoi", "PolygonRoi", "ShapeRoi")
        )
        self.EllipseRoi, self.RotatedRectRoi, self.Line, self.Arrow = (
            jimport(f"ij.gui.{name}") for name in ("EllipseRoi", "RotatedRectRoi", "Line", "Arrow")
        )
        self.Encoder = jimport("ij.io.RoiEncoder")
        self.Decoder = jimport("ij.io.RoiDecoder")
        self.Byte = jimport("ij.process.ByteProcessor")
        self.Select = jimport("ij.plugin.filter.ThresholdToSelection")

    def encode(self, roi: Any) -> bytes:
        """Return the bytes ImageJ saves."""
        return bytes(self.Encoder.saveAsByteArray(roi))

    def decode(self, data: bytes) -> Any:
        """Return the ROI ImageJ opens."""
        return self.Decoder(self.jpype.JArray(self.jpype.JByte)(data), "roi").getRoi()

    def resave(self, data: bytes) -> bytes:
        """Return what ImageJ saves of the ROI it opens, which may differ from the file."""
        return self.encode(self.Decoder(self.jpype.JArray(self.jpype.JByte)(data), None).getRoi())

    def mask(self, roi: Any) -> tuple[np.ndarray, int, int]:
        """Return ImageJ's mask and the corner of its bounds; a null mask is the whole box."""
        box = roi.getBounds()
        mask = roi.getMask()
        shape = (int(box.height), int(box.width))
        if mask is None:
            pixels = np.ones(shape, bool)
        else:
            pixels = np.array(mask.getPixels()[:]).reshape(shape) != 0
        return pixels, int(box.x), int(box.y)

    def as_area(self, roi: Any) -> Any:
        """Return a line as the area ImageJ makes of it; None where it has no pixels."""
        try:
            return self.Roi.convertLineToArea(roi)
        except self.jpype.JException:
            return None

    def ints(self, values: Any) -> Any:
        return self.jpype.JArray(self.jpype.JInt)(np.asarray(values, np.int32))

    def floats(self, values: Any) -> Any:
        return self.jpype.JArray(self.jpype.JFloat)(np.asarray(values, np.float32))

    # --- random ROIs -------------------------------------------------------------------

    def number(self, random: Random, low: float = -SPAN / 3, high: float = SPAN) -> float:
        """Return a random coordinate; halves, eighths and whole numbers come often."""
        value = random.uniform(low, high)
        step = random.choice((0.0, 0.0, 1.0, 0.5, 0.125))
        return float(np.round(value / step) * step) if step else float(value)

    def box(self, random: Random, whole: bool) -> tuple[float, ...]:
        corner = [self.number(random) for _ in range(2)]
        size = [self.number(random, 0, random.choice((3, 12, 80))) for _ in range(2)]
        return tuple(round(v) if whole else v for v in (*corner, *size))

    def rectangle(self, random: Random) -> Any:
        whole = random.random() < 0.5
        box = self.box(random, whole)
        if whole:
            roi = self.Roi(*(int(v) for v in box))
        else:
            roi = self.Roi(*(self.jpype.JDouble(v) for v in box))
        if random.random() < 0.6:
            roi.setCornerDiameter(int(random.integers(1, 60)))
        return roi

    def oval(self, random: Random) -> Any:
        whole = random.random() < 0.5
        kind = self.jpype.JInt if whole else self.jpype.JDouble
        return self.OvalRoi(*(kind(v) for v in self.box(random, whole)))

    def points(self, random: Random, fewest: int = 3) -> tuple[list[float], list[float]]:
        """Return scattered points, a star, or a walk."""
        n = int(random.integers(fewest, 40))
        style = random.integers(3)
        if style == 0:
            xs = [self.number(random) for _ in range(n)]
            ys = [self.number(random) for _ in range(n)]
        elif style == 1:
            angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
            radius = random.uniform(1, 40) * random.uniform(0.5, 1.5, n)
            xs = list(self.number(random) + radius * np.cos(angle))
            ys = list(self.number(random) + radius * np.sin(angle))
        else:
            steps = random.integers(-2, 3, (2, 4 * n)) * random.choice((1.0, 0.5, 0.37))
            xs, ys = (list(self.number(random) + np.cumsum(s)) for s in steps)
        return xs, ys

    def polygon(self, random: Random) -> Any:
        xs, ys = self.points(random)
        kind = random.choice((self.Roi.POLYGON, self.Roi.FREEROI, self.Roi.TRACED_ROI))
        return self.pointed(random, xs, ys, int(kind))

    def pointed(self, random: Random, xs: list[float], ys: list[float], kind: int) -> Any:
        if random.random() < 0.5:
            xs, ys = np.round(xs), np.round(ys)
            roi = self.PolygonRoi(self.ints(xs), self.ints(ys), len(xs), kind)
        else:
            roi = self.PolygonRoi(self.floats(xs), self.floats(ys), len(xs), kind)
        return roi

    def spline(self, random: Random) -> Any:
        roi = self.polygon(random)
        roi.fitSpline()
        return roi

    def ellipse(self, random: Random) -> Any:
        ends = (self.number(random) for _ in range(4))
        return self.EllipseRoi(*ends, random.choice((random.random(), 1.0, 0.5)))

    def rotated(self, random: Random) -> Any:
        ends = (self.number(random) for _ in range(4))
        return self.RotatedRectRoi(*ends, self.number(random, 0.1, 40))

    def marked(self, random: Random) -> bytes:
        """Return a file that says it is a rotated rectangle; ImageJ opens but never saves one."""
        params = tuple(float(np.float32(self.number(random))) for _ in range(5))
        return rois.encode(rois.Roi("rotated rectangle", "r", params=params))

    def composite(self, random: Random) -> Any:
        """Return areas joined, cut or subtracted."""
        makers = (self.rectangle, self.oval, self.polygon, self.ellipse, self.rotated)
        roi = self.ShapeRoi(makers[random.integers(len(makers))](random))
        for _ in range(int(random.integers(1, 4))):
            other = self.ShapeRoi(makers[random.integers(len(makers))](random))
            roi = getattr(roi, random.choice(("or_", "xor", "not_", "and_")), roi.xor)(other)
        return roi

    def curves(self, random: Random) -> Any:
        """Return a path of lines, quadratic and cubic curves, closed or left open."""
        path: list[float] = []
        for _ in range(int(random.integers(1, 4))):
            path += [0, self.number(random), self.number(random)]
            for _ in range(int(random.integers(1, 6))):
                code = int(random.integers(1, 4))
                path += [code, *(self.number(random) for _ in range(2 * code))]
            if random.random() < 0.8:
                path.append(4)
        return self.ShapeRoi(self.floats(path))

    def traced(self, random: Random) -> Any:
        """Return what ImageJ's wand-like tracing makes of random pixels."""
        height, width = (int(v) for v in random.integers(1, 30, 2))
        pixels = (random.random((height, width)) < random.uniform(0.1, 0.9)).astype(np.int8)
        pixels[0, 0] = 1
        ip = self.Byte(width, height, self.jpype.JArray(self.jpype.JByte)(pixels.ravel()))
        ip.setThreshold(1, 255, self.Byte.NO_LUT_UPDATE)
        return self.Select().convert(ip)

    def line(self, random: Random) -> Any:
        kind = self.Arrow if random.random() < 0.2 else self.Line
        roi = kind(*(self.jpype.JDouble(self.number(random)) for _ in range(4)))
        return self.widened(random, roi)

    def polyline(self, random: Random) -> Any:
        xs, ys = self.points(random, fewest=2)
        kind = int(random.choice((self.Roi.POLYLINE, self.Roi.FREELINE, self.Roi.ANGLE)))
        if kind == self.Roi.ANGLE:
            xs, ys = (xs * 3)[:3], (ys * 3)[:3]
        roi = self.pointed(random, xs, ys, kind)
        if kind != self.Roi.ANGLE and random.random() < 0.3:
            roi.fitSpline()
        return self.widened(random, roi)

    def widened(self, random: Random, roi: Any) -> Any:
        if random.random() < 0.8:
            roi.setStrokeWidth(self.jpype.JDouble(self.number(random, 0.5, 15)))
        return roi

    def makers(self) -> dict[str, Callable[[Random], Any]]:
        names = (
            "rectangle oval polygon spline ellipse rotated marked composite curves traced "
            "line polyline"
        )
        return {name: getattr(self, name) for name in names.split()}


def differing(ours: tuple[np.ndarray, int, int], theirs: tuple[np.ndarray, int, int]) -> int:
    """Return how many pixels of two placed masks differ."""
    placed = [m for m in (ours, theirs) if m[0].size]
    if not placed:
        return 0
    x0, y0 = min(m[1] for m in placed), min(m[2] for m in placed)
    x1 = max(m[1] + m[0].shape[1] for m in placed)
    y1 = max(m[2] + m[0].shape[0] for m in placed)
    canvas = np.zeros((2, y1 - y0, x1 - x0), bool)
    for plane, (mask, x, y) in zip(canvas, (ours, theirs), strict=True):
        plane[y - y0 : y - y0 + mask.shape[0], x - x0 : x - x0 + mask.shape[1]] = mask
    return int((canvas[0] != canvas[1]).sum())


def compare(imagej: ImageJ, data: bytes) -> tuple[str, int, bool, bool]:
    """Return our kind of an encoded ROI, the pixels that differ, and how it came back.

    It comes back when ImageJ opens what we decoded and encoded as a ROI of the same mask; the
    last value is whether our bytes are those of ImageJ.
    """
    ours = rois.decode(data)
    encoded = rois.encode(ours)
    theirs = imagej.decode(data)
    again = imagej.decode(encoded)
    if ours.kind in LINES:
        theirs, again = imagej.as_area(theirs), imagej.as_area(again)
    empty = (np.zeros((0, 0), bool), 0, 0)
    expected = empty if theirs is None else imagej.mask(theirs)
    back = empty if again is None else imagej.mask(again)
    differ = differing(rois.mask(ours, lines_as_areas=True), expected)
    same = differing(back, expected) == 0 and rois.decode(encoded) == ours
    return ours.kind, differ, same, encoded in (data, imagej.resave(data))


def run(count: int, seed: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Compare `count` random ROIs; return the tally, with the seeds of those that differ."""
    imagej = ImageJ()
    makers = list(imagej.makers().items())
    seen: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    pixels: Counter[str] = Counter()
    wrong: list[tuple[str, int, int, bool]] = []
    started = time.perf_counter()
    for i in range(count):
        name, maker = makers[i % len(makers)]
        roi = maker(np.random.default_rng((seed, i)))
        if roi is None:
            continue
        data = roi if isinstance(roi, bytes) else imagej.encode(roi)
        kind, differ, same, bytes_equal = compare(imagej, data)
        seen[f"{name} ({kind})"] += 1
        equal[f"{name} ({kind})"] += bytes_equal
        pixels[name] += differ
        if differ or not same:
            wrong.append((name, i, differ, same))
            report(f"{name} number {i}: {differ} pixels differ, came back: {same}")
    seconds = time.perf_counter() - started
    return {"seen": seen, "equal": equal, "pixels": pixels, "wrong": wrong, "seconds": seconds}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--count", type=int, default=100_000, help="number of ROIs")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = run(options.count, options.seed, print)
    for name, number in sorted(tally["seen"].items()):
        print(f"{number:8d}  {name}, {tally['equal'][name]} with ImageJ's bytes")
    total, wrong = sum(tally["seen"].values()), tally["wrong"]
    print(
        f"{total} ROIs in {tally['seconds']:.0f} s: {sum(tally['pixels'].values())} pixels differ "
        f"in {len([w for w in wrong if w[2]])} ROIs; {len([w for w in wrong if not w[3]])} "
        f"did not come back; {tally['equal'].total()} have ImageJ's bytes"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
