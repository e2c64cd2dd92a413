"""Whether a later version found what an earlier one did, file by file.

Pixels, ids, links, names and settings are the same everywhere. Numbers that went through a network
are the same to the bit on the machine class that made them (:func:`machine`); on another the
processor adds float32 in another order, and they are equal to TOLERANCE. A training carries
such differences from step to step, so what it ends with is compared on its own machine class only,
as are the choices of Optuna, whose sampler changes between its versions.
"""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import re
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import roifile
import tifffile

TOLERANCE = 1e-6
"""Largest difference of a probability between machine classes."""

TRAINED = {
    "config.json",
    "metrics.json",
    "log.json",
    "state.json",
    "best.json",
    "trials.csv",
    "report.json",
    "weights.npz",
    "proposed.tif",
}
"""Files that hold what a training or a search ended with."""

VOLATILE = {
    "seconds",
    "device",
    "imagej_dl_version",
    "keras_version",
    "tensorflow_version",
    "version",
    "date",
    "created",
    "worker",
    "files",
    "text",
}
"""Keys of JSON, and columns, that tell when, where and by what it was written, or in words."""

MENDED = {
    "round_1/config.json: instances.minimum_area": "trained on few objects a model lost that of "
    "the one that it started from, and specks became objects",
    "filtered/spots.csv: label,": "after gap filling the labels were numbers of regions, which no "
    "file has, and not those of the label map",
}
"""Values of which what the earlier version wrote was wrong, and why."""

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|NaN|Infinity)")


def machine() -> dict[str, str]:
    """Return what the bits of a float32 result depend on, besides the program."""
    flags: set[str] = set()
    if Path("/proc/cpuinfo").is_file():
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        flags = set(re.findall(r"\b(?:avx2|avx512\w*|avx_vnni|amx_\w+|fma)\b", text))
    names = ("tensorflow", "keras", "numpy", "scipy", "optuna")
    versions = {name: metadata.version(name) for name in names}
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0)
    return {
        "processor": f"{platform.machine()} {' '.join(sorted(flags))}",
        "cores": cores,
    } | versions


def differences(expected: Path, found: Path, same_machine: bool) -> list[str]:
    """Name what differs of each file in `expected`; `found` may hold more."""
    said = []
    for path in sorted(p for p in expected.rglob("*") if p.is_file() and ".geff" not in str(p)):
        name = path.relative_to(expected).as_posix()
        other = found / name
        if not other.is_file():
            said.append(f"{name}: is missing")
        elif same_machine or path.name not in TRAINED:
            said += [f"{name}: {words}" for words in _differ(path, other, same_machine)]
    return [words for words in said if not words.startswith(tuple(f"{key} " for key in MENDED))]


def _differ(expected: Path, found: Path, exact: bool) -> list[str]:
    match expected.suffix:
        case ".tif":
            first, second = tifffile.imread(expected), tifffile.imread(found)
            return _arrays(first, second, exact) + _calibrations(expected, found)
        case ".npz":
            with np.load(expected) as one, np.load(found) as two:
                if sorted(one) != sorted(two):
                    return ["has other arrays"]
                return [w for name in one for w in _arrays(one[name], two[name], exact)]
        case ".zip":
            return _roisets(expected, found)
        case ".json":
            first, second = (json.loads(p.read_text(encoding="utf-8")) for p in (expected, found))
            return _json(first, second, "", exact)
        case ".csv":
            return _tables(expected, found, exact)
        case ".xml":
            first, second = (_plain(p.read_text(encoding="utf-8")) for p in (expected, found))
            return _texts(first, second, exact)
        case _:
            first, second = (p.read_text(encoding="utf-8") for p in (expected, found))
            return _texts(first, second, exact)


def _arrays(first: np.ndarray, second: np.ndarray, exact: bool) -> list[str]:
    if (first.shape, first.dtype) != (second.shape, second.dtype):
        return [f"is {second.shape} {second.dtype}, was {first.shape} {first.dtype}"]
    if exact or first.dtype.kind != "f":
        equal = np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
        count = int((first != second).sum())
        return [] if equal else [f"{count} of {first.size} values differ"]
    largest = float(np.abs(first - second).max(initial=0))
    return [] if largest <= TOLERANCE else [f"differs by {largest:.2g}"]


def _calibrations(first: Path, second: Path) -> list[str]:
    with tifffile.TiffFile(first) as one, tifffile.TiffFile(second) as two:
        same = _about(one) == _about(two)
    return [] if same else ["its axes or its calibration differ"]


def _about(file: tifffile.TiffFile) -> tuple[Any, ...]:
    tags, told = file.pages[0].tags, file.imagej_metadata or {}
    keys = ("unit", "spacing", "finterval", "frames", "slices", "channels")
    resolution = [tags[name].value for name in ("XResolution", "YResolution") if name in tags]
    return file.series[0].axes, resolution, [told.get(key) for key in keys]


def _roisets(first: Path, second: Path) -> list[str]:
    """Compare ROIs as an independent reader has them, so that how they are written may change."""
    with zipfile.ZipFile(first) as before, zipfile.ZipFile(second) as now:
        if before.namelist() != now.namelist():
            return ["has other ROIs"]
    one, two = _rois(first), _rois(second)
    return [f"{name}: {part}" for name in one for part in _unlike(one[name], two[name])]


def _unlike(one: roifile.ImagejRoi, two: roifile.ImagejRoi) -> list[str]:
    names = ("roitype", "subtype", "name", "position", "c_position", "z_position", "t_position")
    parts = [name for name in names if getattr(one, name) != getattr(two, name)]
    outlines = [roi.coordinates(multi=True) for roi in (one, two)]
    same = len(outlines[0]) == len(outlines[1]) and all(
        np.array_equal(a, b) for a, b in zip(*outlines, strict=True)
    )
    return parts + ([] if same else ["its outline differs"])


def _rois(path: Path) -> dict[str, roifile.ImagejRoi]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return {name: roifile.ImagejRoi.frombytes(archive.read(name)) for name in names}


def _json(first: Any, second: Any, where: str, exact: bool) -> list[str]:
    """Compare what was there before; keys may have been added."""
    if isinstance(first, dict) and isinstance(second, dict):
        said = []
        for key, value in first.items():
            if key in VOLATILE:
                continue
            if key not in second:
                said.append(f"{where}{key} is missing")
            else:
                said += _json(value, second[key], f"{where}{key}.", exact)
        return said
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [w for i, (a, b) in pairs for w in _json(a, b, f"{where}{i}.", exact)]
    if _numbers(first, second) and _near(first, second, exact):
        return []
    return [] if first == second else [f"{where.rstrip('.')} is {second!r}, was {first!r}"]


def _numbers(*values: Any) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _tables(first: Path, second: Path, exact: bool) -> list[str]:
    """Compare the columns that were there before, without those of times."""
    one, two = (_table(path) for path in (first, second))
    said = []
    for name, values in one.items():
        if name in VOLATILE:
            continue
        if name not in two:
            said.append(f"the column {name} is missing")
        else:
            said += _texts("\n".join(values), "\n".join(two[name]), exact, f"{name}, ")
    return said


def _table(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def _plain(xml: str) -> str:
    """Leave out the program's version, its log, and folders, which are where the file is."""
    xml = re.sub(r"<Log>.*?</Log>|<Log .*?</Log>", "", xml, flags=re.DOTALL)
    return re.sub(r'\b(version|folder|date)="[^"]*"', "", xml)


def _texts(first: str, second: str, exact: bool, where: str = "") -> list[str]:
    """Compare texts line by line, the numbers in them as numbers."""
    lines = [text.splitlines() for text in (first, second)]
    if len(lines[0]) != len(lines[1]):
        return [f"{where}has {len(lines[1])} lines, had {len(lines[0])}"]
    for number, (a, b) in enumerate(zip(*lines, strict=True), 1):
        if a != b and not (NUMBER.sub("#", a) == NUMBER.sub("#", b) and _same(a, b, exact)):
            return [f"{where}line {number} is {b[:200]!r}, was {a[:200]!r}"]
    return []


def _same(first: str, second: str, exact: bool) -> bool:
    pairs = zip(NUMBER.findall(first), NUMBER.findall(second), strict=True)
    return all(_near(float(a), float(b), exact) for a, b in pairs)


def _near(first: float, second: float, exact: bool) -> bool:
    if exact or (math.isnan(first) and math.isnan(second)):
        return first == second or (math.isnan(first) and math.isnan(second))
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
