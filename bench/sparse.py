"""Measure sparse drawing: train on a part of the ROIs, score on images of which all are drawn.

    python bench/sparse.py RESULTS.jsonl --share 0.3 --seeds 0 1 2

adds one JSON line for each run to RESULTS and skips the runs that it has, so that the same command
goes on after a stop. Of nuclei/train, `--held-out` images are never trained on and score the
models; nuclei/test is not touched. On the others the ROIs are drawn densely, or a share of each
image's, chosen at random; then with marks (three discs of background in an image, where objects
are farthest), or with none, so that the background is estimated.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

from imagej_dl import images, rois
from imagej_dl.evaluation import match, total
from imagej_dl.prediction import predict
from imagej_dl.rois import Roi
from imagej_dl.training import train

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei" / "train"
WAYS = ("dense", "marks", "estimated", "dense of the share", "naive")
"""`dense of the share` draws as many ROIs densely, on fewer images; `naive` trains on the sparse
drawing as if it were dense."""
_DISCS, _RADIUS = 3, 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS[:3])
    parser.add_argument("--share", type=float, default=0.3, help="of the ROIs of each image")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--kind", default="border")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--held-out", type=int, default=9)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    done = [json.loads(line)["run"] for line in lines]
    for seed in options.seeds:
        for way in options.ways:
            run = {
                "way": way,
                "share": 1.0 if way == "dense" else options.share,
                "seed": seed,
                **{name: getattr(options, name) for name in ("kind", "steps", "batch")},
                "held_out": options.held_out,
            }
            if run in done:
                continue
            line = json.dumps({"run": run, **measured(run)})
            with options.results.open("a") as file:
                file.write(line + "\n")
            print(line, flush=True)


def measured(run: dict) -> dict:
    """Return scores, and what they were reached with."""
    order = np.random.default_rng(7).permutation(sorted(DATA.iterdir()))
    held, used = order[: run["held_out"]], order[run["held_out"] :]
    rng = np.random.default_rng(run["seed"])
    if run["way"] == "dense of the share":
        used = used[rng.permutation(len(used))[: round(run["share"] * len(used))]]
    folder = Path(tempfile.mkdtemp(prefix="sparse-bench-"))
    try:
        drawn, objects = 0, 0
        pairs = []
        for source in used:
            some, count = chosen(source, run, rng)
            drawn, objects = drawn + count, objects + len(rois.read(source / "RoiSet.zip"))
            rois.write(some, folder / f"{source.name}.zip")
            pairs.append((source / "image.tif", folder / f"{source.name}.zip"))
        began = time.monotonic()
        bundle = train(
            pairs,
            folder / "model",
            kind=run["kind"],
            epochs=10,
            steps=run["steps"] // 10,
            batch=run["batch"],
            test=0.0,
            seed=run["seed"],
            sparse=run["way"] in ("marks", "estimated"),
        )
        seconds = time.monotonic() - began
        metrics = json.loads((folder / "model" / "metrics.json").read_text())
        found = []
        for source in held:
            truth = images.read_labels(source / "labels.tif").data
            found.append(
                match(truth, predict(bundle, images.read(source / "image.tif")).labels.data)
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    scores = total(found)
    return {
        "ap_0.5": round(scores[0].average_precision, 4),
        "ap_mean": round(float(np.mean([score.average_precision for score in scores])), 4),
        "precision": round(scores[0].precision, 4),
        "recall": round(scores[0].recall, 4),
        "rois": drawn,
        "of": objects,
        "images": len(used),
        "known": metrics.get("known"),
        "own_validation": metrics["validation"].get("ap_0.5"),
        "seconds": round(seconds),
        "load": round(os.getloadavg()[0], 1),
    }


def chosen(source: Path, run: dict, rng: np.random.Generator) -> tuple[list[Roi], int]:
    """Return the ROIs that are drawn on an image with its marks, and how many objects that are."""
    every = rois.read(source / "RoiSet.zip")
    if run["way"] in ("dense", "dense of the share"):
        return every, len(every)
    count = max(1, round(run["share"] * len(every)))
    some = [every[i] for i in sorted(rng.choice(len(every), count, replace=False))]
    if run["way"] != "marks":
        return some, count
    return some + background(images.read_labels(source / "labels.tif").data), count


def background(labels: np.ndarray) -> list[Roi]:
    """Return discs where objects, and the discs before, are farthest."""
    free = np.pad(labels == 0, 1)
    marks: list[Roi] = []
    for number in range(1, _DISCS + 1):
        distance = ndi.distance_transform_edt(free)
        y, x = np.unravel_index(distance.argmax(), distance.shape)
        radius = int(min(distance[y, x] - 3, _RADIUS))
        if radius < 1:
            break
        corner = (int(x) - 1 - radius, int(y) - 1 - radius)
        marks.append(Roi("oval", f"background-{number}", box=(*corner, 2 * radius, 2 * radius)))
        rows, columns = np.indices(free.shape)
        free &= (rows - y) ** 2 + (columns - x) ** 2 > radius**2
    return marks


if __name__ == "__main__":
    main()
