"""Denoising: the classical filters and our methods on the same noisy images.

    python bench/denoise.py --out /tmp/denoise.jsonl --case image --minutes 5
    python bench/denoise.py --out /tmp/denoise.jsonl --case movie --case movie-frame --seeds 0
    python bench/denoise.py --out /tmp/denoise.jsonl --case telomeres --telomeres FILE
    python bench/denoise.py --out /tmp/denoise.jsonl --case movie --method n2v2 \
        --set 'architecture="unet_n2v_frames"' --set frames=5
    python bench/denoise.py --out /tmp/denoise.jsonl --case pairs --photons 5 --read 0
    python bench/denoise.py --out /tmp/denoise.jsonl --case bsd68 --bsd FOLDER --steps 40000
    python bench/denoise.py --out /tmp/denoise.jsonl --table

Each run, a method on a case with a seed, is a process of its own and one JSON line of the file; one
that is there is not repeated, so the same command goes on after a stop. --method names one row of
the table, a classical one (classical.py, with BM3D's licence) or a method of ours; without it all
run that are there and suit the case. denoising_cases.py makes the images: noise is simulated on
images whose own noise is taken for truth. FILE is spotiflow/sample_data/images/
timelapse_telomeres_2d.tif in the wheel of spotiflow 0.6.5; FOLDER is a copy of cszn/DnCNN.

PSNR's peak is the range of the truth (BSD68: 255); SSIM is that of 2004 with a Gaussian window.
No file of these cases was stretched, so scores are of the intensities as they are;
--scale-invariant compares them after a fit a·x + b to the truth. Filters are told the noise: its
mean standard deviation, or with Anscombe gain, offset and read noise. Ours are not, but for methods
that take a noise model: theirs is measured on a calibration stack with the same noise.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import nuclei
import numpy as np
from classical import CLASSICAL
from denoising_cases import CASES, Case, calibration
from denoising_scores import scores
from runs import Record, add_arguments, done, given, machine, row, run_missing

_IMAGES = ("case", "photons", "read", "most", "scale_invariant")
_TRAINING = ("minutes", "steps_planned", "settings")
"""What rows of one table have in common; filters have no training."""


def main() -> None:
    options = parsed()
    if done(options, table, lambda case, method, s: measure(case, method, int(s), options)):
        return
    plans = []
    for case in options.case or [name for name in CASES if available(name, options)]:
        ours = our_methods(case)
        asked = options.method or [*CLASSICAL, *ours]
        if unknown := [name for name in asked if name not in CLASSICAL and name not in ours]:
            print(f"{case}: left out, not there or not for it: {', '.join(unknown)}", flush=True)
        for seed in options.seeds:
            for method in asked:
                if method in ours or (method in CLASSICAL and seed == options.seeds[0]):
                    at = seed if method in ours else 0  # filters have no seed
                    plans.append((plan(case, method, at, options), [case, method, str(at)]))
    raise SystemExit(not run_missing(options.out, plans, key))


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, minutes=5.0)
    data = nuclei.DATA.parent
    parser.add_argument("--data", type=Path, default=data, help="folder with nuclei and movie")
    parser.add_argument("--telomeres", type=Path, help="timelapse_telomeres_2d.tif")
    parser.add_argument("--bsd", type=Path, help="folder with BSD68 and Train400")
    parser.add_argument("--most", type=int, help="only so many images of each folder of BSD68")
    parser.add_argument("--case", action="append", choices=[*CASES], help="may be repeated")
    parser.add_argument("--method", action="append", help="only this one; may be repeated")
    parser.add_argument("--photons", type=float, default=20.0, help="of the brightest pixels")
    parser.add_argument("--read", type=float, default=2.0, help="normal noise, in photons")
    parser.add_argument("--scale-invariant", action="store_true", help="fit a·x + b to the truth")
    parser.add_argument("--run", nargs=3, metavar=("CASE", "METHOD", "SEED"), help="one, in here")
    return parser.parse_args(arguments)


def available(case: str, options: argparse.Namespace) -> bool:
    """Tell if the images of a case were given."""
    missing = {"telomeres": options.telomeres, "bsd68": options.bsd}
    return missing.get(case.removesuffix("-frame"), case) is not None


def our_methods(case: str) -> list[str]:
    """Return the methods that suit a case: those that learn from pairs only where there are any."""
    from imagej_dl.methods.registry import METHODS

    suited = ("itself", "image") if case == "pairs" else ("itself",)
    return [
        name
        for name, method in METHODS.items()
        if method.gives == "image" and method.learns_from in suited
    ]


def plan(case: str, method: str, seed: int, options: argparse.Namespace) -> Record:
    """Return what makes a run the same as another."""
    photographs = case == "bsd68"
    return {
        "case": case,
        "method": method,
        "seed": seed,
        "photons": None if photographs else options.photons,
        "read": None if photographs else options.read,
        "most": options.most if photographs else None,
        "scale_invariant": options.scale_invariant,
        "minutes": None if options.steps or method in CLASSICAL else options.minutes,
        "steps_planned": None if method in CLASSICAL else options.steps,
        "settings": {} if method in CLASSICAL else given(options.set),
    }


def key(record: Record) -> str:
    """Return what two lines of the same run have in common."""
    return json.dumps([record[n] for n in ("method", "seed", *_IMAGES, *_TRAINING)], sort_keys=True)


def measure(case: str, method: str, seed: int, options: argparse.Namespace) -> Record:
    """Denoise the images of a case with one method, and score it."""
    images = CASES[case](options)
    record = plan(case, method, seed, options)
    record |= {"words": images.words, "noise": images.noise.words()}
    record |= {"cores": nuclei.cores(), "load_before": nuclei.load()}
    began = time.monotonic()
    work = filtered if method in CLASSICAL else learnt
    found, more = work(images, method, seed, options)
    record |= {"seconds": round(time.monotonic() - began, 1), **more}
    record["load_after"] = nuclei.load()
    each = [
        scores(truth, denoised, images.peak, options.scale_invariant)
        for truth, denoised in zip(images.truth, found, strict=True)
    ]
    record["images"] = len(each)
    record["scores"] = {n: round(statistics.fmean(s[n] for s in each), 4) for n in each[0]}
    print(json.dumps(record), flush=True)
    return record


def filtered(images: Case, method: str, seed: int, options: argparse.Namespace) -> Any:
    """Return the images of a classical method, and what it was told."""
    made = [
        CLASSICAL[method](noisy.values.astype(np.float64), images.noise, truth)
        for noisy, truth in zip(images.noisy, images.truth, strict=True)
    ]
    told = {name: [more[name] for _, more in made] for name in made[0][1]}
    return [image for image, _ in made], {"steps": None, "with": told}


def learnt(images: Case, method: str, seed: int, options: argparse.Namespace) -> Any:
    """Return the images of a method of ours, and how it was trained."""
    from imagej_dl.methods.registry import METHODS
    from imagej_dl.prediction import predict_image
    from imagej_dl.progress import terminal
    from imagej_dl.training import train

    source: Any = images.learnt
    if METHODS[method].learns_from == "image":
        targets = images.agains if method == "noise2noise" else images.cleans
        source = list(zip(images.learnt, targets, strict=True))
    settings = {"steps": METHODS[method].defaults.get("steps", 50)} | given(options.set)
    settings = {"test": 0.0, "seed": seed, "patience": 10_000} | settings
    if options.steps:
        settings["epochs"] = max(1, options.steps // settings["steps"])
    else:
        settings |= {"minutes": options.minutes, "epochs": 10_000}
    if "noise_model" in METHODS[method].model_fields:
        from imagej_dl import noise

        known = noise.fit(noise.of_frames(calibration(images.noise, images.truth)))
        own = {"noise_model": known.model_dump(mode="json")}
        settings["method_settings"] = own | settings.get("method_settings", {})
    with tempfile.TemporaryDirectory(prefix="denoise-") as name:
        out = Path(name) / "model"
        began = time.monotonic()
        bundle = train(source, out, progress=terminal(), kind=method, **settings)
        trained = round(time.monotonic() - began, 1)
        metrics = json.loads((out / "metrics.json").read_text())
        steps = bundle.config.training["steps"]
        more = {
            "train_seconds": trained,
            "steps": nuclei.steps_done(out, steps),
            "best_step": metrics["best_epoch"] * steps,
            "batch": bundle.config.training["batch"],
            "with": metrics.get("denoising", {}),
        }
    if bundle.config.frames > 1:
        assert images.frame is not None, "a movie was learnt from"
        return [predict_image(bundle, images.learnt[0]).values[images.frame]], more
    return [predict_image(bundle, noisy).values for noisy in images.noisy], more


def table(records: list[Record]) -> str:
    """Return the lines as Markdown, a table for each kind of images and of training."""
    filters: dict[str, list[Record]] = defaultdict(list)
    trained: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        images = json.dumps([record[name] for name in _IMAGES])
        if record["method"] in CLASSICAL:
            filters[images].append(record)
        else:
            trained[images][json.dumps([record[name] for name in _TRAINING])].append(record)
    return "\n\n".join(
        _table([*filters[images], *group])
        for images in dict.fromkeys([*filters, *trained])
        for group in [*trained[images].values()] or [[]]
    )


def _table(records: list[Record]) -> str:
    one = records[-1]
    text = [f"{one['words']}; {one['noise']}; {machine(records)}."]
    if one["photons"]:
        text.append(f"{one['photons']:g} photons at the brightest.")
    if one["scale_invariant"]:
        text.append("Scores are scale-invariant.")
    if one["steps_planned"] or one["minutes"]:
        limit = f"{one['steps_planned']} batches" if one["steps_planned"] else None
        text.append(f"Trained for {limit or format(one['minutes'], 'g') + ' min'}.")
    if one["settings"]:
        text.append(f"Settings: {json.dumps(one['settings'])}.")
    heads = ["method", "seeds", "batches", "PSNR", "from … to", "SSIM", "seconds"]
    rows = [row(heads), row(["---"] * len(heads))]
    for method in dict.fromkeys(record["method"] for record in records):
        mine = [record for record in records if record["method"] == method]
        psnr = [record["scores"]["psnr"] for record in mine]
        steps = [record["steps"] for record in mine]
        rows.append(
            row(
                [
                    _name(mine[0]),
                    "" if method in CLASSICAL else len(mine),
                    "" if method in CLASSICAL else f"{statistics.fmean(steps):.0f}",
                    f"{statistics.fmean(psnr):.2f}",
                    "" if len(mine) == 1 else f"{min(psnr):.2f} … {max(psnr):.2f}",
                    f"{statistics.fmean(r['scores']['ssim'] for r in mine):.3f}",
                    f"{statistics.fmean(r['seconds'] for r in mine):.0f}",
                ]
            )
        )
    return " ".join(text) + "\n\n" + "\n".join(rows)


def _name(record: Record) -> str:
    widths = sorted(set(record["with"].get("width", [])))
    ends = " … ".join(f"{width:g}" for width in dict.fromkeys(widths[:1] + widths[-1:]))
    return f"{record['method']} ({ends} px)" if widths else record["method"]


if __name__ == "__main__":
    main()
