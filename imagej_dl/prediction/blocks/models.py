"""The models of a prediction in blocks, as a plan names them; each is loaded once in a worker."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from imagej_dl.models import ModelBundle, ModelConfig


@dataclass(frozen=True)
class Named:
    """Models by their folders.

    folder : the model.
    others : those that it forms an ensemble with.
    weights : a file with other weights for the model.
    instances : the settings of its post-processing.
    output : what becomes of the output of a package, "auto", "labels" or "image".
    made : what the results depend on; a model that is another by that is loaded anew.
    """

    folder: str
    others: tuple[str, ...]
    weights: str | None
    instances: dict[str, Any]
    output: str
    made: dict[str, Any]

    def declared(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def loaded(declared: dict[str, Any]) -> tuple[ModelBundle, ...]:
    """Return the model and the others of its ensemble, which are kept for the next job."""
    return _loaded(json.dumps(declared, sort_keys=True))


def described(declared: dict[str, Any]) -> tuple[ModelBundle, ...]:
    """Return them without their networks, which most jobs do without."""
    return _described(json.dumps(declared, sort_keys=True))


@lru_cache(maxsize=1)
def _loaded(text: str) -> tuple[ModelBundle, ...]:
    from imagej_dl.models import load
    from imagej_dl.models.pretrained import load_weights
    from imagej_dl.prediction import ensemble

    named = Named(**json.loads(text))
    bundle = load(Path(named.folder))
    if named.weights is not None:
        load_weights(bundle.model, Path(named.weights))
    return ensemble.loaded(replace(bundle, config=_config(named, bundle.config)), named.others)


@lru_cache(maxsize=4)
def _described(text: str) -> tuple[ModelBundle, ...]:
    from imagej_dl.models import load_config

    named = Named(**json.loads(text))
    folders = [Path(folder) for folder in (named.folder, *named.others)]
    first, *others = (ModelBundle(None, load_config(folder), folder) for folder in folders)
    return (replace(first, config=_config(named, first.config)), *others)


def _config(named: Named, config: ModelConfig) -> ModelConfig:
    """Return a configuration with the output and the post-processing that were asked for."""
    from imagej_dl.models.packages.config import PackageConfig

    if isinstance(config, PackageConfig) and named.output in ("labels", "image"):
        config = config.giving("labels" if named.output == "labels" else "image")
    settings = config.method.postprocessing.model_validate(named.instances)
    return config.model_copy(update={"instances": settings})
