"""The trials that a tuning keeps in its folder and resumes with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl.ctc import GroundTruth
from imagej_dl.errors import UserError
from imagej_dl.evaluation.tuning_space import Space
from imagej_dl.images import calibration
from imagej_dl.optimization import Study

if TYPE_CHECKING:
    import xarray as xr

LOG = "trials.log"
_INSTALL = "Install it with `pip install 'imagej-dl[tune]'`."
WRITTEN = ("best.json", "trials.csv", "report.json")
"""The files that a tuning writes at its end."""


def signature(
    labels: xr.DataArray, tracker: str, objective: str, space: Space, gaps: str
) -> dict[str, Any]:
    """Return what the trials of one tuning have in common."""
    pixels = np.asarray(labels)
    return {
        "tracker": tracker,
        "objective": objective,
        "space": {key: list(values) for key, values in space.items()},
        "labels": [*pixels.shape, int(pixels.astype(np.int64).sum())],
        **({} if gaps == "cut" else {"gaps": gaps}),
    }


def open_study(folder: Path, resume: bool, seed: int, signature: dict[str, Any]) -> Study:
    """Create the study of a folder, or open the one that is there.

    Raises
    ------
    UserError : without Optuna, when there are trials already or none to go on with, and when they
        are of something else.
    """
    log = folder / LOG
    if log.exists() and not resume:
        raise UserError(
            "is already there", path=log, remedy="Continue with --resume, or name another folder."
        )
    for name in () if log.exists() else WRITTEN:
        if (folder / name).exists():
            raise UserError("is already there", path=folder / name, remedy="Name another folder.")
    if resume and not log.exists():
        raise UserError("there are no trials to continue", path=log)
    study = Study(log, "tracking", install=_INSTALL, seed=seed, conditional=True)
    if different := study.differing("of", signature):
        raise UserError(
            f"its trials were run with another {' and '.join(different)}",
            path=log,
            remedy="Name another folder.",
        )
    return study


def space(folder: Path, seed: int) -> Space | None:
    """Return the space that the trials in a folder were sampled from, None where there are none.

    That of an earlier version may differ from what it would be now.
    """
    log = folder / LOG
    if not log.exists():
        return None
    study = Study(log, "tracking", install=_INSTALL, seed=seed, conditional=True)
    kept = study.kept("of") or {}
    found: Space | None = kept.get("space")
    return found


def hold(study: Study, folder: Path, labels: xr.DataArray, truth: GroundTruth) -> None:
    """Keep fingerprints of the labels and the ground truth, or compare them with those kept.

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
    # Those of a version that kept none are taken for ours.
    different = study.differing("fingerprints", now)
    places = {"labels": labels.attrs.get("title") or None, "truth": truth.path}
    for key, place in places.items():
        if key in different:
            name = "ground truth" if key == "truth" else key
            raise UserError(
                f"the trials in {folder / LOG} were run with other {name}",
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
