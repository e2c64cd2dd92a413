"""The file of trials that a tuning keeps, and goes on with."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl import optional
from imagej_dl.ctc import GroundTruth
from imagej_dl.errors import UserError
from imagej_dl.evaluation.tuning_space import Space
from imagej_dl.filesystem import containment
from imagej_dl.images import calibration

if TYPE_CHECKING:
    import optuna
    import xarray as xr

LOG = "trials.log"
WRITTEN = ("best.json", "trials.csv", "report.json")
"""What a tuning writes at its end."""


def signature(
    labels: xr.DataArray, tracker: str, objective: str, space: Space, gaps: str
) -> dict[str, Any]:
    """What trials must have been of for a tuning to go on with them."""
    pixels = np.asarray(labels)
    return {
        "tracker": tracker,
        "objective": objective,
        "space": {key: list(values) for key, values in space.items()},
        "labels": [*pixels.shape, int(pixels.astype(np.int64).sum())],
        **({} if gaps == "cut" else {"gaps": gaps}),
    }


def open_study(folder: Path, resume: bool, seed: int, signature: dict[str, Any]) -> optuna.Study:
    """Make the file of trials, or open that which is there.

    Raises
    ------
    UserError : without Optuna, when there are trials already or none to go on with, and when they
        are of something else.
    """
    install = "Install it with `pip install imagej-dl[tune]`."
    optuna = optional.need("optuna", "Optuna", install)
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    log = folder / LOG
    if log.exists() and not resume:
        raise UserError(
            "is already there", path=log, remedy="Go on with --resume, or name another folder."
        )
    for name in () if log.exists() else WRITTEN:
        if (folder / name).exists():
            raise UserError("is already there", path=folder / name, remedy="Name another folder.")
    if resume and not log.exists():
        raise UserError("there are no trials to go on with", path=log)
    for name in (LOG, f"{LOG}.lock"):
        containment.check(folder / name)
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # of what fails we say it ourselves
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is experimental
        try:
            study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(log))),
                study_name="tracking",
                direction="maximize",
                load_if_exists=True,
            )
            # Another seed when the search goes on, else it would repeat itself.
            study.sampler = optuna.samplers.TPESampler(
                seed=seed + len(study.trials), multivariate=True, group=True
            )
        except (ValueError, KeyError) as error:
            raise UserError(f"is no file of trials ({error})", path=log) from error
    known = study.user_attrs.get("of")
    if known is None:
        study.set_user_attr("of", signature)
    elif known != json.loads(json.dumps(signature)):
        both = [*signature, *(key for key in known if key not in signature)]
        other = [key for key in both if known.get(key) != signature.get(key)]
        raise UserError(
            f"its trials are of another {' and '.join(other) or 'tuning'}",
            path=log,
            remedy="Name another folder.",
        )
    return study


def hold(study: optuna.Study, folder: Path, labels: xr.DataArray, truth: GroundTruth) -> None:
    """Keep fingerprints of the labels and the truth of the trials; of a study that has some:

    Raises
    ------
    UserError : when its trials are of others.
    """
    segmented = [part for item in sorted(truth.segmentation.items()) for part in item]
    now = {
        # Distances are in the labels' unit.
        "labels": _fingerprint(str(calibration(labels)), labels),
        "truth": _fingerprint(truth.tracks.masks, truth.tracks.tracks, *segmented),
    }
    known = study.user_attrs.get("fingerprints")
    if known is None:  # new, or of a version that kept none
        study.set_user_attr("fingerprints", now)
        return
    places = {"labels": labels.attrs.get("title") or None, "truth": truth.path}
    for name, place in places.items():
        if known[name] != now[name]:
            raise UserError(
                f"the trials in {folder / LOG} are of other {name}",
                path=place,
                remedy=f"Give the {name} that the tuning began with, or name another folder.",
            )


def _fingerprint(*parts: Any) -> str:
    """Return what differs as soon as a number, a shape or a text does, whatever its type."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode())
            continue
        array = np.asarray(part)
        digest.update(str(array.shape).encode())
        for plane in array if array.ndim else [array]:
            digest.update(np.ascontiguousarray(plane, np.int64).data)
    return digest.hexdigest()
