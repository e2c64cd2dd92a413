"""Average precision against the number of drawn ROIs: a new model, and a ready one fine-tuned.

    python bench/few_rois.py --out /tmp/few-rois            # hours; the same line goes on
    python bench/few_rois.py --out /tmp/few-rois --table --plot docs/few-rois.png

Each row is a training in a process of its own, and a line in --out/rows.jsonl; a row that is
there is not run again. Images are real nuclei changed by a formula (drawn_images.py), so that the
ready model has not seen their like, and movies. ROIs are taken from nuclei/train (the first half
of a movie), scores from nuclei/test (its last frames; the nuclei of movies are of nuclei/train,
most of which the ready model knows). "dense": all objects of an area are drawn.
"sparse": a share of the objects of a larger one is, and the training is told so. --core keeps the
runs on one core and counts the minutes of its processor time: twice those of two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from drawn_images import DRAWINGS, KINDS, MOVIES, drawn, pictures
from runs import use_one_core

from imagej_dl import images
from imagej_dl.evaluation import THRESHOLDS, match, total
from imagej_dl.filesystem.atomic import atomic

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MINUTES = {"scratch": 10.0, "tuned": 2.0}
COUNTS = (10, 30, 100, 300)


def measure(row: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Train and score one row."""
    wall = time.monotonic
    if options.core is not None:
        use_one_core(options.core)
    from imagej_dl import models
    from imagej_dl.models.ready import registry
    from imagej_dl.prediction import predict
    from imagej_dl.training import train

    pool, tests = pictures(options.data, row["kind"])
    settings: dict[str, Any] = {}
    done: dict[str, Any] = {"rois": 0}
    began = wall()
    if row["way"] == "ready":
        bundle = models.load(registry.DEFAULT)
    else:
        pairs = drawn(pool, row["count"], row["drawing"], row["seed"])
        minutes = getattr(options, row["way"])
        settings = {"minutes": minutes, "epochs": 1000, "test": 0.0, "seed": row["seed"]}
        settings["sparse"] = row["drawing"] == "sparse"
        if row["way"] == "tuned":
            settings["start"] = registry.DEFAULT
        made = [
            (images.make(image, "YX", title=f"{i}.tif"), images.make(labels, "YX"))
            for i, (image, labels) in enumerate(pairs)
        ]
        with tempfile.TemporaryDirectory() as folder:
            bundle = train(made, Path(folder) / "model", **settings)
            log = (Path(folder) / "model" / "log.csv").read_text().splitlines()
        done["rois"] = sum(len(np.setdiff1d(labels, 0)) for _, labels in pairs)
        done |= {"images": len(pairs), "steps": (len(log) - 1) * bundle.config.training["steps"]}
    done["seconds"] = round(wall() - began)
    found = [predict(bundle, images.make(image, "YX")).labels.data for image, _ in tests]
    at = total([match(truth, labels) for (_, truth), labels in zip(tests, found, strict=True)])
    scores = {f"ap_{one.threshold:g}": round(one.average_precision, 4) for one in at}
    scores["ap_mean"] = round(
        float(np.mean([at[i].average_precision for i, _ in enumerate(THRESHOLDS)])), 4
    )
    load = {"cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 1)}
    return row | done | scores | load


def rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the rows, the ready model as it is first."""
    found = [
        {"kind": kind, "way": "ready", "drawing": "none", "count": 0, "seed": 0}
        for kind in options.kinds
    ]
    for seed, count, kind, way, drawing in product(
        range(options.seeds), options.counts, options.kinds, options.ways, options.drawings
    ):
        found.append({"kind": kind, "way": way, "drawing": drawing, "count": count, "seed": seed})
    return found


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows that were measured; a line that a kill cut off is none."""
    found = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def add(path: Path, row: dict[str, Any]) -> None:
    """Write a row after those that are whole."""
    lines = [json.dumps(one) + "\n" for one in [*read(path), row]]
    with atomic(path) as temporary:
        temporary.write_text("".join(lines))


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("kind", "way", "drawing", "count", "seed"))


def means(found: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[int, float]]:
    """Return AP .5 by kind, way and drawing, then by count; the mean over the seeds."""
    lists: dict[tuple[str, str, str], dict[int, list[float]]] = {}
    for row in found:
        line = lists.setdefault((row["kind"], row["way"], row["drawing"]), {})
        line.setdefault(row["count"], []).append(row["ap_0.5"])
    return {k: {n: float(np.mean(v)) for n, v in sorted(line.items())} for k, line in lists.items()}


def table(found: list[dict[str, Any]]) -> str:
    """Return a Markdown table, a row for each kind, way and drawing."""
    counts = sorted({row["count"] for row in found})
    head = [
        "| images | way | drawn | " + " | ".join(map(str, counts)) + " |",
        "| --- " * (3 + len(counts)) + "|",
    ]
    lines = [
        f"| {kind} | {way} | {drawing} | "
        + " | ".join(f"{line[n]:.3f}" if n in line else "" for n in counts)
        + " |"
        for (kind, way, drawing), line in sorted(means(found).items())
    ]
    return "\n".join([*head, *lines])


def plot(found: list[dict[str, Any]], path: Path) -> None:
    """Draw AP .5 against the number of ROIs, a panel for each kind of images."""
    from matplotlib.figure import Figure

    lines = means(found)
    kinds = sorted({kind for kind, _, _ in lines})
    figure = Figure(figsize=(3.2 * len(kinds), 3.2), layout="constrained")
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, kind in zip(panels, kinds, strict=True):
        for (_, way, drawing), line in sorted(lines.items()):
            if _ != kind:
                continue
            if way == "ready":
                panel.axhline(line[0], color="0.6", linestyle=":", label="ready model as it is")
                continue
            style = {"color": "C0" if way == "tuned" else "C1"}
            style["linestyle"] = "-" if drawing == "dense" else "--"
            panel.plot([*line], [*line.values()], marker="o", label=f"{way}, {drawing}", **style)
        panel.set(title=kind, xlabel="drawn ROIs", xscale="log", ylim=(0, 1))
    panels[0].set_ylabel("average precision at IoU .5")
    panels[-1].legend(loc="lower right", fontsize="small")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with nuclei and movies")
    parser.add_argument("--out", type=Path, required=True, help="folder of rows.jsonl")
    parser.add_argument("--kinds", nargs="+", default=[*KINDS, *MOVIES], choices=[*KINDS, *MOVIES])
    parser.add_argument("--counts", nargs="+", type=int, default=COUNTS)
    parser.add_argument("--ways", nargs="+", default=[*MINUTES], choices=[*MINUTES])
    parser.add_argument("--drawings", nargs="+", default=DRAWINGS, choices=DRAWINGS)
    parser.add_argument("--seeds", type=int, default=3)
    for way, minutes in MINUTES.items():
        parser.add_argument(f"--{way}", type=float, default=minutes, help="minutes of a training")
    parser.add_argument("--core", type=int, help="run on this one, in minutes of processor time")
    parser.add_argument("--row", help="only this one, as JSON, in this process")
    parser.add_argument("--table", action="store_true", help="only print what was measured")
    parser.add_argument("--plot", type=Path, help="draw what was measured into this PNG")
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(json.loads(options.row), options)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.jsonl"
    there = {key(row) for row in read(path)}
    for row in () if options.table else rows(options):
        if key(row) in there:
            continue
        given = [f"--{way}={getattr(options, way)}" for way in MINUTES]
        given += [] if options.core is None else [f"--core={options.core}"]
        line = [sys.executable, __file__, "--data", str(options.data), "--out", str(options.out)]
        made = subprocess.run(
            [*line, *given, "--row", json.dumps(row)], stdout=subprocess.PIPE, text=True, check=True
        )
        add(path, json.loads(made.stdout.splitlines()[-1]))
        print(made.stdout.splitlines()[-1], flush=True)
    found = read(path)
    print(table(found))
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
