"""Training on with what was corrected, and whether the model became better by it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from imagej_dl import images, project
from imagej_dl.correction.records import labels, learnt_from, record
from imagej_dl.correction.rounds import Retrained, Training
from imagej_dl.correction.state import MODELS, Book
from imagej_dl.correction.status import Row, rows
from imagej_dl.correction.validation import trial
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.filesystem import containment, locks
from imagej_dl.filesystem.atomic import discard, heal, load_json
from imagej_dl.filesystem.containment import contained
from imagej_dl.progress import Progress, silent
from imagej_dl.project import Sheet

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle

MARGIN = 0.02
"""A model is worse when its average precision is lower by more: less is chance on few images."""

EPOCHS, VALIDATION = 20, 0.2
TRAINING = ".training"


@dataclass(frozen=True)
class Retraining:
    """What came of a retraining.

    Attributes
    ----------
    round : the one that it ended, from 1.
    model : the new model's folder.
    present : the folder of the model that proposes from now on: the new one, or the one before.
    images : how many it was trained and validated on.
    validation : the names of those that validated.
    unseen : whether neither model was trained on these.
    before, after : average precision of the two on them, mean over the IoU thresholds .5 … .9;
        None when too few images were there to keep some of them apart.
    accepted : whether the new model is the present one.
    ended : why the training ended: "all epochs", "patience", "time limit" or "enough".
    rows : the table of the rounds.
    """

    round: int
    model: Path
    present: Path
    images: int
    validation: list[str]
    unseen: bool
    before: float | None
    after: float | None
    accepted: bool
    ended: str
    rows: list[Row]


@contained
def retrain(
    path: str | os.PathLike[str],
    model: Path | None = None,
    *,
    accept: bool = False,
    progress: Progress = silent,
    watch: Any = None,
    **settings: Any,
) -> Retraining:
    """Train the present model on with all images that are corrected, drawn or without objects.

    The new model is Corrections/models/round_N. It becomes the present one unless its average
    precision on the validation images is lower by more than .02 than that of the model before,
    and neither was trained on them. What the model before was trained on is trained on again,
    and what validated it validates again. A retraining that was stopped goes on where it was, if
    images and ROIs are the same; otherwise it begins again.

    Parameters
    ----------
    path : the project's folder.
    model : to begin with, if nothing has begun.
    accept : use the new model in any case; right after a retraining whose model was not
        accepted, use that one.
    progress, watch : as for :func:`imagej_dl.training.train`; also stage "comparing", in images.
    **settings : fields of the training's settings; by default 20 epochs, 20 % of the images for
        validation, none for a test. One that is stopped takes only epochs, minutes and patience.

    Raises
    ------
    UserError : when nothing is corrected, or nothing since the last retraining.
    Cancelled : when it was stopped; the same call goes on with it.
    """
    book = Book.open(path, model)
    with locks.held(book.folder / MODELS, "a retraining"):
        book = Book.open(path, model)  # as it is now that no other can end
        return _retrain(book, accept, progress, watch, settings)


def _retrain(
    book: Book, accept: bool, progress: Progress, watch: Any, settings: dict[str, Any]
) -> Retraining:
    path = book.project
    _tidy(book)
    sheets = project.sheets(path)
    record(book, sheets)
    wanted = learnt_from(book, sheets)
    last = book.state.retrained[-1] if book.state.retrained else None
    if accept and last is not None and not last.accepted and wanted == book.state.trained:
        return _accepted(book, last)
    _refuse(book, wanted)
    chosen = [sheet for sheet in sheets if sheet.name in wanted]
    for sheet in chosen:
        project.prepare(sheet)
    wanted = learnt_from(book, project.sheets(path))
    chosen = [sheet for sheet in project.sheets(path) if sheet.name in wanted]
    ended, trained = _train(book, chosen, wanted, progress, watch, settings)
    return _finish(book, chosen, wanted, ended, trained, accept, progress)


def _tidy(book: Book) -> None:
    """Remove what killed retrainings left, and finish what they were moving."""
    models = book.folder / MODELS
    locks.sweep(models)
    heal(models)
    for folder in models.glob("round_*"):
        heal(folder)
    for ended in book.state.retrained:
        discard(book.path(ended.model) / TRAINING)


def _refuse(book: Book, wanted: dict[str, str]) -> None:
    state = book.state
    if not wanted:
        raise UserError(
            "no image is corrected or drawn yet",
            path=book.project,
            remedy="Correct some with the steps next and save.",
        )
    if wanted == state.trained and state.retrained and state.retrained[-1].accepted:
        raise UserError(
            "no image was corrected since the last retraining",
            path=book.project,
            remedy="Correct some with the steps next and save.",
        )


def _train(
    book: Book,
    sheets: list[Sheet],
    wanted: dict[str, str],
    progress: Progress,
    watch: Any,
    settings: dict[str, Any],
) -> tuple[str, ModelBundle | Path]:
    """Train, or go on with a training that was stopped; return why it ended, and the model."""
    from imagej_dl import training
    from imagej_dl.training import checkpoint as states

    state = book.state
    out = book.folder / MODELS / f"round_{state.round}"
    same = state.training == Training(round=state.round, images=wanted)
    if same and (ended := _ended(out)):
        return ended, out
    resume = same and states.exists(out / states.FOLDER)
    if not resume:
        # Never the present model: that is of a round before.
        containment.check(out, folder=True)
        discard(out)
        state.training = Training(round=state.round, images=wanted)
        book.save()
        settings = {"epochs": EPOCHS, "validation": VALIDATION, "test": 0.0, **settings}
    else:
        free = ("epochs", "minutes", "patience")
        settings = {name: value for name, value in settings.items() if name in free}
    trained = training.train(
        [_pair(sheet) for sheet in sheets],
        out,
        start=None if resume else book.present,
        resume=resume,
        progress=progress,
        **({} if watch is None else {"watch": watch}),
        **settings,
    )
    found = _ended(out)
    if found is None:
        raise Cancelled
    return found, trained


def _pair(sheet: Sheet) -> tuple[Path | xr.DataArray, Path | xr.DataArray]:
    if sheet.drawn:
        return sheet.image, sheet.rois
    image = images.with_data(picture := images.read(sheet.image), picture.data, title=sheet.name)
    return image, labels(sheet, picture)


def _ended(out: Path) -> str | None:
    """Return why the training of a model ended; None when it was cancelled or has not ended."""
    path = out / "metrics.json"
    if not path.exists():
        return None
    found = load_json(path)
    ended = found.get("ended") if isinstance(found, dict) else None
    if ended is None:
        raise UserError("does not say how the training ended", path=path)
    return None if ended == "cancelled" else str(ended)


def _finish(
    book: Book,
    sheets: list[Sheet],
    wanted: dict[str, str],
    ended: str,
    trained: ModelBundle | Path,
    accept: bool,
    progress: Progress,
) -> Retraining:
    state = book.state
    out = book.folder / MODELS / f"round_{state.round}"
    validation, unseen = _validation(out, sheets)
    before = trial(book.present, validation, progress)
    after = trial(trained, validation, progress)
    worse = unseen and before is not None and after is not None and after < before - MARGIN
    result = Retrained(
        round=state.round,
        model=book.short(out),
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
    book.save()
    discard(out / TRAINING)
    return _result(book, result, ended)


def _accepted(book: Book, last: Retrained) -> Retraining:
    """Use the last retraining's model after all."""
    state = book.state
    last = last.model_copy(update={"accepted": True})
    state.retrained[-1] = last
    state.present = last.model
    book.save()
    return _result(book, last, _ended(book.path(last.model)) or "")


def _result(book: Book, of: Retrained, ended: str) -> Retraining:
    return Retraining(
        round=of.round,
        model=book.path(of.model),
        present=book.present,
        images=of.images,
        validation=of.validation,
        unseen=of.unseen,
        before=of.before,
        after=of.after,
        accepted=of.accepted,
        ended=ended,
        rows=rows(book.state),
    )


def _validation(out: Path, sheets: list[Sheet]) -> tuple[list[Sheet], bool]:
    """Return the images that validated as a whole, and whether no model was trained on them."""
    split = load_json(out / "split.json")
    if not isinstance(split, dict) or not {"by", "validation"} <= set(split):
        raise UserError("does not say what the training validated on", path=out / "split.json")
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
