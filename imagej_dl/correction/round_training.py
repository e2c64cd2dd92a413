"""The training of a round: by our own training, or by the engine whose model it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from imagej_dl import images, training
from imagej_dl.correction.engine_models import EngineModel
from imagej_dl.correction.records import labels
from imagej_dl.correction.state import Training
from imagej_dl.correction.store import MODELS, CorrectionStore
from imagej_dl.engines import model_folder
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.filesystem import containment
from imagej_dl.filesystem.atomic import discard, load_json
from imagej_dl.progress import Progress
from imagej_dl.project import Sheet
from imagej_dl.training import Given, Maps, checkpoint

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle

EPOCHS, VALIDATION = 20, 0.2


def folder(store: CorrectionStore) -> Path:
    """Return the folder of the round's model."""
    return store.folder / MODELS / f"round_{store.state.round}"


def train(
    store: CorrectionStore,
    sheets: list[Sheet],
    partly: set[str],
    wanted: dict[str, str],
    progress: Progress,
    watch: Any,
    settings: dict[str, Any],
) -> tuple[str, ModelBundle | EngineModel | Path]:
    """Train, or continue a stopped training; return why it ended, and the model.

    Parameters
    ----------
    sheets, wanted : the images to train on, and as :class:`Training` keeps them.
    partly : the names of those of which not all objects are drawn.
    progress, watch, settings : as for :func:`imagej_dl.correction.retrain`.
    """
    out, model = folder(store), store.engine_model
    if model is not None:
        _refuse_partly(model, sorted(partly))
    same = store.state.training == Training(round=store.state.round, images=wanted)
    if same and (why := ended(out)):
        return why, out if model is None else replace(model, named=out)
    resume = same and model is None and checkpoint.exists(out / checkpoint.FOLDER)
    if not resume:
        _begin(store, out, wanted)
    pairs = [_pair(sheet) for sheet in sheets]
    trained: ModelBundle | EngineModel
    if model is not None:
        trained = model.retrain(pairs, out, settings, VALIDATION, progress)
    else:
        whole = [Maps(whole=sheet.name not in partly) for sheet in sheets]
        trained = training.train(
            Given(pairs, maps=whole) if partly else pairs,
            out,
            start=None if resume else store.present,
            resume=resume,
            progress=progress,
            **({} if watch is None else {"watch": watch}),
            **_settings(settings, resume, sparse=bool(partly)),
        )
    why = ended(out)
    if why is None:
        raise Cancelled
    return why, trained


def ended(out: Path) -> str | None:
    """Return why the training of a model ended; None when it was cancelled or has not ended."""
    if model_folder.read(out) is not None:
        return "all epochs"  # what an engine trains is there as a whole or not at all
    path = out / "metrics.json"
    if not path.exists():
        return None
    found = load_json(path)
    why = found.get("ended") if isinstance(found, dict) else None
    if why is None:
        raise UserError("does not state how the training ended", path=path)
    return None if why == "cancelled" else str(why)


def _refuse_partly(model: EngineModel, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - 1} more images" if len(names) > 1 else ""
        raise UserError(
            f"{model.engine.label} learns from images that are drawn completely, and not all "
            f"objects of {names[0]}{more} are",
            remedy="Draw all their objects, and store them without --sparse; or correct with a "
            "model of imagej-dl.",
        )


def _begin(store: CorrectionStore, out: Path, wanted: dict[str, str]) -> None:
    """Make way for the model of a round, and record what it is trained on."""
    # Never the present model: that is of a round before.
    containment.check(out, folder=True)
    discard(out)
    store.state.training = Training(round=store.state.round, images=wanted)
    store.save()


def _settings(given: dict[str, Any], resume: bool, *, sparse: bool) -> dict[str, Any]:
    """Return the settings of our own training; of one that is resumed only some can be given."""
    if resume:
        return {n: given[n] for n in ("epochs", "minutes", "patience") if n in given}
    usual = {"epochs": EPOCHS, "validation": VALIDATION, "test": 0.0}
    return usual | given | ({"sparse": True} if sparse else {})


def _pair(sheet: Sheet) -> tuple[Path | xr.DataArray, Path | xr.DataArray]:
    if sheet.drawn:
        return sheet.image, sheet.rois
    image = images.with_data(picture := images.read(sheet.image), picture.data, title=sheet.name)
    return image, labels(sheet, picture)
