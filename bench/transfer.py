"""Time images between NumPy and ImageJ: ours, PyImageJ's, and a copy within NumPy.

    FIJI_HOME=/path/to/Fiji.app python bench/transfer.py [--rounds 40]

All run in turn in one process on the same 256 × 256 × 129 uint16 image; the figures are the
fastest and the median of the rounds, and ratios of those. Ours are real copies both ways;
PyImageJ's `to_imageplus` is a view, and its `duplicate()` is what makes a copy of it. PyImageJ
needs ImageJ2, so without FIJI_HOME ours alone are timed. It is also seen whether each keeps an
edit: a pixel set on a slice, the slice left, and the pixel read again; and whether NumPy's array
has it too, which a copy's must not.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from imagej_dl import fiji, images

SHAPE = (129, 256, 256)


def seconds(functions: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Run the functions in turn, `rounds` times after two that do not count."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for index in range(rounds + 2):
        for name, function in functions.items():
            begin = time.perf_counter()
            function()
            if index > 1:
                taken[name].append(time.perf_counter() - begin)
    return taken


def edits(imp: Any, array: np.ndarray) -> str:
    """Set a pixel of a slice, go to another slice and back; say where the edit is then."""
    imp.setSlice(2)
    imp.getProcessor().set(3, 4, int(array[1, 4, 3]) ^ 1)
    before = array.copy()
    imp.setSlice(3)
    imp.setSlice(2)
    kept = int(imp.getProcessor().get(3, 4)) != int(before[1, 4, 3])
    shared = not np.array_equal(array, before)
    fresh = int(imp.getStack().getProcessor(2).get(3, 4)) != int(before[1, 4, 3])
    return f"kept {kept}, in a new look at the stack {fresh}, in NumPy's array too {shared}"


def with_pyimagej(ij: Any, array: np.ndarray) -> dict[str, Callable[[], Any]]:
    import xarray as xr

    named = xr.DataArray(array, dims=("t", "row", "col"))
    theirs = ij.py.to_imageplus(named)
    real = theirs.duplicate()
    print(f"an edit in PyImageJ's ImagePlus: {edits(theirs, array)}")
    return {
        "PyImageJ to_imageplus": lambda: ij.py.to_imageplus(named),
        "PyImageJ to_imageplus, duplicate": lambda: ij.py.to_imageplus(named).duplicate(),
        "PyImageJ from_java": lambda: ij.py.from_java(real),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    gateway = fiji.start()
    array = np.random.default_rng(0).integers(0, 2**16, SHAPE, np.uint16)
    image = images.make(array, "TYX", title="bench")
    imp = fiji.to_imageplus(image)
    assert fiji.from_imageplus(imp).identical(image)
    print(f"{SHAPE} uint16, ImageJ {gateway.version}, {options.rounds} rounds")
    functions: dict[str, Callable[[], Any]] = {
        "ours to_imageplus": lambda: fiji.to_imageplus(image),
        "ours from_imageplus": lambda: fiji.from_imageplus(imp),
        "ndarray.copy": array.copy,
    }
    print(f"an edit in our ImagePlus: {edits(imp, array)}")
    if gateway.ij2 is None:
        print("PyImageJ is not timed: it needs ImageJ2. Set FIJI_HOME to a Fiji folder.")
    else:
        functions |= with_pyimagej(gateway.ij2, array)
    taken = seconds(functions, options.rounds)
    print(f"{'':34}{'fastest':>10}{'median':>10}")
    for name, values in taken.items():
        print(f"{name:34}{min(values) * 1e3:7.1f} ms{statistics.median(values) * 1e3:7.1f} ms")
    for ours, other in (
        ("ours from_imageplus", "PyImageJ from_java"),
        ("ours to_imageplus", "PyImageJ to_imageplus"),
        ("ours to_imageplus", "PyImageJ to_imageplus, duplicate"),
        ("ours from_imageplus", "ndarray.copy"),
        ("ours to_imageplus", "ndarray.copy"),
    ):
        if other in taken:
            fastest = min(taken[other]) / min(taken[ours])
            median = statistics.median(taken[other]) / statistics.median(taken[ours])
            print(f"{other} takes {fastest:.2f} (median {median:.2f}) times as long as {ours}")


if __name__ == "__main__":
    main()
