"""The record of the images and settings of a denoising, by which the same command goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from imagej_dl.commands.denoise_data import Data
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic, heal, load_json
from imagej_dl.models.folder import CONFIG
from imagej_dl.prediction.results import stamp
from imagej_dl.training import checkpoint

FILE = "denoise.json"
"""The file in OUT with the images and settings of its model."""

Stage = Literal["new", "resume", "trained"]


def asked(data: Data, settings: Any) -> dict[str, Any]:
    """Return what a model depends on: each image and target as it is now, and the settings."""
    found = {
        "images": {image.name: stamp(image) for image, _ in data.train},
        "validation": {image.name: stamp(image) for image, _ in data.validation},
        "settings": json.loads(json.dumps(settings)),
    }
    pairs = [pair for pair in (*data.train, *data.validation) if pair[0] is not pair[1]]
    # Left out where there are none, as in records that were written before there were any.
    return found | ({"targets": [stamp(target) for _, target in pairs]} if pairs else {})


def write(out: Path, asked: dict[str, Any]) -> None:
    """Keep it, before the training begins."""
    with atomic(out / FILE) as new:
        new.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")


def stage(out: Path, model: Path, asked: dict[str, Any], resume: bool, overwrite: bool) -> Stage:
    """Return where the work begins: with a new training, a stopped one, or a model.

    A training that was killed goes on, also with `overwrite`: it ends with the weights that it
    would have had.

    Raises
    ------
    UserError : when the model is that of other images or settings, and may not be replaced.
    """
    heal(model)
    if _read(out) != asked:
        if resume or (_is_there(model) and not overwrite):
            raise UserError(
                "was trained on other images, or with other settings"
                if _is_there(model)
                else "there is no stopped training of these images with these settings",
                path=model,
                remedy="Leave --resume out."
                if resume
                else "Choose another folder, or pass --overwrite.",
            )
        return "new"
    if resume or _was_killed(model):
        return "resume"
    return "trained" if (model / CONFIG).is_file() and not overwrite else "new"


def _read(out: Path) -> Any:
    return load_json(out / FILE) if (out / FILE).is_file() else None


def _is_there(model: Path) -> bool:
    return model.exists() and (not model.is_dir() or any(model.iterdir()))


def _was_killed(model: Path) -> bool:
    """Return whether the checkpoint is of a training that has not ended.

    One that was cancelled, or ended by its time limit, has left its scores, too.
    """
    folder = model / checkpoint.FOLDER
    if not checkpoint.exists(folder):
        return False
    if not (model / "metrics.json").is_file():
        return True
    state, ended = checkpoint.read(folder), load_json(model / "metrics.json")
    return (ended.get("epochs"), ended.get("seconds")) != (state.epoch, round(state.seconds, 1))
