"""How good tracking is on the two movies: Cell Tracking Challenge scores of engines and settings.

    python bench/movies.py --out FOLDER [--model MODEL] [--movie movie --source detections]

Tracks `detections.tif` (tracking alone) and, with a model, what it predicts of `movie.tif` (the
whole chain), and prints a table in Markdown. Each row is kept in the folder when it is done: the
same call goes on. What is tuned is tuned on the first 70 % of the frames for TRA; the last column
is of the other frames, tracked by themselves. Engines that are not here are left out.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from imagej_dl import ctc, images, tracking
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.evaluation import ctc_metrics as scores
from imagej_dl.evaluation import movie_parts, tuning, tuning_space
from imagej_dl.tracking.settings import TrackerSettings, default
from imagej_dl.tracking.trackers import registry

HELD_OUT = 0.3
MOVIES = ("movie", "movie-dense")
SOURCES = ("detections", "chain")
COLUMNS = ("SEG", "DET", "TRA", "LNK", "divisions", "TRA, last 30 %")


@dataclass(frozen=True)
class Row:
    """An engine, what is done beside it, and trials of a tuning (0: not tuned)."""

    engine: str
    options: tuple[str, ...] = ()
    trials: int = 0

    @property
    def name(self) -> str:
        return ", ".join([self.engine, *["tuned"] * bool(self.trials), *self.options])


FILL, PAINT, CUT = "--fill-gaps", "--ctc-gaps fill", "--split-fused"


def rows(trials: dict[str, int]) -> Iterator[Row]:
    for tuned in (0, trials["embedded"]):
        for options in ((), (FILL,), (PAINT,), (CUT,), (CUT, PAINT)):
            yield Row("embedded", options, tuned)
    for name in ("motile", "btrack"):
        try:
            registry.foreign()[name].program.version()
        except UserError as error:
            print(f"without {name}: {error}")
            continue
        for tuned in (0, trials[name]):
            for options in ((), (CUT, PAINT)):
                yield Row(name, options, tuned)


def labels_of(movie: str, source: str, options: argparse.Namespace) -> xr.DataArray:
    folder = options.data / movie
    if source == "detections":
        return tracking.as_movie(images.read(folder / "detections.tif"))
    path = options.out / f"{movie}-predicted.tif"
    if not path.exists():
        from imagej_dl.models import load
        from imagej_dl.prediction import predict

        found = predict(load(options.model), images.read(folder / "movie.tif"))
        images.write(found.labels, path)
    return tracking.as_movie(images.read(path))


def tuned(labels: xr.DataArray, truth: ctc.GroundTruth, row: Row, folder: Path) -> TrackerSettings:
    """Tune an engine's settings for TRA; what is done before tracking is done in each trial."""
    tracker = default(row.engine).tracker
    radius = float(tracking.find_spots(labels)[0]["radius"].median())
    before = {"fill_gaps": [FILL in row.options], "split_fused": [CUT in row.options]}
    found = tuning.tune(
        labels,
        truth,
        folder,
        tracker,
        trials=row.trials,
        space={**tuning_space.of(tracker, radius), **before},
        resume=(folder / "trials.log").exists(),
        held_out=HELD_OUT,
        gaps="fill" if PAINT in row.options else "cut",
    )
    return found.settings


def scored(
    labels: xr.DataArray, truth: ctc.GroundTruth, chosen: TrackerSettings, row: Row
) -> dict[str, Any]:
    tracks = tracking.track(labels, settings=chosen, engine=row.engine)  # type: ignore[arg-type]
    return scores.score(ctc.layout(tracks, "fill" if PAINT in row.options else "cut"), truth)


def measure(movie: str, source: str, row: Row, options: argparse.Namespace) -> dict[str, Any]:
    labels = labels_of(movie, source, options)
    truth = ctc.read_truth(options.data / movie / "truth")
    chosen = default(row.engine)
    chosen = chosen.filling_gaps() if FILL in row.options else chosen
    chosen = chosen.splitting_fused() if CUT in row.options else chosen
    if row.trials:
        done = "-filled" * (FILL in row.options) + "-cut" * (CUT in row.options)
        done += "-painted" * (PAINT in row.options)
        folder = options.out / f"tuning-{movie}-{source}-{row.engine}{done}"
        chosen = tuned(labels, truth, row, folder)
    whole = scored(labels, truth, chosen, row)
    _, last = movie_parts.split(labels, truth, HELD_OUT)
    assert last is not None
    rest = scored(*last, chosen, row)
    divisions = [whole[key] for key in ("tp_div(1)", "gt_divisions", "fp_div(1)")]
    found = {key: whole[key] for key in COLUMNS[:4]}
    return {**found, "divisions": divisions, COLUMNS[-1]: rest["TRA"], "trials": row.trials}


def table(kept: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"| | {' | '.join(COLUMNS)} |".replace("divisions", "divisions found / true / false"),
        "| --- " * (len(COLUMNS) + 1) + "|",
    ]
    heading = ""
    for key, found in kept.items():
        movie, source, name = key.split("/")
        if f"{movie}, {source}" != heading:
            heading = f"{movie}, {source}"
            lines.append(f"| **{heading}**" + " |" * (len(COLUMNS) + 1))
        values = [found[column] for column in COLUMNS]
        cells = (
            " / ".join(map(str, value)) if isinstance(value, list) else f"{value:.3f}"
            for value in values
        )
        trials = f" ({found['trials']} trials)" if found["trials"] else ""
        lines.append(f"| {name}{trials} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--model", type=Path, help="for the whole chain; without it that is left out"
    )
    parser.add_argument("--movie", choices=MOVIES)
    parser.add_argument("--source", choices=SOURCES)
    parser.add_argument("--rows", default="", help="only rows whose names begin so")
    parser.add_argument("--trials", default="embedded=40,motile=20,btrack=40")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    trials = {
        name: int(number) for name, number in (p.split("=") for p in options.trials.split(","))
    }
    warnings.simplefilter("ignore", DataWarning)
    every = list(rows(trials))
    kept: dict[str, dict[str, Any]] = {}
    for movie in MOVIES:
        for source in SOURCES if options.model else SOURCES[:1]:
            for row in every:
                path = options.out / f"row-{movie}-{source}-{row.name.replace(' ', '')}.json"
                asked = options.movie in (None, movie) and options.source in (None, source)
                if not path.exists() and asked and row.name.startswith(options.rows):
                    path.write_text(json.dumps(measure(movie, source, row, options)))
                    print(f"{movie}, {source}, {row.name}: {path.read_text()}", flush=True)
                if path.exists():
                    kept[f"{movie}/{source}/{row.name}"] = json.loads(path.read_text())
    print(table(kept))


if __name__ == "__main__":
    main()
