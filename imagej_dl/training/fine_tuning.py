"""Fine-tuning: read the model that a training starts from, and take over its settings."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from imagej_dl.errors import UserError
from imagej_dl.images.intensities import likeness
from imagej_dl.images.intensities.likeness import Likeness
from imagej_dl.models import ModelBundle, ModelConfig
from imagej_dl.models import folder as folders
from imagej_dl.models.networks import registry
from imagej_dl.models.packages.archive import is_package
from imagej_dl.models.ready import registry as ready
from imagej_dl.training.augmentation import Augmentation
from imagej_dl.training.settings import Settings
from imagej_dl.training.split import digests_in

LEARNING_RATE = 1e-3
"""Highest learning rate of a training that starts from a model, unless another is given.

Fine-tuning a network for bright nuclei on 12 images of dark ones, 150 batches raised the average
precision at IoU .5 on unseen dark ones from 0 to .65 (.64 with 3e-4). Fine-tuning it on bright
nuclei of another size, 250 batches left that on the former size at .65 of .66 with either rate.
Images wholly unlike the former are learnt at the cost of these (from .66 to 0): train on both.
"""

_OF_NETWORK = ("depth", "width", "last_width", "dropout", "frames", "patch_slices")
"""Arguments of networks that have settings of their own."""


class Start(BaseModel):
    """A model that a training starts from, as its checkpoint has it: a resume needs no folder.

    name : of its folder, or of Fluffy's file.
    sha256 : of its model.keras, or of that file.
    config, digests : its configuration, and the digests of its split (see
        :class:`imagej_dl.training.split.Split`).
    likeness : what the images that it was trained on are like, where that is known.
    before : its validation loss, Jaccard index and Dice on the new validation patches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str
    config: ModelConfig
    digests: dict[str, list[str]] = {}
    likeness: Likeness | None = None
    before: dict[str, float] = {}

    def record(self) -> dict[str, Any]:
        """Return the entry in metrics.json."""
        scores = {f"val_{name}": value for name, value in self.before.items()}
        return {"model": self.name, "sha256": self.sha256, **scores}


def read(folder: str | Path) -> tuple[Start, ModelBundle]:
    """Read the model to start from.

    Raises
    ------
    UserError : when it is not a model, or its network is not one that training builds.
    """
    folder = ready.find(folder)
    if is_package(folder):
        raise UserError(
            "is a package of BioImage.IO, which is not trained on",
            path=folder,
            remedy="Start from the folder of a model that was written by imagej-dl train.",
        )
    bundle = folders.load(folder)
    config = bundle.config
    try:
        network = registry.network(config.architecture.name, config.architecture.arguments)
        same = (network.window, network.channels, network.classes)
    except UserError:
        same = None
    if same != (config.frames, config.channels, config.method.outputs):
        raise UserError(
            f"its network ({config.architecture.name}) cannot be fine-tuned",
            path=folder,
            remedy="Start from a model that was written by imagej-dl train.",
        )
    start = Start(
        name=folder.resolve().name,
        sha256=_digest(folder),
        config=config,
        digests=digests_in(folder),
        likeness=likeness.read(folder),
    )
    return start, bundle


def settings(given: dict[str, Any], config: ModelConfig) -> Settings:
    """Build the settings from those of the model, those given, and the defaults.

    Raises
    ------
    UserError : when given settings contradict the model, or are invalid.
    """
    arguments = dict(config.architecture.arguments)
    for name in ("channels", "classes", "output"):
        arguments.pop(name, None)
    decided: dict[str, Any] = {
        name: arguments.pop(name) for name in _OF_NETWORK if name in arguments
    } | {
        "architecture": config.architecture.name,
        "network": arguments,
        "kind": config.kind,
        "patch": config.patch,
        "patch_slices": None if config.volume is None else config.volume.slices,
        "border_size": config.border_size,
        "method_settings": config.method_settings,
        "normalisation": config.normalisation,
    }
    # Also below the rate of networks with a low rate of their own.
    rate = min(LEARNING_RATE, registry.NETWORKS[config.architecture.name].learning_rate / 3)
    asked = Settings.of({**decided, "learning_rate": rate, **_with_empty(given, config)})
    for name, value in decided.items():
        if name in given and getattr(asked, name) != value:
            raise UserError(
                f"{name} is {value} in the model to start from, and cannot be "
                f"{getattr(asked, name)}",
                remedy=f"Leave {name} out, or train without a model to start from.",
            )
    return asked


def _with_empty(given: dict[str, Any], config: ModelConfig) -> dict[str, Any]:
    """Add the model's share of empty patches where no other is given.

    The augmentation is otherwise that of a new training.
    """
    former = config.training.get("augmentation")
    share = former.get("empty") if isinstance(former, dict) else None
    chosen = given.get("augmentation", {})
    if isinstance(chosen, Augmentation):
        chosen = chosen.model_dump(include=chosen.model_fields_set)
    if not share or not isinstance(chosen, dict) or "empty" in chosen:
        return given
    return given | {"augmentation": {**chosen, "empty": share}}


def check_same(folder: str | Path, start: Start | None) -> None:
    """Raise UserError if a training that is resumed did not start from this model."""
    found = ready.find(folder)
    if start is None or not found.exists() or _digest(found) != start.sha256:
        raise UserError(
            "the training to be resumed did not start from this model",
            path=folder,
            remedy="Leave it out: a stopped training remembers its starting model.",
        )


def _digest(folder: Path) -> str:
    path = folder if folder.is_file() else folder / folders.NETWORK
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
