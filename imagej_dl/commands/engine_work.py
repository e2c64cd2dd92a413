"""The work of `imagej-dl predict` where an engine of others does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from imagej_dl.commands import unused
from imagej_dl.commands.engine_options import refuse_others, settings_given
from imagej_dl.commands.predict_options import PredictOptions
from imagej_dl.engines import model_folder, registry, segmenting, spots
from imagej_dl.engines.base import Engine
from imagej_dl.errors import UserError
from imagej_dl.foreign.session import Session
from imagej_dl.prediction import Prediction
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.results import Results
from imagej_dl.progress import Progress

_SHARED = {
    "model",
    "images",
    "out",
    "rois",
    "videos",
    "scenes",
    "axes",
    "overwrite",
    "diameter",
    "format",
}
_OWN = {"engine", "engine_settings", "engine_python"}


def of(options: PredictOptions) -> EngineWork | None:
    """Return the work of an engine, if one is named, or has trained the model.

    Raises
    ------
    UserError : for options, settings or a model that are not the engine's, and where the engine is
        not installed; it is not started for that.
    """
    model = options.model if "model" in options.model_fields_set else None
    trained = None if model is None else model_folder.read(model)
    name = options.engine
    if trained is not None:
        if name not in (None, trained.engine):
            raise UserError(
                f"is a model of {trained.engine}, not of {name}",
                path=options.model,
                remedy="Leave --engine out.",
            )
        name, model = trained.engine, trained.model
    if name is None:
        return None
    work = EngineWork(options, registry.of(name), model)
    refuse_others(options, _SHARED | _OWN, work.engine.label)
    if work.gives_image:
        unused.refuse(options, ["videos"], unused.NO_VIDEOS)
    _ = work.model, work.settings
    work.engine.program.find(options.engine_python)
    return work


class EngineWork:
    """An engine with its model and settings, as the options of a prediction name them."""

    def __init__(self, options: PredictOptions, engine: Engine, model: Path | None) -> None:
        self._options, self.engine, self._model = options, engine, model
        self._session: Session | None = None

    @cached_property
    def model(self) -> str:
        """The model as the engine is given it."""
        return self.engine.model(self._model)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings of the engine; `diameter` is among them where it has one."""
        given = settings_given(self._options.engine_settings)
        diameter = self._options.diameter
        if diameter is not None:
            if "diameter" not in self.engine.settings_model.model_fields:
                raise UserError(
                    f"diameter: {self.engine.label} has no such setting", remedy="Leave it out."
                )
            try:
                given = {"diameter": float(diameter), **given}
            except ValueError:
                raise UserError(
                    f"diameter: {self.engine.label} takes a number of px, not {diameter!r}"
                ) from None
        return self.engine.settings(given).model_dump(mode="json")

    @property
    def gives_image(self) -> bool:
        """True if images come out, not objects."""
        return self.engine.gives == "image"

    def made(self) -> dict[str, Any]:
        """Return what results depend on: the engine, its model, and the settings."""
        from imagej_dl.images.labels.provenance import digest

        files = [digest(path) for path in self.engine.files(self.model)]
        name = "+".join(files) or self.model
        options = self._options
        given = {"axes": options.axes, "scenes": options.scenes, "settings": self.settings}
        how = {key: value for key, value in given.items() if value is not None}
        return {"model": f"{self.engine.name}:{name}", "how": how}

    def results(self) -> Results:
        """Return the folder of the results, and which files an image gets."""
        options = self._options
        return Results(
            options.folder(),
            options.rois,
            probabilities=False,
            overwrite=options.overwrite,
            gives="image" if self.gives_image else "instances",
            spots=self.engine.gives == "points",
            suffix=options.suffix,
        )

    @contextmanager
    def running(self) -> Iterator[EngineWork]:
        """Keep the engine's program for all images; :meth:`loaded` starts it."""
        engine = self.engine
        with Session(
            engine.program, self._options.engine_python, engine.check_version
        ) as self._session:
            yield self

    @property
    def _job(self) -> segmenting.Job:
        assert self._session is not None, "it runs while images are predicted"
        return segmenting.Job(self.engine, self._session, self.model, self.settings)

    def loaded(self, progress: Progress) -> EngineWork:
        """Have the engine open its model; what is wrong with that is wrong for all images."""
        segmenting.load(self._job, progress)
        return self

    def apply(self, image: xr.DataArray, progress: Progress) -> Prediction | xr.DataArray:
        """Segment an image with the running engine; see :func:`segmenting.segment`."""
        return segmenting.segment(self._job, image, progress)

    def write(
        self,
        results: Results,
        source: Source,
        result: Prediction,
        hyperstack: bool,
        made: dict[str, Any] | None,
    ) -> None:
        """Write the files of an image, all of them or none."""
        name = self.engine.name
        results.write(
            source, result, hyperstack, made, spots=lambda path: spots.write(result, name, path)
        )
