"""All methods that find objects, trained on real nuclei for the same time.

    python bench/methods.py --out /tmp/methods.jsonl --at-steps 200,400,800
    python bench/methods.py --out /tmp/methods.jsonl --table

Each run, a method and a seed, is a process of its own and one JSON line of the file; one that is
there is not repeated, so the same command goes on after a stop. --at-steps scores the network after
so many batches of the same run, too, with the post-processing that the run ended with: methods at
equal steps, whatever else the machine was doing, though before the learning rate has fallen.
--steps trains each method for so many batches in all instead of a time. --validation-only scores on
the images that a run validated on, which also chose its epoch and post-processing: for decisions on
settings, which no test image may take part in. --core keeps the runs on one core and counts the
minutes of its processor time, so that other work changes no result: twice the minutes of two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import nuclei
from runs import add_arguments, done, given, machine, numbers, row, run_missing, use_one_core

EPOCH = 50
"""Batches between two validations."""
_SAME = ("minutes", "clock", "steps_planned", "scored_on", "validation", "settings", "at_steps")
"""What runs have in common that are compared with each other."""
COLUMNS = {
    "ap_0.5": "AP .5",
    "ap_0.75": "AP .75",
    "ap_mean": "AP .5:.9",
    "f1": "F1",
    "pq": "PQ",
}


def main() -> None:
    options = parsed()
    if done(options, table, lambda method, seed: measure(method, int(seed), options)):
        return
    wanted = [  # all methods of a seed, then the next: a stop leaves whole rounds
        (plan(method, seed, options), [method, str(seed)])
        for seed in options.seeds
        for method in options.method or instance_methods()
    ]
    sys.exit(not run_missing(options.out, wanted, key))


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, minutes=10.0)
    parser.add_argument("--data", type=Path, default=nuclei.DATA, help="folder with train and test")
    parser.add_argument("--at-steps", type=numbers, default=[], metavar="N,N…")
    parser.add_argument("--method", action="append", help="only this one; may be repeated")
    parser.add_argument("--validation", type=float, default=0.15, help="share of the images")
    parser.add_argument("--core", type=int, help="run on this one, in minutes of processor time")
    parser.add_argument("--validation-only", action="store_true", help="no test image is read")
    parser.add_argument("--run", nargs=2, metavar=("METHOD", "SEED"), help="one run, in here")
    options = parser.parse_args(arguments)
    if wrong := [n for n in [*options.at_steps, options.steps or EPOCH] if n % EPOCH or n <= 0]:
        parser.error(f"{wrong[0]} steps: networks are looked at after each {EPOCH} batches")
    return options


def instance_methods() -> list[str]:
    from imagej_dl.methods.registry import METHODS

    return [name for name, method in METHODS.items() if method.gives == "instances"]


def plan(method: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return what makes a run the same as another."""
    return {
        "method": method,
        "seed": seed,
        "minutes": None if options.steps else options.minutes,
        "clock": "wall" if options.core is None else "processor",
        "steps_planned": options.steps,
        "scored_on": "validation" if options.validation_only else "test",
        "validation": options.validation,
        "settings": given(options.set),
        "at_steps": options.at_steps,
    }


def key(record: dict[str, Any]) -> str:
    """Return what two lines of the same run have in common."""
    return json.dumps([record[name] for name in ("method", "seed", *_SAME)], sort_keys=True)


def measure(method: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train one method, and score it."""
    wall = time.monotonic
    if options.core is not None:
        use_one_core(options.core)
    from imagej_dl.progress import terminal
    from imagej_dl.training import train

    record = plan(method, seed, options)
    record |= {"cores": nuclei.cores(), "load_before": nuclei.load()}
    weights: dict[int, Any] = {}

    def watch(epoch: Any) -> None:
        if (step := epoch.epoch * EPOCH) in options.at_steps:
            weights[step] = epoch.bundle.model.get_weights()

    limits: dict[str, Any] = {"minutes": options.minutes, "epochs": 10_000}
    if options.steps:
        limits = {"epochs": options.steps // EPOCH}
    with tempfile.TemporaryDirectory(prefix="methods-") as name:
        out = Path(name) / "model"
        began = wall()
        bundle = train(
            options.data / "train",
            out,
            progress=terminal(),
            watch=watch,
            kind=method,
            seed=seed,
            validation=options.validation,
            test=0.0,
            steps=EPOCH,
            patience=10_000,
            **limits | record["settings"],
        )
        record["seconds"] = round(wall() - began, 1)
        record["steps"] = nuclei.steps_done(out, EPOCH)
        metrics = json.loads((out / "metrics.json").read_text())
        own = json.loads((out / "split.json").read_text())["validation"]
    record["load_after"] = nuclei.load()
    record["best_step"] = metrics["best_epoch"] * EPOCH
    record["instances"] = bundle.config.instances.model_dump()
    if options.validation_only:
        pictures = nuclei.truths(options.data / "train", [folder_of(image) for image in own])
    else:
        pictures = nuclei.truths(options.data / "test")
    began = wall()
    record["scores"] = scored(bundle, pictures)
    record["predict_seconds"] = round(wall() - began, 1)
    record["at"] = {}
    for step, values in sorted(weights.items()):
        bundle.model.set_weights(values)
        record["at"][str(step)] = scored(bundle, pictures)
    print(json.dumps(record), flush=True)
    return record


def folder_of(name: str) -> str:
    """Return the folder of an image of the split, "NAME/image.tif"."""
    return Path(name).parts[0]


def scored(bundle: Any, pictures: nuclei.Truths) -> dict[str, float]:
    from imagej_dl.prediction import predict

    return nuclei.scores(pictures, (predict(bundle, image).labels.data for image, _ in pictures))


def table(records: list[dict[str, Any]]) -> str:
    """Return the lines as Markdown: mean over the seeds, and the least and largest AP .5."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        groups[json.dumps([record[name] for name in _SAME])].append(record)
    return "\n\n".join(_group(group) for group in groups.values())


def _group(records: list[dict[str, Any]]) -> str:
    one = records[0]
    limit = f"{one['steps_planned']} batches" if one["steps_planned"] else f"{one['minutes']:g} min"
    if one["clock"] == "processor":
        limit += " of one core's time"
    text = [f"Trained for {limit}, scored on the {one['scored_on']} images; {machine(records)}."]
    if one["settings"]:
        text.append(f"Settings: {json.dumps(one['settings'])}.")
    text += ["", *_rows(records, "scores", [r["steps"] for r in records])]
    for step in sorted({int(step) for record in records for step in record["at"]}):
        there = [r | {"then": r["at"][str(step)]} for r in records if str(step) in r["at"]]
        text += ["", f"After {step} batches of the same runs:", ""]
        text += _rows(there, "then", [step] * len(there))
    return "\n".join(text)


def _rows(records: list[dict[str, Any]], where: str, steps: list[int]) -> list[str]:
    heads = ["method", "seeds", "batches", *COLUMNS.values(), "AP .5 from … to"]
    rows = [row(heads), row(["---"] * len(heads))]
    both = list(zip(records, steps, strict=True))
    for method in dict.fromkeys(record["method"] for record in records):
        mine = [(r[where], n) for r, n in both if r["method"] == method]
        means = [statistics.fmean(s[name] for s, _ in mine) for name in COLUMNS]
        least, most = (f(s["ap_0.5"] for s, _ in mine) for f in (min, max))
        cells = [method, str(len(mine)), f"{statistics.fmean(n for _, n in mine):.0f}"]
        cells += [f"{mean:.3f}" for mean in means] + [f"{least:.3f} … {most:.3f}"]
        rows.append(row(cells))
    return rows


if __name__ == "__main__":
    main()
