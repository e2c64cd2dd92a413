"""Training of an engine's model on our label maps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.engines import model_folder, training_data
from imagej_dl.engines.base import Engine
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic_folder, refuse_existing
from imagej_dl.foreign.session import Session
from imagej_dl.progress import Progress, silent
from imagej_dl.training.data_sources import Given
from imagej_dl.training.split import SPLIT, Split


@dataclass(frozen=True)
class Trained:
    """A training that an engine has finished.

    folder : of the model; facts : numbers that the engine tells; split : what it learnt from.
    """

    folder: Path
    facts: dict[str, Any]
    split: Split


def check_output(out: Path, overwrite: bool) -> None:
    """Refuse a folder that exists; with `overwrite` only one that no engine has trained for us."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    refuse_existing(out, overwrite)
    if model_folder.read(out) is None:
        raise UserError(
            "exists and is not a model of an engine, so it is not overwritten",
            path=out,
            remedy="Choose another name for the model.",
        )


def train(
    engine: Engine,
    source: Path | Given,
    out: Path,
    settings: dict[str, Any],
    *,
    python: Path | None = None,
    start: str = "",
    validation: float = 0.2,
    seed: int = 0,
    known: dict[str, list[str]] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Trained:
    """Train an engine's model on a project's or a folder's label maps, or on images alone.

    Parameters
    ----------
    source : as for our own training; RoiSets are filled as ImageJ fills them.
    out : folder of the model, written as a whole when the training is done: the engine's own
        files, engine.json, and split.json as our own models have it.
    settings : checked, of :attr:`Engine.training_model`.
    start : the model to go on from, as :meth:`Engine.model` returns it; "" for a new one.
    validation : share of the planes that validates.
    seed : of the division.
    known : the digests of each part of the model that is gone on from, whose images stay in their
        parts (see :func:`imagej_dl.training.split.split`).
    progress : stages "reading" and those of the engine; Cancelled ends it, and nothing is written.

    Raises
    ------
    UserError : for data that does not fit, an output that exists, and what the engine refuses.
    """
    check_output(out, overwrite)
    with Session(engine.program, python, engine.check_version) as session:
        itself = engine.learns_from == "itself"
        side = max(settings["patch_size"]) if itself else None
        split = training_data.read(
            source, validation, seed, progress, known, engine.learns_from, side
        )
        arrays: dict[str, np.ndarray] = {}
        held = split.validation or split.train
        for part, examples in (("", split.train), ("validation_", held)):
            for number, example in enumerate(examples):
                arrays[f"{part}image_{number}"] = example.image
                if not itself:
                    truth = training_data.truth_of(example, engine.ignores)
                    arrays[f"{part}labels_{number}"] = truth
        if not engine.ignores:
            training_data.warn_of_unknown([*split.train, *held], engine.label)
        with atomic_folder(out, overwrite=overwrite) as folder:
            values = {
                "settings": settings,
                "start": start,
                "out": str(folder),
                "count": len(split.train),
                "validation_count": len(held),
            }
            _, facts = session.ask("train", arrays, values, progress)
            model = str(facts.pop("model", ""))
            if not any(folder.iterdir()) or (model and not (folder / model).is_file()):
                raise UserError(f"{engine.label} has written no model")
            model_folder.write(folder, engine.name, session.version, model, settings)
            (folder / SPLIT).write_text(json.dumps(split.record(), indent=2) + "\n", "utf-8")
    return Trained(out, facts, split)
