"""Retrain the present model on the corrected images, and accept it unless it is worse."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

from imagej_dl import project
from imagej_dl.correction import round_training
from imagej_dl.correction.engine_models import ByEngine, EngineModel
from imagej_dl.correction.records import is_sparse, record, training_images
from imagej_dl.correction.state import Outcome, Retrained
from imagej_dl.correction.status import Row, rows
from imagej_dl.correction.store import MODELS, CorrectionStore, model_to_begin
from imagej_dl.correction.validation import average_precision
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import discard, heal, load_json
from imagej_dl.filesystem.containment import contained
from imagej_dl.models.config import UNFINISHED
from imagej_dl.models.folder import CONFIG, load_config
from imagej_dl.progress import Progress, silent
from imagej_dl.project import Sheet
from imagej_dl.training.split import SPLIT

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle

MARGIN = 0.02
"""Decrease of the average precision that makes a model worse: less is chance on few images."""


class Retraining(Outcome):
    """A retraining that has ended.

    Attributes
    ----------
    model : the new model's folder.
    present : the folder of the model that proposes from now on: the new one, or the one before.
    ended : why the training ended: "all epochs", "patience", "time limit" or "enough".
    rows : the table of the rounds.
    """

    model_config = ConfigDict(frozen=True)

    model: Path
    present: Path
    ended: str
    rows: list[Row]


@contained
def retrain(
    path: str | os.PathLike[str],
    model: Path | None = None,
    *,
    by: ByEngine | None = None,
    accept: bool = False,
    sparse: bool = False,
    progress: Progress = silent,
    watch: Any = None,
    **settings: Any,
) -> Retraining:
    """Retrain the present model on all images that are corrected, drawn or without objects.

    The new model is Corrections/models/round_N. It becomes the current one unless its average
    precision on the validation images is lower by more than .02 than that of the model before,
    and neither was trained on them. The training images of the model before are trained on again,
    and its validation images validate again. A retraining that was stopped continues if images
    and ROIs are the same; otherwise it begins again.

    Parameters
    ----------
    path : the project's folder.
    model : to begin with, if nothing has begun; if left out then, the default ready model.
    by : the engine of others whose model it is. It trains with its own settings, and one that is
        stopped begins again.
    accept : use the new model in any case; right after a retraining whose model was not
        accepted, use that one.
    sparse : not all objects are drawn on the images that were drawn, not corrected; it is so anyway
        if the model to begin with was trained sparsely. Of corrected ones it is known (see
        :func:`save`).
    progress, watch : as for :func:`imagej_dl.training.train`; also stage "comparing", in images.
    **settings : fields of the training's settings, or of the engine's; by default 20 epochs, 20 %
        of the images for validation, none for a test. One that is stopped takes only epochs,
        minutes and patience.

    Raises
    ------
    UserError : when nothing is corrected, or nothing since the last retraining.
    Cancelled : when it was stopped; the same call continues it.
    """
    model = model_to_begin(path, model, by)
    store = CorrectionStore.open(path, model, by)
    with locks.held(store.folder / MODELS, "a retraining"):
        store = CorrectionStore.open(path, model, by)  # as it is now that no other can end
        return _retrain(store, accept, sparse, progress, watch, settings)


def _retrain(
    store: CorrectionStore,
    accept: bool,
    sparse: bool,
    progress: Progress,
    watch: Any,
    settings: dict[str, Any],
) -> Retraining:
    path = store.project
    sparse = sparse or _begun_sparsely(store)
    _tidy(store)
    sheets = project.sheets(path)
    record(store, sheets)
    wanted = training_images(store, sheets, sparse)
    last = store.state.retrained[-1] if store.state.retrained else None
    if accept and last is not None and not last.accepted and wanted == store.state.trained:
        return _accepted(store, last)
    _refuse(store, wanted)
    chosen = [sheet for sheet in sheets if sheet.name in wanted]
    for sheet in chosen:
        project.prepare(sheet)
    wanted = training_images(store, project.sheets(path), sparse)
    chosen = [sheet for sheet in project.sheets(path) if sheet.name in wanted]
    partly = {sheet.name for sheet in chosen if is_sparse(store, sheet, sparse)}
    why, trained = round_training.train(store, chosen, partly, wanted, progress, watch, settings)
    return _finish(store, chosen, partly, wanted, why, trained, accept, progress)


def _begun_sparsely(store: CorrectionStore) -> bool:
    """Return whether the model to begin with was trained on images that are drawn sparsely."""
    begun = store.path(store.state.begun)
    if store.state.engine:
        return False
    # Fluffy's models, and those that are gone since, have no such file.
    return (begun / CONFIG).is_file() and bool(load_config(begun).training.get("sparse"))


def _tidy(store: CorrectionStore) -> None:
    """Remove leftovers of killed retrainings, and finish their moves."""
    models = store.folder / MODELS
    locks.sweep(models)
    heal(models)
    for folder in models.glob("round_*"):
        heal(folder)
    for ended in store.state.retrained:
        discard(store.path(ended.model) / UNFINISHED)


def _refuse(store: CorrectionStore, wanted: dict[str, str]) -> None:
    state = store.state
    if not wanted:
        raise UserError(
            "no image has been corrected or drawn yet",
            path=store.project,
            remedy="Correct some with the steps next and save.",
        )
    if wanted == state.trained and state.retrained and state.retrained[-1].accepted:
        raise UserError(
            "no image has been corrected since the last retraining",
            path=store.project,
            remedy="Correct some with the steps next and save.",
        )


def _finish(
    store: CorrectionStore,
    sheets: list[Sheet],
    partly: set[str],
    wanted: dict[str, str],
    ended: str,
    trained: ModelBundle | EngineModel | Path,
    accept: bool,
    progress: Progress,
) -> Retraining:
    state = store.state
    out = round_training.folder(store)
    validation, unseen = _validation(out, sheets)
    present = store.engine_model or store.present
    before = average_precision(present, validation, progress, partly)
    after = average_precision(trained, validation, progress, partly)
    worse = unseen and before is not None and after is not None and after < before - MARGIN
    result = Retrained(
        round=state.round,
        model=store.short(out),
        images=len(sheets),
        validation=[sheet.name for sheet in validation],
        unseen=unseen,
        before=before,
        after=after,
        accepted=accept or not worse,
    )
    state.retrained.append(result)
    if result.accepted:
        state.present = result.model
    state.round += 1
    state.training, state.trained = None, wanted
    store.save()
    discard(out / UNFINISHED)
    return _result(store, result, ended)


def _accepted(store: CorrectionStore, last: Retrained) -> Retraining:
    """Use the last retraining's model after all."""
    state = store.state
    last = last.model_copy(update={"accepted": True})
    state.retrained[-1] = last
    state.present = last.model
    store.save()
    return _result(store, last, round_training.ended(store.path(last.model)) or "")


def _result(store: CorrectionStore, of: Retrained, ended: str) -> Retraining:
    return Retraining(
        **{name: getattr(of, name) for name in Outcome.model_fields},
        model=store.path(of.model),
        present=store.present,
        ended=ended,
        rows=rows(store.state),
    )


def _validation(out: Path, sheets: list[Sheet]) -> tuple[list[Sheet], bool]:
    """Return the images that validated as a whole, and whether no model was trained on them."""
    split = load_json(out / SPLIT)
    if not isinstance(split, dict) or not {"by", "validation"} <= set(split):
        raise UserError("does not state the validation images of the training", path=out / SPLIT)
    if split["by"] != "files":
        return [], False
    names = {re.sub(r"( [TZ]=\d+)+$", "", name) for name in split["validation"]}
    found = [
        sheet
        for sheet in sheets
        if sheet.name in names
        or any(f"/{sheet.image.absolute().as_posix()}".endswith(f"/{name}") for name in names)
    ]
    digests = split.get("digests", {})
    seen = set(digests.get("train", ())) & set(digests.get("validation", ()))
    return found, bool(found) and not seen
