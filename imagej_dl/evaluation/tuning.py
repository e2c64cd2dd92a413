"""Settings of a tracker tuned against truth, by Optuna.

Every trial tracks the first frames of a label movie under other settings and scores the result
against Cell Tracking Challenge truth. The first are the tracker's defaults, so that the best is
never worse. The last frames are kept apart: on them the best and the defaults are scored at the
end. Trials are kept in a file as they are done: a tuning that was stopped goes on.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imagej_dl.errors import DataWarning, Enough, UserError
from imagej_dl.evaluation import ctc as scores
from imagej_dl.evaluation import parts, tuning_report, tuning_space
from imagej_dl.evaluation.tuning_report import Tuned
from imagej_dl.evaluation.tuning_space import Space
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import choice, ctc, engine, settings

if TYPE_CHECKING:
    import optuna
    import xarray as xr

Objective = Literal["TRA", "LNK", "CHOTA"]
_LOG = "trials.log"


def tune(
    labels: xr.DataArray,
    truth: scores.Truth,
    folder: str | Path,
    tracker: str = "SPARSE_LAP_TRACKER",
    objective: Objective = "TRA",
    trials: int = 60,
    space: Space | None = None,
    seed: int = 0,
    resume: bool = False,
    progress: Progress = silent,
    held_out: float = 0.3,
    gaps: ctc.Gaps = "cut",
) -> Tuned:
    """Look for the settings under which a tracker scores best.

    Parameters
    ----------
    labels : label movie, T, Y, X.
    truth : what it is scored against; see :func:`imagej_dl.evaluation.ctc.read_truth`.
    folder : where the trials are kept (`trials.log`), and at the end `best.json` (for `track
        --settings`), `trials.csv` and `report.json` are written.
    objective : TRA, LNK (links alone) or CHOTA.
    trials : in all, those of a tuning that goes on included.
    space : settings and their bounds or values; those of
        :func:`imagej_dl.evaluation.tuning_space.of` unless given. What it does not name keeps
        TrackMate's default.
    seed : of the search.
    resume : go on with the trials in the folder.
    held_out : share of the frames, the last ones, that nothing is tuned on.
    gaps : how gaps are scored; see :func:`imagej_dl.tracking.ctc.layout`.

    Raises
    ------
    UserError : when Optuna is not installed, when there are trials already, for a space with
        unknown settings, and when the trials there were of other data.
    Cancelled : when `progress` raises it; the trials so far are kept. `Enough` ends the search
        with the best so far.

    Warns
    -----
    DataWarning : when there are too few frames to keep some apart.
    """
    folder = Path(folder)
    radius = float(np.median(_radii(labels)))
    space = dict(space) if space is not None else tuning_space.of(tracker, radius)
    tuning_space.check(space, tracker)
    (labels, truth), last = parts.split(labels, truth, held_out)
    signature = _signature(labels, tracker, objective, space, gaps)
    study = _study(folder, resume, seed, signature)
    done = len(tuning_report.finished(study))
    # The first that is scored has the defaults, also after one that was stopped.
    if not done and not any(trial.state.name == "WAITING" for trial in study.trials):
        study.enqueue_trial(tuning_space.defaults(tracker, space))

    def listen(*_: Any) -> None:
        """Within a trial, which may be long: it is stopped as well."""
        progress("tuning", number, trials)

    def one(trial: optuna.Trial) -> float:
        chosen = tuning_space.choose(trial, tracker, space)
        found = _score(labels, truth, chosen, objective, gaps, listen)
        if objective not in found:
            raise UserError(
                f"{objective} is not defined for this truth", remedy="Choose another objective."
            )
        trial.set_user_attr("settings", chosen.to_json())
        trial.set_user_attr("scores", found)
        return float(found[objective] or 0.0)

    try:
        for number in range(done, trials):
            progress("tuning", number, trials)
            study.optimize(one, n_trials=1)
        progress("tuning", trials, trials)
    except Enough:
        pass
    except BaseException:
        if not tuning_report.finished(study):  # nothing to go on with
            (folder / _LOG).unlink(missing_ok=True)
        raise
    best, default = tuning_report.chosen(study, folder)
    held = None
    if last is not None:
        first, end = labels.sizes["T"], labels.sizes["T"] + last[0].sizes["T"]
        scored = [_score(*last, one, objective, gaps) for one in (best.settings, default.settings)]
        held = tuning_report.Held((first, end - 1), *scored)
    return tuning_report.write(study, folder, objective, best, default, held)


def _radii(labels: xr.DataArray) -> np.ndarray:
    from imagej_dl.tracking.spots import find

    spots, _ = find(labels)
    if not len(spots):
        raise UserError("has no objects to track", path=labels.attrs.get("title") or None)
    return spots["radius"].to_numpy()


def _signature(
    labels: xr.DataArray, tracker: str, objective: str, space: Space, gaps: str
) -> dict[str, Any]:
    pixels = np.asarray(labels)
    return {
        "tracker": tracker,
        "objective": objective,
        "space": {key: list(values) for key, values in space.items()},
        "labels": [*pixels.shape, int(pixels.astype(np.int64).sum())],
        **({} if gaps == "cut" else {"gaps": gaps}),
    }


def _study(folder: Path, resume: bool, seed: int, signature: dict[str, Any]) -> optuna.Study:
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise UserError(
            "Optuna is not installed", remedy="Install it with `pip install imagej-dl[tune]`."
        ) from error
    log = folder / _LOG
    if log.exists() and not resume:
        raise UserError(
            "is already there", path=log, remedy="Go on with --resume, or name another folder."
        )
    if resume and not log.exists():
        raise UserError("there are no trials to go on with", path=log)
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


def _score(
    labels: xr.DataArray,
    truth: scores.Truth,
    chosen: settings.TrackerSettings,
    objective: str,
    gaps: ctc.Gaps,
    progress: Progress = silent,
) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the same in each trial
        own = choice.of("auto", chosen)
        own = "embedded" if own == "auto" else own
        tracks = engine.track(labels, settings=chosen, engine=own, progress=progress)
        also = ("CHOTA",) if objective == "CHOTA" else ()
        return scores.score(ctc.layout(tracks, gaps), truth, also)
