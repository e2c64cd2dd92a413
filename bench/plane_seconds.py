"""Seconds that `predict` takes for a plane, for each method that finds objects: whole and in tiles.

    python bench/plane_seconds.py [--size 1024] [--tile 512] [--steps 100] [--rounds 3]
    python bench/plane_seconds.py --models /tmp/models       # keeps them, and goes on after a stop

Each method is first trained with its default settings for a few batches of nuclei/train, so that
it finds objects as many and as large as there are. The plane is made of the same images, side by
side. Times are those of the fastest round, network and post-processing, by the clock and by the
processor's time of this process over its cores, which other work on the machine hardly changes; of
these the post-processing alone. The last column counts the objects of the whole plane that are
not pixel for pixel the same in the tiled one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import methods
import numpy as np
import prediction

from imagej_dl import images, models
from imagej_dl.models import backend
from imagej_dl.prediction import predict
from imagej_dl.training import train


def plane(folder: Path, size: int) -> np.ndarray:
    """Return a plane of the grey images of a folder, side by side, as uint8."""
    parts = [images.read(path).values for path in sorted(folder.glob("*/image.tif"))]
    found = np.zeros((size, size), np.uint8)
    side = 256
    places = np.ndindex(-(-size // side), -(-size // side))
    for number, (y, x) in enumerate(places):
        part = parts[number % len(parts)][:side, :side]
        room = found[y * side : (y + 1) * side, x * side : (x + 1) * side]
        room[: part.shape[0], : part.shape[1]] = part[: room.shape[0], : room.shape[1]]
    return found


def model(method: str, data: Path, folder: Path, steps: int) -> models.ModelBundle:
    """Return a model of a few batches, that in the folder if there is one."""
    out = folder / method
    if not (out / "config.json").exists():
        epochs = max(1, steps // methods.EPOCH)
        train(data, out, kind=method, epochs=epochs, steps=methods.EPOCH, test=0.0, seed=0)
    return models.load(out)


def timed(work: Callable[[], Any], rounds: int) -> tuple[Any, float, float]:
    """Return what comes of it, the fastest round's seconds by the clock, and by the processor."""
    found = work()  # compiles, and does not count
    clock, processor = [], []
    for _ in range(rounds):
        begin = time.perf_counter(), time.process_time()
        found = work()
        clock.append(time.perf_counter() - begin[0])
        processor.append((time.process_time() - begin[1]) / backend.cores())
    return found, min(clock), min(processor)


def different(whole: np.ndarray, tiled: np.ndarray) -> int:
    """Count the objects of one label map that are not in the other, pixel for pixel."""
    pairs, counts = np.unique(np.stack((whole.ravel(), tiled.ravel())), axis=1, return_counts=True)
    sizes, others = np.bincount(whole.ravel()), np.bincount(tiled.ravel())
    same = (sizes[pairs[0]] == counts) & (others[pairs[1]] == counts) & (pairs[0] > 0)
    return int(np.count_nonzero(sizes[1:]) - np.count_nonzero(same & (pairs[1] > 0)))


def row(method: str, options: argparse.Namespace, folder: Path) -> str:
    """Measure a method; return its row of the table."""
    bundle = model(method, options.data, folder, options.steps)
    image = images.make(plane(options.data, options.size))
    whole, *seconds = timed(
        lambda: predict(bundle, image, tile=4 * options.size, probabilities=True), options.rounds
    )
    tiled, *in_tiles = timed(lambda: predict(bundle, image, tile=options.tile), options.rounds)
    output = np.moveaxis(whole.probabilities.values, 0, -1)
    config = bundle.config
    _, *after = timed(lambda: config.method.instances(output, config.instances), options.rounds)
    cells = [f"{clock:.2f} ({processor:.2f})" for clock, processor in (seconds, in_tiles, after)]
    objects = len(np.unique(whole.labels.values)) - 1
    wrong = different(whole.labels.values, tiled.labels.values)
    return f"| `{method}` | {' | '.join(cells)} | {objects} | {wrong} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", type=Path, default=prediction.DATA / "train")
    parser.add_argument("--method", action="append", help="only this one; may be repeated")
    parser.add_argument("--size", type=int, default=1024, help="side of the plane, px")
    parser.add_argument("--tile", type=int, default=512, help="side of a tile, px")
    parser.add_argument("--steps", type=int, default=100, help="batches of each training")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", type=Path, help="folder that keeps the models")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    with tempfile.TemporaryDirectory() as temporary:
        # The user's own settings are neither used nor changed.
        os.environ["IMAGEJ_DL_HOME"] = temporary
        print(f"{options.size}² in tiles of {options.tile} px, {backend.device()}, load {load:.1f}")
        print("seconds by the clock (of the processor)\n")
        print("| method | whole | in tiles | post-processing | objects | different in tiles |")
        print("| --- | --- | --- | --- | --- | --- |", flush=True)
        for method in options.method or methods.instance_methods():
            print(row(method, options, options.models or Path(temporary)), flush=True)


if __name__ == "__main__":
    main()
