"""Segmentation of noisy nuclei of which few are labelled: alone, after denoising, and together.

    python bench/denoiseg.py --out /tmp/denoiseg.jsonl --minutes 10
    python bench/denoiseg.py --out /tmp/denoiseg.jsonl --table

36 images of nuclei get noise (denoising_cases.py), and --labelled of them labels. "border" learns
from these alone; "n2v2, border" denoises all images first, by a network that learnt from all 36;
"denoiseg" learns to denoise all and to segment the labelled ones in one network. Scored on the
12 images of the test folder, with the same noise. Each training has the same time; the second way
has two. Runs are kept as bench/denoise.py keeps them; a way that is not there yet is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import denoising_cases
import nuclei
import numpy as np
import xarray as xr
from runs import (
    Record,
    add_arguments,
    done,
    given,
    machine,
    numbers,
    row,
    run_missing,
)

WAYS = ("border", "n2v2, border", "denoiseg")
_SAME = ("photons", "read", "minutes", "steps_planned", "settings")
"""What runs of one table have in common."""


def main() -> None:
    options = parsed()
    if done(options, table, lambda way, n, seed: measure(way, int(n), int(seed), options)):
        return
    asked = options.way or [*WAYS]
    there = [way for way in asked if is_there(way)]
    if missing := [way for way in asked if way not in there]:
        print(f"left out, not there: {', '.join(missing)}", flush=True)
    wanted = [
        (plan(way, labelled, seed, options), [way, str(labelled), str(seed)])
        for seed in options.seeds
        for labelled in options.labelled
        for way in there
    ]
    raise SystemExit(not run_missing(options.out, wanted, key))


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, minutes=10.0)
    data = nuclei.DATA.parent
    parser.add_argument("--data", type=Path, default=data, help="folder with nuclei")
    parser.add_argument("--way", action="append", choices=WAYS, help="may be repeated")
    parser.add_argument("--labelled", type=numbers, default=[2, 5, 10], metavar="N,N…")
    parser.add_argument("--photons", type=float, default=10.0, help="of the brightest pixels")
    parser.add_argument("--read", type=float, default=2.0, help="normal noise, in photons")
    parser.add_argument("--run", nargs=3, metavar=("WAY", "LABELLED", "SEED"), help="one, in here")
    return parser.parse_args(arguments)


def is_there(way: str) -> bool:
    """Tell if the methods of a way are registered."""
    from imagej_dl.methods.registry import METHODS

    return all(name in METHODS for name in way.split(", "))


def plan(way: str, labelled: int, seed: int, options: argparse.Namespace) -> Record:
    """Return what makes a run the same as another."""
    return {
        "way": way,
        "labelled": labelled,
        "seed": seed,
        "photons": options.photons,
        "read": options.read,
        "minutes": None if options.steps else options.minutes,
        "steps_planned": options.steps,
        "settings": given(options.set),
    }


def key(record: Record) -> str:
    """Return what two lines of the same run have in common."""
    return json.dumps([record[n] for n in ("way", "labelled", "seed", *_SAME)], sort_keys=True)


def noisy_nuclei(part: str, number: int, options: argparse.Namespace) -> nuclei.Truths:
    """Return the noisy images of a folder, with their label maps."""
    noise = denoising_cases.camera(options)
    found = []
    for i, (image, labels) in enumerate(nuclei.truths(options.data / "nuclei" / part)):
        truth = denoising_cases.exposed(image.values, options.photons, 99.99)
        title = f"{part}-{i:02}.tif"
        found.append((denoising_cases.noisy_image(truth, noise, (number, i), title), labels))
    return found


def chosen(count: int, of: int, seed: int) -> list[int]:
    """Return which images are labelled; of a seed the more contain the fewer."""
    return sorted(np.random.default_rng((seed, 11)).permutation(of)[:count].tolist())


def measure(way: str, labelled: int, seed: int, options: argparse.Namespace) -> Record:
    """Train in one way, and score it."""
    from imagej_dl.prediction import predict

    record = plan(way, labelled, seed, options)
    record |= {"cores": nuclei.cores(), "load_before": nuclei.load()}
    everything = noisy_nuclei("train", 3, options)
    tests = noisy_nuclei("test", 4, options)
    which = chosen(labelled, len(everything), seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="denoiseg-") as name:
        work = Path(name)
        if way == "n2v2, border":
            pictures, tests, first = denoised(everything, tests, work / "n2v2", seed, options)
            record["steps_denoising"] = first
        else:
            pictures = everything
        few = [pictures[i] for i in which]
        if way == "denoiseg":
            others = [image for i, (image, _) in enumerate(pictures) if i not in which]
            bundle, steps = trained("denoiseg", few, work / "model", seed, options, others)
        else:
            bundle, steps = trained("border", few, work / "model", seed, options)
    record |= {"seconds": round(time.monotonic() - began, 1), "steps": steps}
    record["scores"] = nuclei.scores(
        tests, (predict(bundle, image).labels.data for image, _ in tests)
    )
    record["load_after"] = nuclei.load()
    print(json.dumps(record), flush=True)
    return record


def trained(
    kind: str,
    pairs: nuclei.Truths,
    out: Path,
    seed: int,
    options: argparse.Namespace,
    unlabelled: Sequence[xr.DataArray] = (),
) -> tuple[Any, int]:
    """Train a method; return the model, and its batches."""
    from imagej_dl import images
    from imagej_dl.methods.registry import METHODS
    from imagej_dl.progress import terminal
    from imagej_dl.training import train

    method = METHODS[kind]
    steps = method.defaults.get("steps", 50)
    settings: dict[str, Any] = {"minutes": options.minutes, "epochs": 10_000}
    if options.steps:
        settings = {"epochs": max(1, options.steps // steps)}
    settings |= {"steps": steps, "patience": 10_000, "test": 0.0, "seed": seed}
    source: Any = [image for image, _ in pairs]
    if method.learns_from == "labels":
        source = [(image, images.make(labels, "YX")) for image, labels in pairs]
        source += [(image, None) for image in unlabelled]
        settings |= given(options.set)
    bundle = train(source, out, progress=terminal(), kind=kind, **settings)
    return bundle, nuclei.steps_done(out, bundle.config.training["steps"])


def denoised(
    learnt: nuclei.Truths, tests: nuclei.Truths, out: Path, seed: int, options: argparse.Namespace
) -> tuple[nuclei.Truths, nuclei.Truths, int]:
    """Denoise all images with a network that learns from those of the training."""
    from imagej_dl.prediction import predict_image

    bundle, steps = trained("n2v2", learnt, out, seed, options)
    both = [
        [(predict_image(bundle, image), labels) for image, labels in part]
        for part in (learnt, tests)
    ]
    return both[0], both[1], steps


def table(records: list[Record]) -> str:
    """Return the lines as Markdown, a column of AP .5 for each number of labelled images."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[json.dumps([record[name] for name in _SAME])].append(record)
    return "\n\n".join(_table(group) for group in groups.values())


def _table(records: list[Record]) -> str:
    one = records[0]
    limit = f"{one['steps_planned']} batches" if one["steps_planned"] else f"{one['minutes']:g} min"
    text = f"{one['photons']:g} photons at the brightest, read noise {one['read']:g} photons; each "
    text += f"training {limit}; AP at IoU .5 on 12 images, mean (least … most) of the seeds; "
    text += f"{machine(records)}."
    if one["settings"]:
        text += f" Settings: {json.dumps(one['settings'])}."
    counts = sorted({record["labelled"] for record in records})
    heads = ["way", *(f"{count} labelled" for count in counts), "batches"]
    rows = [row(heads), row(["---"] * len(heads))]
    for way in dict.fromkeys(record["way"] for record in records):
        cells = [way]
        for count in counts:
            same = [r for r in records if (r["way"], r["labelled"]) == (way, count)]
            found = [r["scores"]["ap_0.5"] for r in same]
            cells.append(
                f"{statistics.fmean(found):.3f} ({min(found):.3f} … {max(found):.3f})"
                if found
                else ""
            )
        steps = [r["steps"] for r in records if r["way"] == way]
        rows.append(row([*cells, f"{statistics.fmean(steps):.0f}"]))
    return text + "\n\n" + "\n".join(rows)


if __name__ == "__main__":
    main()
