"""Whether what `tune-tracking` finds on one movie holds on the next one.

    python bench/tuned_tracking.py --out /tmp/tuned.jsonl [--ctc FOLDER] [--pair movie]
    python bench/tuned_tracking.py --out /tmp/tuned.jsonl --table

Each run, a pair of movies and a tracker, is a process of its own and one JSON line of the file;
one that is there is not repeated, so the same command goes on after a stop. A run tunes on the
first movie as the command does by default (for TRA, the last 30 % of its frames held out), and
scores the second one under what the trials found best, under what the command keeps, and under the
defaults: AUTO's, TrackMate's LAP (15 px, with splitting), and LAP with distances by the objects'
size. Times are processor times of the tuning alone.

Pairs: `simulated` (two seeds), `missing` (the same, one object in twenty left out), `movie` and
`dense` (detections of shared/data/movie to those of movie-dense, and back), and, with --ctc, `sim+`
and `gowt1`: the first half of sequence 01 to the second half (Fluo-N2DH-SIM+/01_GT in that folder;
for measuring only). Of simulated movies and of --ctc the true masks are given, their ids shuffled
in each frame.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import runs
import xarray as xr
from links import scrambled

from imagej_dl import ctc, images, simulation, tracking
from imagej_dl.errors import DataWarning
from imagej_dl.evaluation import tuning
from imagej_dl.evaluation.tuning_space import BEFORE
from imagej_dl.evaluation.tuning_trials import Trials

Part = tuple[xr.DataArray, ctc.GroundTruth]
"""A label movie and its ground truth."""

OBJECTIVE = "TRA"
SIMULATED = {"simulated": 0.0, "missing": 0.05}
"""Share of the objects that are left out."""
SEQUENCES = {"sim+": "Fluo-N2DH-SIM+", "gowt1": "Fluo-N2DH-GOWT1"}
MOVIES = {"movie": ("movie", "movie-dense"), "dense": ("movie-dense", "movie")}
TRACKERS = ("SPARSE_LAP_TRACKER", "AUTO")
SHOWN = ("best", "kept", "defaults", "by size", "AUTO")
_SEEDS = (11, 12)
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def detected(truth: ctc.GroundTruth, seed: int, missed: float = 0.0) -> Part:
    """Return true masks as a segmentation may give them: other ids, a share of them missed."""
    rng = np.random.default_rng(seed)
    labels = scrambled(truth.tracks.masks, seed)
    masks = np.array(labels)
    for frame in masks if missed else ():
        ids = np.unique(frame[frame > 0])
        frame[np.isin(frame, ids[rng.random(len(ids)) < missed])] = 0
    return images.with_data(labels, masks), truth


def pair(name: str, folder: str) -> tuple[Part, Part]:
    """Return the movie that is tuned on, and the next one."""
    if name in SIMULATED:
        first, second = (_simulated(seed, SIMULATED[name]) for seed in _SEEDS)
    elif name in MOVIES:
        first, second = (_real(_SHARED / movie) for movie in MOVIES[name])
    else:
        whole = ctc.read_truth(Path(folder) / SEQUENCES[name] / "01_GT")
        frames = len(whole.tracks.masks)
        halves = ((0, frames // 2), (frames // 2, frames))
        first, second = (detected(whole.cut(*part), seed) for seed, part in enumerate(halves))
    return first, second


def _simulated(seed: int, missed: float) -> Part:
    found = simulation.movie(40, (384, 384), 40, seed=seed, motion=simulation.LIVELY)
    masks = np.asarray(found.labels)
    return detected(ctc.GroundTruth(ctc.CtcFolder(masks, found.lineage), {}), seed, missed)


def _real(folder: Path) -> Part:
    return images.read_labels(folder / "detections.tif"), ctc.read_truth(folder / "truth")


def run(name: str, tracker: str, trials: str, folder: str) -> runs.Record:
    warnings.simplefilter("ignore", DataWarning)
    (labels, truth), (others, unseen) = pair(name, folder)
    record: runs.Record = {
        "pair": name,
        "tracker": tracker,
        "trials": int(trials),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
    }
    with tempfile.TemporaryDirectory() as out:
        begin, clock = time.process_time(), time.monotonic()
        tuned = tuning.tune(labels, truth, out, tracker, OBJECTIVE, int(trials))
        record["processor_s"] = round(time.process_time() - begin, 1)
        record["clock_s"] = round(time.monotonic() - clock, 1)
    record["load_after"] = round(os.getloadavg()[0], 2)
    assert tuned.held is not None
    assert tuned.found is not None
    record["keeps_defaults"] = tuned.keeps_defaults
    chosen_settings = tuned.found.to_json()
    record["settings"] = chosen_settings["settings"]
    record |= {key: chosen_settings.get(key, False) for key in BEFORE}
    record["tuned_on"] = {"best": _scores(tuned.best), "defaults": _scores(tuned.default)}
    record["held_out"] = {
        "best": _scores(tuned.held.best),
        "defaults": _scores(tuned.held.default),
        "AUTO": _scores(tuned.held.auto) if tuned.held.auto else None,
    }
    defaults = tracking.default_settings()
    by_size = tracking.fitted_settings(defaults, tracking.measured_distance(others))
    chosen = {
        "best": tuned.found,
        "kept": tuned.settings,
        "defaults": defaults,
        "by size": by_size,
        "AUTO": tracking.default_settings("auto"),
    }
    judge = Trials(others, unseen, OBJECTIVE, "cut")
    record["next"] = {key: _scores(judge.score(chosen[key])) for key in SHOWN}
    print(json.dumps(record), flush=True)
    return record


def _scores(found: dict[str, Any]) -> list[Any]:
    """Return TRA and LNK, and divisions found, true and false."""
    divisions = [found.get(key, 0) for key in ("tp_div(1)", "gt_divisions", "fp_div(1)")]
    return [*(round(float(found[key]), 4) for key in ("TRA", "LNK")), *divisions]


def table(records: list[runs.Record]) -> str:
    """Return the lines as Markdown: a row a run, TRA and LNK; divisions found / true / false."""
    heads = "pair, tracker", "held out: tuned", "defaults", "next: tuned", "kept"
    heads += "LAP, 15", "LAP, by size", "AUTO", "processor time"
    rows = [runs.row(heads), runs.row(["---"] * len(heads))]
    for record in records:
        held, after = record["held_out"], record["next"]
        cells = [held["best"], held["defaults"], *(after[key] for key in SHOWN)]
        texts = [f"{one[0]:.4f}, {one[1]:.4f}; {one[2]}/{one[3]}/{one[4]}" for one in cells]
        name = f"{record['pair']}, {record['tracker']}"
        rows.append(runs.row([name, *texts, f"{record['processor_s']:.0f} s"]))
    return "\n".join([*rows, "", runs.machine(records)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines, appended to")
    parser.add_argument("--pair", action="append", help="only this one; may be repeated")
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--ctc", default="", help="folder of Cell Tracking Challenge training sets")
    parser.add_argument("--table", action="store_true", help="print the file as Markdown")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if runs.done(options, table, run):
        return
    names = options.pair or [*SIMULATED, *MOVIES, *(SEQUENCES if options.ctc else ())]
    plans = [
        (
            {"pair": name, "tracker": tracker, "trials": options.trials},
            [name, tracker, str(options.trials), options.ctc],
        )
        for name in names
        for tracker in TRACKERS
    ]
    same = ("pair", "tracker", "trials")
    if not runs.run_missing(options.out, plans, lambda r: str([r[key] for key in same])):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
