"""What a model that was trained on one movie finds in the next: dimmer, brighter, denser, larger.

    python bench/other_movies.py --out /tmp/other.jsonl --steps 800 [--pair dim] [--ctc FOLDER]
    python bench/other_movies.py --out /tmp/other.jsonl --table

Each run, a pair of movies, a seed and a share of patches under other imaging conditions
(--imaging), is a process of its own and one JSON line of the file; one that is there is not
repeated, so the same command goes on after a stop. A run trains on the first movie of its pair
alone and predicts and tracks the others as the commands do by default; nothing of these takes part
in the training.

Pairs: `simulated` (SNR 6 to 2), `brighter` (SNR 2 to 6), `real` (shared/data/movie to movie-dense,
whose nuclei are cut from photographs), and, with --ctc, `sim+` (the first half of sequence 01 of
Fluo-N2DH-SIM+ to its last frames, dimmed, all binned 2×2, for measuring only). SNR is the median
contrast of the objects over the noise of the background, without its unevenness.
--validation-seeds simulates other movies than those reported, for decisions on settings.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import nuclei
import numpy as np
from numpy.typing import NDArray
from runs import add_arguments, done, given, machine, row, run_missing

EPOCH = 50
"""Batches between two validations."""
EXPOSURES = {6: 0.11, 2: 0.034}
"""Of `simulation.movie`, by the SNR of what it gives."""
COLUMNS = ("DET", "TRA", "SEG", "AP .5")
PAIRS = ("simulated", "brighter", "real", "sim+")
_SAME = ("pair", "imaging", "seed", "validation_seeds", "steps_planned", "settings")
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Movie:
    """A movie (T, Y, X) with its ground truth: tracks as (T, Y, X) and rows, and masks by frame."""

    pixels: NDArray
    tracks: NDArray
    rows: NDArray
    masks: dict[int, NDArray]

    def frames(self, begin: int, end: int) -> Movie:
        from imagej_dl.ctc import CtcFolder, GroundTruth

        cut = GroundTruth(CtcFolder(self.tracks, self.rows), self.masks).cut(begin, end)
        found = cut.tracks
        return Movie(self.pixels[begin:end], found.masks, found.tracks, cut.segmentation)

    def dimmed(self, snr: float, seed: int) -> Movie:
        """Return the movie with so little light that the SNR is this one."""
        rng = np.random.default_rng(seed)
        values = self.pixels.astype(np.float64)
        # Dark frames of some cameras are cut off at 0; where it lies is unimportant below.
        inside = np.stack([self.tracks[t] > 0 for t in range(len(values))])
        ground = float(np.median(values[~inside]))
        contrast = float(np.median(values[inside])) - ground
        light = np.clip((values - ground) / contrast, 0, None)
        # Photons of the contrast and variance of the background as in the simulated movies; half of
        # it is read noise.
        contrast_photons, variance = 3.5 * snr, 3.5**2
        exposed = rng.poisson(light * contrast_photons + variance / 2)
        read = rng.normal(0, np.sqrt(variance / 2), values.shape)
        taken = 20 * (exposed + read) + 1000
        pixels = np.clip(np.rint(taken), 0, 65535).astype(np.uint16)
        return Movie(pixels, self.tracks, self.rows, self.masks)


def simulated(snr: int, seed: int, **how: Any) -> Movie:
    from imagej_dl import simulation

    options = {"frames": 16, "size": (256, 256), "cells": 20, "motion": simulation.LIVELY} | how
    made = simulation.movie(seed=seed, exposure=EXPOSURES[snr], **options)
    masks = made.labels.values
    return Movie(made.image.values, masks, made.lineage, dict(enumerate(masks)))


def of_folder(folder: Path) -> Movie:
    from imagej_dl import ctc, images

    truth = ctc.read_truth(folder / "truth")
    pixels = images.read(folder / "movie.tif").values
    return Movie(pixels, truth.tracks.masks, truth.tracks.tracks, truth.segmentation)


def of_challenge(folder: Path, frames: int) -> Movie:
    """Return the first frames of sequence 01, binned 2×2; masks take each second pixel."""
    from imagej_dl import ctc, images

    truth = ctc.read_truth(folder / "01_GT").cut(0, frames)
    files = sorted((folder / "01").glob("t*.tif"))[:frames]
    pixels = np.stack([images.read(file).values for file in files]).astype(np.float64)
    height, width = (size // 2 * 2 for size in pixels.shape[1:])
    pixels = pixels[:, :height, :width]
    binned = sum(pixels[:, a::2, b::2] for a in (0, 1) for b in (0, 1))
    part = (slice(0, height, 2), slice(0, width, 2))
    masks = {
        number: np.ascontiguousarray(mask[part]) for number, mask in truth.segmentation.items()
    }
    tracks = np.ascontiguousarray(truth.tracks.masks[(slice(None), *part)])
    return Movie(np.rint(binned).astype(np.uint16), tracks, truth.tracks.tracks, masks)


def movies(pair: str, seed: int, options: argparse.Namespace) -> Iterator[tuple[str, Movie]]:
    """Yield the movie that is trained on, then the others, with what they are."""
    first = (1000 if options.validation_seeds else 0) + 10 * seed
    if pair in ("simulated", "brighter"):
        here, there = (6, 2) if pair == "simulated" else (2, 6)
        yield f"SNR {here}", simulated(here, first + 1)
        yield f"SNR {here}, another movie", simulated(here, first + 2)
        yield f"SNR {there}", simulated(there, first + 3)
        yield f"SNR {there}, twice as many", simulated(there, first + 4, cells=40)
        yield f"SNR {there}, 1.4 times as large", simulated(there, first + 5, radii=(10.0, 16.0))
    elif pair == "real":
        movie, dense = (of_folder(_SHARED / name) for name in ("movie", "movie-dense"))
        yield "movie", movie
        dense = dense.frames(0, 16)
        yield "movie-dense", dense
        yield "movie-dense at SNR 6", dense.dimmed(6, first)
        yield "movie-dense at SNR 2", dense.dimmed(2, first)
    else:
        whole = of_challenge(options.ctc / "Fluo-N2DH-SIM+", 65)
        yield "SIM+, frames 0 to 31", whole.frames(0, 32)
        later = whole.frames(49, 65)
        yield "SIM+, frames 49 to 64", later
        yield "SIM+, frames 49 to 64 at SNR 6", later.dimmed(6, first)
        yield "SIM+, frames 49 to 64 at SNR 2", later.dimmed(2, first)


def main() -> None:
    options = parsed()
    if done(options, table, lambda p, share, s: measure(p, float(share), int(s), options)):
        return
    wanted = [
        (plan(pair, share, seed, options), [pair, str(share), str(seed)])
        for seed in options.seeds
        for pair in options.pair or [p for p in PAIRS if p != "sim+" or options.ctc]
        for share in options.imaging
    ]
    sys.exit(not run_missing(options.out, wanted, key))


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, minutes=4.0)
    parser.add_argument("--pair", action="append", choices=PAIRS, help="may be repeated")
    parser.add_argument(
        "--imaging", type=shares, default=[0.0, 0.5], metavar="S,S…", help="shares of patches"
    )
    parser.add_argument("--ctc", type=Path, help="folder of the challenge's training sets")
    parser.add_argument("--validation-seeds", action="store_true", help="movies for decisions")
    parser.add_argument("--run", nargs=3, metavar=("PAIR", "SHARE", "SEED"), help="one, in here")
    return parser.parse_args(arguments)


def shares(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def plan(pair: str, imaging: float, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return what makes a run the same as another."""
    return {
        "pair": pair,
        "imaging": imaging,
        "seed": seed,
        "validation_seeds": options.validation_seeds,
        "steps_planned": options.steps,
        "settings": given(options.set),
    }


def key(record: dict[str, Any]) -> str:
    """Return what two lines of the same run have in common."""
    return json.dumps([record[name] for name in _SAME], sort_keys=True)


def measure(pair: str, imaging: float, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train on the first movie of a pair, and score the others."""
    from imagej_dl import images
    from imagej_dl.errors import DataWarning
    from imagej_dl.training import train

    warnings.simplefilter("ignore", DataWarning)
    record = plan(pair, imaging, seed, options)
    record |= {"cores": nuclei.cores(), "load_before": nuclei.load()}
    found = movies(pair, seed, options)
    name, first = next(found)
    record["trained_on"] = name
    limits: dict[str, Any] = {"minutes": options.minutes, "epochs": 10_000}
    if options.steps:
        limits = {"epochs": options.steps // EPOCH}
    settings = {"steps": EPOCH, "patience": 10_000, "imaging": imaging} | limits
    with tempfile.TemporaryDirectory(prefix="other-movies-") as folder:
        out = Path(folder) / "model"
        labels = np.zeros(first.tracks.shape, first.tracks.dtype)
        drawn = sorted(first.masks)
        for number in drawn:
            labels[number] = first.masks[number]
        pixels = images.make(first.pixels[drawn], "TYX", title=f"{name}.tif")
        began, clock = time.process_time(), time.monotonic()
        bundle = train(
            [(pixels, images.make(labels[drawn], "TYX", title=f"{name}.tif"))],
            out,
            watch=lambda e: print(f"{e.epoch} {e.loss:.4f} {e.val_loss:.4f}", flush=True),
            seed=seed,
            test=0.0,
            **settings | record["settings"],
        )
        record["processor_seconds"] = round(time.process_time() - began, 1)
        record["seconds"] = round(time.monotonic() - clock, 1)
        record["steps"] = nuclei.steps_done(out, EPOCH)
        metrics = json.loads((out / "metrics.json").read_text())
    record["validation"] = {n: metrics["validation"].get(n) for n in ("ap_0.5", "val_loss")}
    record["best_step"] = metrics["best_epoch"] * EPOCH
    record["scores"] = {name: scored(bundle, movie) for name, movie in found}
    record["load_after"] = nuclei.load()
    print(json.dumps(record), flush=True)
    return record


def scored(bundle: Any, movie: Movie) -> dict[str, float]:
    """Predict and track a movie, and score both."""
    from imagej_dl import ctc, images, tracking
    from imagej_dl.ctc import CtcFolder, GroundTruth
    from imagej_dl.evaluation import ctc_metrics, match, total
    from imagej_dl.prediction import predict

    labels = predict(bundle, images.make(movie.pixels, "TYX")).labels
    truth = GroundTruth(CtcFolder(movie.tracks, movie.rows), movie.masks)
    pairs = [match(mask, labels.values[t], (0.5,)) for t, mask in movie.masks.items()]
    values: dict[str, float] = {"AP .5": total(pairs)[0].average_precision}
    if labels.values.any():
        found = ctc_metrics.score(ctc.layout(tracking.track(labels)), truth)
        values |= {name: float(found[name]) for name in ("DET", "TRA", "SEG")}
    else:
        values |= dict.fromkeys(("DET", "TRA", "SEG"), 0.0)
    return {name: round(value, 4) for name, value in values.items()}


def table(records: list[dict[str, Any]]) -> str:
    """Return the lines as Markdown: a row a movie, without and with, the mean over the seeds."""
    text = []
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    common = [name for name in _SAME if name not in ("imaging", "seed")]
    for record in records:
        groups[json.dumps([record[n] for n in common])].append(record)
    for group in groups.values():
        one = group[0]
        seeds = sorted({record["seed"] for record in group})
        text.append(
            f"Trained on {one['trained_on']} for {one['steps']} batches, seeds "
            f"{', '.join(map(str, seeds))}; {machine(group)}."
            + (f" Settings: {json.dumps(one['settings'])}." if one["settings"] else "")
            + (" Movies for decisions." if one["validation_seeds"] else "")
        )
        text += ["", *_rows(group), ""]
    return "\n".join(text)


def _rows(group: list[dict[str, Any]]) -> list[str]:
    parts = sorted({record["imaging"] for record in group})
    heads = [", ".join(COLUMNS), *(f"imaging {share:g}" for share in parts)]
    rows = [row(heads), row(["---"] * len(heads))]
    for movie in group[0]["scores"]:
        cells = [movie]
        for share in parts:
            mine = [record["scores"][movie] for record in group if record["imaging"] == share]
            cells.append(", ".join(_mean(mine, column) for column in COLUMNS))
        rows.append(row(cells))
    return rows


def _mean(scores: list[dict[str, float]], column: str) -> str:
    return f"{fmean(one[column] for one in scores):.3f}"


if __name__ == "__main__":
    main()
