"""`imagej-dl predict`: images and videos to label maps, ROIs and probabilities."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from imagej_dl import images
from imagej_dl.commands import engine_work, unused
from imagej_dl.commands.base import say
from imagej_dl.commands.engine_work import EngineWork
from imagej_dl.commands.predict_blocks import spread
from imagej_dl.commands.predict_models import ChosenModels
from imagej_dl.commands.predict_words import error_of, outcome, summary
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import heal, refuse_existing
from imagej_dl.images.checks.blank_planes import warn_black
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.prediction import Prediction
from imagej_dl.prediction.inputs import Source, find
from imagej_dl.prediction.results import Results, objects, rois_of
from imagej_dl.progress import Progress, silent

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle
    from imagej_dl.worker import Session


_LARGEST = 2**31 - 1
"""Bytes that Java's buffers hold."""


class Predict(ChosenModels):
    """Segment images and videos with a trained model.

    IMAGES are files, folders of images, or folders with inputs or with folders NAME/image.tif.
    Each becomes a label map NAME.tif. MODEL may be the name of a ready model (`imagej-dl models`
    lists them), which is also used where no model is named; or a CONFIG.json of
    microscopy-dl-suite-tf, which names model, images and out. Each plane (frame, slice) is
    segmented on its own; `imagej-dl track` links the objects of a video. In ImageJ, if no image is
    named, the open one is segmented. With an engine, such as StarDist or Cellpose, MODEL is the
    engine's own model.
    """

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return set() if self.images else {"image"}

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        if self.images:
            self.run(progress)
            return
        if self.scheduler is not None:
            raise UserError(
                "scheduler: the open image is in ImageJ's memory, which no worker sees",
                remedy="Name its file (images), or leave scheduler out.",
            )
        work = engine_work.of(self)
        unused.warn_of(self, ["axes", "scenes", "videos"], unused.OF_FILES)
        image = session.open_image().assign_attrs(session.display)
        title = str(image.attrs["title"])
        source = Source(Path(title), Path(title).stem)
        results = self._results_in_imagej(work, image)
        if results is not None:
            results.need_names(source)
            results.refuse([source])
        started = time.perf_counter()
        with nullcontext() if work is None else work.running():
            bundle = self._ready(work, progress)
            try:
                result, hyperstack = self._apply(bundle, image, progress)
            except UserError as error:
                raise error_of(source, error) from error
        if results is not None:
            _write(results, source, result, hyperstack, self._made(work), bundle)
        if isinstance(result, xr.DataArray):
            session.show(result, f"{source.name}-{_word(bundle)}")
        else:
            self._show(session, source, result, hyperstack)
        say(summary(source.name, result, time.perf_counter() - started))

    def _results_in_imagej(self, work: EngineWork | None, image: xr.DataArray) -> Results | None:
        """Return where results are written, if they are; refuse what the model cannot work with."""
        if work is not None:
            return None if self.out is None else work.results()
        config = self.config()
        self.refuse_models(config)
        if config.method.gives == "image":
            self._refuse_too_large(image)
        return None if self.out is None else self.results(config.method)

    def _refuse_too_large(self, image: xr.DataArray) -> None:
        """Refuse an image whose result ImageJ cannot take, before the work."""
        each = image.dtype.itemsize if self.type == "input" else 4
        if image.size * each > _LARGEST:
            raise UserError(
                "its result would be above 2 GB, too large to hand over to ImageJ's memory",
                path=str(image.attrs["title"]),
                remedy="Name its file (images) and a folder for the result (out)"
                + (", or set type to input." if each > image.dtype.itemsize else "."),
            )

    def _show(self, session: Session, source: Source, result: Prediction, hyperstack: bool) -> None:
        if result.denoised is not None:
            session.show(result.denoised, f"{source.name}-denoised")
        session.show_labels(result.labels, f"{source.name}-labels")
        if result.probabilities is not None:
            session.show(result.probabilities, f"{source.name}-probabilities")
        if self.rois:
            session.show_rois(rois_of(result, hyperstack))
        session.values |= {"objects": objects(result), "left_out": result.left_out}

    def run(self, progress: Progress) -> None:
        if self.model.suffix.lower() == ".json":
            self._whole().run(progress)
            return
        if (whole := self.with_images()) is not self:
            whole.run(progress)
            return
        work = engine_work.of(self)
        if not self.images:
            raise UserError("name the images to predict, or folders of images")
        if work is not None:
            if self.scheduler is not None:
                raise UserError(
                    "scheduler: spreads the work of models of imagej-dl, not that of engines",
                    remedy="Leave it out.",
                )
            self._by_engine(work, progress)
            return
        tables = self.tables()
        config = self.config()
        self.refuse_models(config)
        if config.method.gives == "image":
            tables = []
        recurrent = config.frames > 1
        sources = find(self.images, recurrent=recurrent, videos=self.videos, scenes=self.scenes)
        results = self.results(config.method)
        with locks.held(results.folder, "a prediction"):
            heal(results.folder)
            self._all(sources, results, tables, progress)

    def _by_engine(self, work: EngineWork, progress: Progress) -> None:
        tables = [] if work.gives_image else self.tables()
        sources = find(self.images, videos=self.videos, scenes=self.scenes)
        results = work.results()
        with locks.held(results.folder, "a prediction"), work.running():
            heal(results.folder)
            self._all(sources, results, tables, progress, work)

    def _all(
        self,
        sources: list[Source],
        results: Results,
        tables: list[Path],
        progress: Progress,
        work: EngineWork | None = None,
    ) -> None:
        from imagej_dl import suite

        made = self._made(work)
        sources, kept = results.refuse(sources, made)
        if kept:
            of = len(kept) + len(sources)
            say(f"{results.folder}: {len(kept)} of {of} images have results, which are kept")
        challenge = results.folder / suite.CHALLENGE
        if tables and (sources or not challenge.exists()):
            refuse_existing(challenge, self.overwrite)
        elif tables:
            return
        failed: list[UserError] = []
        count = len(sources)
        if self.scheduler is not None:
            failed = spread(self, sources, results, made, progress)
            sources = []
        bundle = self._ready(work, progress) if sources else None
        for number, source in enumerate(sources):
            several = _Several(progress, source.name, number, len(sources))
            started = time.perf_counter()
            # What is wrong with one image must not cost the others theirs; a disk that is full
            # or a folder that cannot be written to ends it all, and is raised where it is written.
            try:
                results.need_names(source)
                assert bundle is not None, "there are sources"
                predicted = self._predict(bundle, source, several)
            except UserError as error:
                failed.append(error_of(source, error))
                continue
            _write(results, source, *predicted, made, bundle)
            say(outcome(results, source, predicted[0], time.perf_counter() - started))
            several.finished()
        done = suite.rebuild(results.folder, tables, overwrite=self.overwrite, progress=progress)
        for video in done:
            say(f"{video}: joined from its frames")
        if count == 1 and failed:
            raise failed[0]
        if failed:
            raise UserError(
                f"{len(failed)} of {count} images could not be predicted: "
                + "; ".join(map(str, failed))
            )

    def one(self, bundle: ModelBundle, source: Source, made: dict[str, Any]) -> str:
        """Predict one image file, write its results, and return the outcome in words."""
        results = self.results(bundle.config.method)
        started = time.perf_counter()
        predicted = self._predict(bundle, source, silent)
        _write(results, source, *predicted, made, bundle)
        return outcome(results, source, predicted[0], time.perf_counter() - started)

    def _made(self, work: EngineWork | None) -> dict[str, Any]:
        return self.made() if work is None else work.made()

    def _ready(self, work: EngineWork | None, progress: Progress) -> ModelBundle | EngineWork:
        """Open the model, or have a running engine open it."""
        if work is not None:
            return work.loaded(progress)
        bundle = self.bundle()
        if price := self.price():
            say(price)
        return bundle

    def _whole(self) -> Predict:
        """Return what a configuration file says, and what was given beside it."""
        from imagej_dl import suite

        values = suite.predict_values(suite.read(self.model))
        given = self.model_dump(exclude={"model"}, exclude_unset=True)
        return type(self).declare(values | given, self.model)

    def _predict(
        self, bundle: ModelBundle | EngineWork, source: Source, progress: Progress
    ) -> tuple[Prediction | xr.DataArray, bool]:
        """Predict one image file; say whether ImageJ shows it as a hyperstack."""
        if source.image is not None:
            return self._apply(bundle, source.image, progress)
        image = images.read(source.path, self.axes, mapped=True, scene=source.scene)
        warn_black(image, source.path)
        return self._apply(bundle, image, progress)

    def _apply(
        self, bundle: ModelBundle | EngineWork, image: xr.DataArray, progress: Progress
    ) -> tuple[Prediction | xr.DataArray, bool]:
        if isinstance(bundle, EngineWork):
            return bundle.apply(image, progress), "C" in image.dims
        from imagej_dl.prediction import predict, predict_image
        from imagej_dl.prediction.chain import denoised
        from imagej_dl.prediction.pixel_types import check_writable

        how: dict[str, Any] = {"tile": self.tile, "halo": self.halo, "batch": self.batch}
        how |= {"augment": self.augment, "ensemble": self.others, "progress": progress}
        hyperstack = "C" in image.dims
        if self.denoiser is not None:
            image = denoised(
                self.denoiser, image, bundle, tile=self.tile, batch=self.batch, progress=progress
            )
        if bundle.config.method.gives == "image":
            if self.out is not None:
                check_writable(image, self.type)
            how |= {"dtype": self.type, "samples": self.samples}
            return predict_image(bundle, image, **how), hyperstack
        how |= {"diameter": self.diameter, "probabilities": self.probabilities}
        found = predict(bundle, image, **how)
        return replace(found, denoised=image if self.save_denoised else None), hyperstack


def _write(
    results: Results,
    source: Source,
    result: Prediction | xr.DataArray,
    hyperstack: bool,
    made: dict[str, Any] | None,
    bundle: ModelBundle | EngineWork,
) -> None:
    if isinstance(result, xr.DataArray):
        results.write_image(source, result, made)
    elif isinstance(bundle, EngineWork):
        bundle.write(results, source, result, hyperstack, made)
    else:
        probable = bundle.config.method.is_probability
        results.write(source, result, hyperstack, made, probable=probable)


def _word(bundle: ModelBundle | EngineWork) -> str:
    """Return what ends the title of an image that was made."""
    if isinstance(bundle, EngineWork):
        return bundle.engine.name
    method = bundle.config.method
    return method.result if isinstance(method, ImageMethod) else ImageMethod.result


class _Several:
    """Progress over all images, and over the planes of an image that has several."""

    def __init__(self, progress: Progress, name: str, number: int, total: int) -> None:
        self.progress, self.name, self.number, self.total = progress, name, number, total

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self.total == 1:
            self.progress(stage, done, total)
        elif total > 1:
            self.progress(self.name, done, total)
        else:
            self.progress(stage, self.number, self.total)

    def finished(self) -> None:
        if self.total > 1:
            self.progress("predict", self.number + 1, self.total)
