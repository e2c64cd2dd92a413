"""The job of a worker that predicts an image as a whole."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagej_dl.commands.predict import Predict
from imagej_dl.filesystem import containment
from imagej_dl.filesystem.atomic import heal
from imagej_dl.prediction.inputs import Source

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle


def whole(
    declared: dict[str, Any], path: str, name: str, scene: int | None, made: dict[str, Any]
) -> str:
    """Predict an image, unless its results are there; return what came of it, in words.

    Parameters
    ----------
    declared : the command.
    path, name, scene : of the :class:`.Source`.
    made : what the results depend on; a model that is another by that is loaded anew.
    """
    command, bundle = _opened(json.dumps([declared, made], sort_keys=True))
    source = Source(Path(path), name, scene=scene)
    results = command.results(bundle.config.method)
    with containment.named(command.paths()):
        heal(results.folder)
        if not command.overwrite and results.has(source, made):
            return f"{results.files(source)[results.main]}: is there"
        return command.one(bundle, source, made)


@lru_cache(maxsize=1)
def _opened(text: str) -> tuple[Predict, ModelBundle]:
    declared, _ = json.loads(text)
    command = Predict.declare(declared)
    return command, command.bundle()
