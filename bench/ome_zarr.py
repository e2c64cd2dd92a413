"""Time OME-Zarr: writing with its pyramid, opening, reading; and the peak memory of each.

    python bench/ome_zarr.py [--side 16384] [--folder FOLDER]

The plane is one block of Poisson noise of mean 200, repeated. Each step runs in a process of its
own, so that peaks are those of the step, less that of a process that only imports. It says the
load of the machine, too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from imagej_dl import images
from imagej_dl.images import memory_maps
from imagej_dl.images.checks.blank_planes import warn_black
from imagej_dl.images.formats import ome_zarr
from imagej_dl.images.ome_zarr import pyramid

STEPS = ("import", "write", "open", "read 1024 x 1024", "read a plane in parts", "copy")


def write(path: Path, side: int) -> None:
    """Write a plane of noise, block by block."""
    block = np.random.default_rng(0).poisson(200, (pyramid.CHUNK, side)).astype(np.uint16)
    with ome_zarr.writer(path, {"Y": side, "X": side}, np.uint16) as made:
        for place in pyramid.blocks(made.shape):
            made.write(place, block[: place[0].stop - place[0].start, place[1]])


def run(step: str, path: Path, side: int) -> None:
    """Run one step and say its seconds and the peak memory of the process."""
    import resource

    started = time.perf_counter()
    if step == "write":
        write(path, side)
    elif step == "open":
        ome_zarr.open_lazily(path)
    elif step == "read 1024 x 1024":
        middle = slice(side // 2 - 500, side // 2 + 524)
        assert ome_zarr.open_lazily(path).data[middle, middle].any()
    elif step == "read a plane in parts":
        image = images.read(path, mapped=True)
        warn_black(image, path)
        assert memory_maps.largest(image.data) > 200
    elif step == "copy":
        images.write(images.read(path, mapped=True), path.with_name("copy.ome.zarr"))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{step}: {seconds:.2f} s, peak {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=16384, help="px")
    parser.add_argument("--folder", type=Path, help="a disk with room for twice the plane")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        run(given.step, given.folder / "plane.ome.zarr", given.side)
        return
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    print(f"{given.side} x {given.side} px, uint16; load {os.getloadavg()[0]:.1f}")
    try:
        for step in STEPS:
            same = ("--step", step, "--folder", str(folder), "--side", str(given.side))
            subprocess.run([sys.executable, __file__, *same], check=True)
        files = [p.stat().st_size for p in (folder / "plane.ome.zarr").rglob("*") if p.is_file()]
        print(f"{len(files)} files, {sum(files) / 1e6:.0f} MB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
