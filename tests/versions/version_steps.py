"""What a later version does with the artefacts of an earlier one, each step a command line.

Each function works in a folder that holds one kind of artefact, writes what comes of it into the
folder `found` there, and is called twice: by make.py, which keeps `found` as what must come of it,
and by the test, which compares. Only commands and public names are used here, since these stay.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from imagej_dl import models
from imagej_dl.cli import cli

FOUND = Path("found")

SHORT_SEARCH = (
    "search data --out search --folds 2 --trial-epochs 1 --steps 3 --patch 32 "
    "--space space.json --no-final"
)
TUNING = "tune-tracking labels.tif --truth 01_GT --out tuning --space space.json --held-out 0"


def command(line: str) -> str:
    """Run a command line, and return what it says; its errors are raised."""
    result = CliRunner().invoke(cli, line.split(), standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


@contextlib.contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Work in a folder, with the settings that are kept in its `home`.

    Paths are relative this way, so that no artefact holds one of the machine that made it.
    """
    kept = os.environ.get("IMAGEJ_DL_HOME")
    os.environ["IMAGEJ_DL_HOME"] = str(folder.resolve() / "home")
    try:
        with contextlib.chdir(folder):
            FOUND.mkdir()
            yield
    finally:
        os.environ.pop("IMAGEJ_DL_HOME")
        if kept is not None:
            os.environ["IMAGEJ_DL_HOME"] = kept


class Task:
    """Stands for Appose's task, which hears of progress; it is never cancelled."""

    cancel_requested = False
    _worker = None

    def update(self, *_: object, **__: object) -> None:
        pass


def predictions() -> None:
    """Predict with each model folder, and with a Fluffy model."""
    for model in sorted(Path("models").iterdir()):
        image = "movie" if "lstm" in model.stem else "plane"
        command(f"predict {model} {image}.tif --out found/{model.stem} --probabilities")
        if model.is_dir():
            models.load(model, verify=True)


def settings() -> None:
    """Read the preferences, and what dialogs were given before."""
    from imagej_dl import worker

    values = worker.holding("settings")["values"]
    _write("settings.json", values | {"remembered": worker.commands()["remembered"]})


def resumed_training() -> None:
    """Go on with a training that was killed."""
    epochs = _epoch(Path("stopped")) + 3
    command(f"train data --out stopped --resume --epochs {epochs}")
    _keep_training(Path("stopped"), "stopped")


def project() -> None:
    """Turn ROIs into label maps, and take the next image."""
    from imagej_dl import worker

    _write("worker.json", worker.run(Task(), "annotate", {"project": "project"}))
    command("prepare project")
    command("labels project --overwrite")
    listed = sorted(p.as_posix() for p in Path("project").rglob("*") if p.is_file())
    _write("files.json", listed)
    shutil.copytree("project/Processed/masks", FOUND / "masks")
    for overlap in ("first", "smallest"):
        command(
            f"labels drawn.tif drawn_RoiSet.zip --out found/{overlap}.tif --lines-as-areas "
            f"--overlap {overlap}"
        )
    command("rois project/Processed/masks/a.tif --out found/traced_RoiSet.zip")


def correction() -> None:
    """Go on with a retraining that was killed, then propose on the next image."""
    epochs = _epoch(Path("project/Corrections/models/round_1")) + 2
    command(f"correct project --step retrain --epochs {epochs} --accept")
    _keep_training(Path("project/Corrections/models/round_1"), "round_1")
    command("correct project --step next")
    for path in sorted(Path("project/Corrections").glob("*/proposed.tif")):
        (FOUND / path.parent.name).mkdir()
        shutil.copy(path, FOUND / path.parent.name)
    state = Path("project/Corrections/state.json").read_text(encoding="utf-8")
    # Times of files, and digests of models, in which a file's time and the version are.
    state = re.sub(r"\b1\d{18}\b", "0", state)
    state = re.sub(r'"model": "[0-9a-f]{16}"', '"model": ""', state)
    _write("state.json", json.loads(state))


def search() -> None:
    """Go on with a search."""
    command(f"{SHORT_SEARCH} --trials 2")
    for name in ("trials.csv", "best.json"):
        shutil.copy(Path("search") / name, FOUND)


def tuning() -> None:
    """Go on with the tuning of a tracker's settings."""
    command(f"{TUNING} --trials 6 --resume")
    for name in ("trials.csv", "best.json", "report.json"):
        shutil.copy(Path("tuning") / name, FOUND)


def tracks() -> None:
    """Track again by the settings files that were written, and read the tracks."""
    for folder in sorted(Path("tracks").iterdir()):
        name = folder.name
        again = f"track labels.tif --engine auto --settings tracks/{name}/settings.json"
        geff = " --geff" if (folder / "tracks.geff").is_dir() else ""
        command(f"{again} --image image.tif --out found/{name}{geff}")
        command(f"corrections tracks/{name}/tracks.xml --out found/{name}_read")
        if geff:
            _write(f"{name}_geff.json", _graph(FOUND / name / "tracks.geff"))
    command(
        "corrections edited.xml --automatic tracks/lap --image image.tif --out found/corrected "
        "--frames all"
    )
    command("evaluate --pred tracks/lap --truth found/corrected/01_GT --json found/scores.json")
    command("fill-gaps labels.tif --out found/filled.tif --smallest 5")


def suite() -> None:
    """Turn the suite's configuration into ours, and predict by it."""
    for name in ("train", "predict"):
        command(f"config convert CONFIG.json --command {name} --out found/{name}.json")
    command("predict CONFIG.json --out found/predicted")
    command("frames join frames --out found/joined")
    command("frames to-ctc frames --out found/ctc")


def installation() -> None:
    """Bring the commands in a Fiji up to date, then take them out again, which leaves the rest."""
    command("install Fiji.app")
    command("uninstall Fiji.app")
    left = sorted(p.relative_to("Fiji.app").as_posix() for p in Path("Fiji.app").rglob("*.*"))
    _write("left.json", left)


STEPS: dict[str, Callable[[], None]] = {
    "models": predictions,
    "settings": settings,
    "training": resumed_training,
    "project": project,
    "correction": correction,
    "search": search,
    "tuning": tuning,
    "tracks": tracks,
    "suite": suite,
    "installation": installation,
}


def _epoch(model: Path) -> int:
    """Return the epoch that a stopped training has reached, as its state says."""
    with np.load(model / ".training" / "last.npz") as kept:
        return int(json.loads(bytes(kept["state"]))["epoch"])


def _keep_training(model: Path, name: str) -> None:
    """Keep what a training has written, its weights as arrays, and no times."""
    target = FOUND / name
    target.mkdir()
    for file in ("config.json", "metrics.json", "split.json"):
        shutil.copy(model / file, target)
    with (model / "log.csv").open(encoding="utf-8") as file:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    _write(f"{name}/log.json", rows)
    weights = models.load(model).model.get_weights()
    np.savez_compressed(target / "weights.npz", **{f"w{i}": w for i, w in enumerate(weights)})


def _graph(path: Path) -> dict[str, object]:
    """Read a GEFF folder by the library of that format."""
    import geff

    graph, _ = geff.read(path, backend="networkx")
    nodes = {str(node): graph.nodes[node] for node in sorted(graph.nodes)}
    edges = sorted([int(node) for node in edge] for edge in graph.edges)
    plain = json.loads(json.dumps(nodes, default=lambda value: value.tolist()))
    return {"nodes": plain, "edges": edges}


def _write(name: str, content: object) -> None:
    (FOUND / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
