"""Models of engines of others, which propose ROIs and are retrained as our own are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl import images
from imagej_dl.correction.uncertainty import Uncertainty
from imagej_dl.engines import model_folder, registry, segmenting, training
from imagej_dl.engines.base import Engine
from imagej_dl.errors import UserError
from imagej_dl.evaluation import match, total
from imagej_dl.foreign.session import Session
from imagej_dl.images.labels.provenance import digest
from imagej_dl.prediction import Prediction
from imagej_dl.progress import Progress, silent
from imagej_dl.training.data_sources import Given, Pair
from imagej_dl.training.split import digests_in


@dataclass(frozen=True)
class ByEngine:
    """An engine of others, as a command names it.

    name : of the engine; None for our own models, and where the model says it.
    settings : of its predictions; python : the Python of its environment.
    """

    name: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    python: Path | None = None


@dataclass(frozen=True)
class EngineModel:
    """A model of an engine.

    engine : the engine.
    named : the folder of a training by the engine (engine.json), a model of the engine's own, or
        the name of one that the engine has.
    given : settings of its predictions, those that differ from the engine's defaults.
    python : of the engine, where one is named.
    """

    engine: Engine
    named: Path
    given: dict[str, Any] = field(default_factory=dict)
    python: Path | None = None

    @property
    def name(self) -> str:
        """The name of its file or folder."""
        return self.named.name

    @property
    def _model(self) -> str:
        trained = model_folder.read(self.named)
        return self.engine.model(self.named if trained is None else trained.model)

    @property
    def _settings(self) -> dict[str, Any]:
        return self.engine.settings(self.given).model_dump(mode="json")

    def check(self) -> None:
        """Raise UserError for a model, settings or an engine that cannot be used here."""
        if self.engine.gives != "labels":
            raise UserError(
                f"{self.engine.label} gives {self.engine.gives}, and objects are corrected",
                remedy="Choose an engine that gives label maps.",
            )
        _ = self._model, self._settings
        self.engine.program.find(self.python)

    def fingerprint(self) -> str:
        """Return a digest of the engine, the model's files and the settings."""
        model = self._model
        parts = [self.engine.name, *map(digest, self.engine.files(model))]
        if len(parts) == 1:
            parts.append(model)
        made = repr((parts, sorted(self._settings.items())))
        return hashlib.sha256(made.encode()).hexdigest()[:16]

    @contextmanager
    def running(self) -> Iterator[RunningModel]:
        """Keep the engine's program for several images; the first one starts it."""
        engine = self.engine
        with Session(engine.program, self.python, engine.check_version) as session:
            yield RunningModel(segmenting.Job(engine, session, self._model, self._settings))

    def retrain(
        self,
        pairs: Sequence[Pair],
        out: Path,
        given: dict[str, Any],
        validation: float,
        progress: Progress = silent,
    ) -> EngineModel:
        """Train on from the model on images with their label maps or ROIs.

        Images that it was trained on are trained on again, and those that validated validate again.

        Parameters
        ----------
        out : folder of the new model.
        given : settings of the training; else those that the engine declares for it.
        validation : share of new images that validates.

        Raises
        ------
        UserError : for an engine that is not trained here, and as :func:`training.train`.
        """
        settings = self.engine.training({**self.engine.retraining, **given})
        training.train(
            self.engine,
            Given(list(pairs)),
            out,
            settings.model_dump(mode="json"),
            python=self.python,
            start=self._model,
            validation=validation,
            known=digests_in(self.named),
            progress=progress,
        )
        return EngineModel(self.engine, out, self.given, self.python)


@dataclass(frozen=True)
class RunningModel:
    """A model whose engine is running."""

    job: segmenting.Job

    def labels(self, image: xr.DataArray, progress: Progress = silent) -> xr.DataArray:
        """Predict an image; return its label map (dims without C)."""
        found = segmenting.segment(self.job, image, progress)
        assert isinstance(found, Prediction), "engines that give images are refused"
        return found.labels

    def predict(
        self, image: xr.DataArray, progress: Progress = silent
    ) -> tuple[xr.DataArray, Uncertainty]:
        """Predict an image, and again mirrored; return its label map and the uncertainty."""
        found = self.labels(image, progress)
        mirrored = images.with_data(image, np.flip(image.data, image.get_axis_num("X")))
        again = self.labels(mirrored, progress)
        return found, disagreement(found.data, again.data[..., ::-1])


def disagreement(one: np.ndarray, other: np.ndarray) -> Uncertainty:
    """Return how far two label maps (…, Y, X) of one image differ.

    Engines give no probabilities. But where a model is not sure, other objects are found in the
    mirrored image: the disagreement of a committee (Settles, Active Learning Literature Survey,
    2009, section 3.2). It is 1 less the average precision of one against the other, mean over the
    IoU thresholds .5 … .9; 0 where neither has an object.
    """
    shape = (-1, *one.shape[-2:])
    planes = zip(one.reshape(shape), other.reshape(shape), strict=True)
    scores = total([match(a, b) for a, b in planes])
    count = scores[0].n_true + scores[0].n_pred
    if not count:
        return Uncertainty()
    agreed = float(np.mean([score.average_precision for score in scores]))
    return Uncertainty((1 - agreed) * count, count)


def engine_of(model: Path | None, named: str | None) -> Engine | None:
    """Return the engine that is named, or has trained the model of a folder; None for our own.

    Raises
    ------
    UserError : for an unknown engine, and a model of another one.
    """
    trained = None if model is None else model_folder.read(model)
    if trained is not None and named not in (None, trained.engine):
        raise UserError(
            f"is a model of {trained.engine}, not of {named}",
            path=model,
            remedy="Leave the engine out.",
        )
    name = named if trained is None else trained.engine
    return None if name is None else registry.of(name)
