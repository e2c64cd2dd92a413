"""Choose the next image to correct, and propose ROIs for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from imagej_dl import images, project, rois
from imagej_dl.correction.engine_models import ByEngine
from imagej_dl.correction.records import LABELS, PROPOSAL, digest_of, finished, record
from imagej_dl.correction.state import Proposed, Score
from imagej_dl.correction.store import (
    CorrectionStore,
    fingerprint,
    model_to_begin,
    stamp,
)
from imagej_dl.correction.uncertainty import Uncertainty
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.containment import contained
from imagej_dl.progress import Progress, silent
from imagej_dl.project import Sheet

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle


@dataclass(frozen=True)
class Proposal:
    """An image to correct.

    Attributes
    ----------
    name, image : its name and file.
    rois : the RoiSet to correct; None where the model finds no object.
    labels : the same as a label map; None where `drawn`.
    target : where the corrected RoiSet goes.
    objects : proposed over all planes.
    uncertainty : of the model, 0 to 1 (see :class:`Uncertainty`); None where `drawn`.
    round : of the corrections, from 1.
    done, total : images that need no correction any more, of all.
    uncertainties : of all images not corrected yet that the model has seen, highest first.
    drawn : whether ROIs are there already, which `rois` then is: nothing is proposed over them.
    """

    name: str
    image: Path
    rois: Path | None
    labels: Path | None
    target: Path
    objects: int
    uncertainty: float | None
    round: int
    done: int
    total: int
    uncertainties: dict[str, float]
    drawn: bool = False


@contained
def next_image(
    path: str | os.PathLike[str],
    model: Path | None = None,
    *,
    by: ByEngine | None = None,
    name: str | None = None,
    progress: Progress = silent,
) -> Proposal | None:
    """Choose the image that the model is least certain of, and propose ROIs for it.

    Results of the present model are kept, so the next call is quick.

    Parameters
    ----------
    path : the project's folder.
    model : to begin with; if left out the first time, the default ready model.
    by : the engine of others whose model it is.
    name : of an image to take instead.
    progress : stage "uncertainty", in images.

    Returns
    -------
    None when no image is left.

    Raises
    ------
    UserError : when `path` is not a project, has no image, or no image can be predicted.
    """
    store = CorrectionStore.open(path, model_to_begin(path, model, by), by)
    sheets = project.sheets(path)
    if not sheets:
        raise UserError("has no images", path=path, remedy="Put them into its Raw folder.")
    record(store, sheets)
    named = project.sheet(path, name) if name is not None else None
    if named is not None and finished(store, named) and named.drawn:
        store.save()
        return _proposal(store, named, sheets)
    waiting = [s for s in sheets if not finished(store, s)] if named is None else [named]
    if not waiting:
        store.save()
        return None
    scoring = _Scoring(store, progress)
    scoring.score(waiting)
    known = {s.name: scoring.known(s) for s in waiting}
    scored = {name: score.uncertainty for name, score in known.items() if score is not None}
    if not scored:
        raise scoring.failed[-1]
    chosen = max(waiting, key=lambda s: scored.get(s.name, -1.0))
    scoring.propose(chosen)
    if named is not None and named.name in store.state.empty:
        store.state.empty.remove(named.name)
    store.save()
    return _proposal(store, project.sheet(path, chosen.name), sheets)


def _proposal(store: CorrectionStore, sheet: Sheet, sheets: list[Sheet]) -> Proposal:
    state = store.state
    folder = store.folder / sheet.name
    proposed = state.proposed.get(sheet.name)
    offered = folder / PROPOSAL
    waiting = [s.name for s in sheets if not finished(store, s)]
    model = _fingerprint(store)
    known = {
        name: state.scores[name].uncertainty
        for name in waiting
        if name in state.scores and state.scores[name].model == model
    }
    return Proposal(
        name=sheet.name,
        image=project.prepare(sheet),
        rois=sheet.rois if sheet.drawn else offered if offered.is_file() else None,
        labels=None if sheet.drawn else folder / LABELS,
        target=sheet.rois.with_suffix(".zip"),
        objects=proposed.objects if proposed and not sheet.drawn else 0,
        uncertainty=proposed.uncertainty if proposed and not sheet.drawn else None,
        round=state.round,
        done=len(sheets) - len(waiting),
        total=len(sheets),
        uncertainties=dict(sorted(known.items(), key=lambda item: -item[1])),
        drawn=sheet.drawn,
    )


def _fingerprint(store: CorrectionStore) -> str:
    """Return a digest of the present model."""
    model = store.engine_model
    return fingerprint(store.present) if model is None else model.fingerprint()


_Predicted = Callable[[xr.DataArray, Progress], tuple[xr.DataArray, Uncertainty]]


@contextmanager
def _running(store: CorrectionStore) -> Iterator[_Predicted]:
    """Give what predicts images by the present model, which the first one loads or starts."""
    if (model := store.engine_model) is not None:
        with model.running() as running:
            yield running.predict
        return

    @cache
    def bundle() -> ModelBundle:
        from imagej_dl import models

        return models.load(store.present)

    yield lambda image, progress: predict(bundle(), image, progress)


class _Scoring:
    """Scores of images under the present model; the state keeps them."""

    def __init__(self, store: CorrectionStore, progress: Progress) -> None:
        self.store, self.progress = store, progress
        self.model = _fingerprint(store)
        self.failed: list[UserError] = []

    def known(self, sheet: Sheet) -> Score | None:
        """Return the score of an image, if it is of this model and this version of the image."""
        score = self.store.state.scores.get(sheet.name)
        file = sheet.source or sheet.image
        fresh = score is not None and (score.model, score.image) == (self.model, stamp(file))
        return score if fresh and self._file(sheet, LABELS).is_file() else None

    def score(self, sheets: list[Sheet]) -> None:
        """Score images; one that cannot be read is left out."""
        new = [sheet for sheet in sheets if self.known(sheet) is None]
        with _running(self.store) as predicted:
            for done, sheet in enumerate(new):
                try:
                    self._measure(
                        sheet, predicted, lambda *_, done=done: self._report(done, len(new))
                    )
                except UserError as error:
                    self.failed.append(_of(sheet, error))
                    warn(f"{self.failed[-1]}: it is left out of the queue")
        self._report(len(new), len(new))

    def propose(self, sheet: Sheet) -> None:
        """Write the proposed ROIs of an image, unless they exist."""
        state = self.store.state
        image = project.prepare(sheet)
        # The image in Labeling, which the model sees from now on, is that of Raw.
        score = state.scores[sheet.name].model_copy(update={"image": stamp(image)})
        state.scores[sheet.name] = score
        if sheet.name in state.proposed:
            return
        picture = images.read(image, mapped=True)
        labels = images.read_labels(self._file(sheet, LABELS), as_is=True)
        found = rois.trace(labels, hyperstack="C" in picture.dims or None)
        path = self._file(sheet, PROPOSAL)
        path.unlink(missing_ok=True)  # there is none without objects
        if found:
            rois.write(found, path)
        state.proposed[sheet.name] = Proposed(
            **score.model_dump(),
            round=state.round,
            by=state.present,
            objects=len(found),
            rois=digest_of(path) if found else "",
        )

    def _measure(self, sheet: Sheet, predicted: _Predicted, progress: Progress) -> None:
        """Predict an image; the label map is kept, so that it need not be predicted again."""
        file = sheet.source or sheet.image
        seen = stamp(file)
        labels, uncertainty = predicted(sheet.read(), progress)
        self._forget(sheet)
        images.write(labels, self._file(sheet, LABELS), overwrite=True)
        self.store.state.scores[sheet.name] = Score(
            model=self.model, image=seen, uncertainty=uncertainty.value
        )
        self.store.save()  # so that a stop costs no more than one image

    def _forget(self, sheet: Sheet) -> None:
        """Remove an outdated proposal; ROIs that the user stored over it are kept."""
        old = self.store.state.proposed.pop(sheet.name, None)
        self.store.state.scores.pop(sheet.name, None)
        if old is None:
            return
        self.store.save()  # before its label map is another
        path = self._file(sheet, PROPOSAL)
        if path.is_file() and digest_of(path) != old.rois:
            kept = project.backup(path)
            warn(f"was changed and not saved as {sheet.rois}; it is kept as {kept}", path=path)

    def _file(self, sheet: Sheet, name: str) -> Path:
        return self.store.folder / sheet.name / name

    def _report(self, done: int, total: int) -> None:
        if total:
            self.progress("uncertainty", done, total)


def predict(
    bundle: ModelBundle, image: xr.DataArray, progress: Progress = silent
) -> tuple[xr.DataArray, Uncertainty]:
    """Predict an image; return its label map (dims without C) and the model's uncertainty."""
    from imagej_dl.prediction import planes

    dims = [str(axis) for axis in image.dims if axis != "C"]
    labels = np.zeros([image.sizes[axis] for axis in dims], np.uint16)
    total = Uncertainty()
    for plane in planes(bundle, image, progress=progress):
        labels = labels.astype(np.promote_types(labels.dtype, plane.labels.dtype), copy=False)
        labels[plane.index] = plane.labels
        total += Uncertainty.of(bundle.config.method.class_probabilities(plane.probabilities))
    return images.with_data(image, labels, dims), total


def _of(sheet: Sheet, error: UserError) -> UserError:
    """Name the file in an error that knows only the image's title."""
    file = sheet.source or sheet.image
    return error.at(file)
