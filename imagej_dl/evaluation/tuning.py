"""The tuning of a tracker's settings against ground truth, by Optuna.

Every trial tracks the first frames of a label movie under other settings and scores the result
against Cell Tracking Challenge ground truth. The first are the tracker's defaults, so that the
best is never worse. The last frames are held out: on them the best and the defaults are scored at
the end, and the better of both is kept. Trials are kept in a file as they are done: a tuning that
was stopped goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imagej_dl import ctc
from imagej_dl.errors import Enough, UserError, warn
from imagej_dl.evaluation import movie_parts, tuning_report, tuning_space, tuning_study
from imagej_dl.evaluation.tuning_report import Tuned
from imagej_dl.evaluation.tuning_space import Space
from imagej_dl.evaluation.tuning_trials import Trials
from imagej_dl.images import calibration
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import linking_distance
from imagej_dl.tracking.settings import default as default_settings
from imagej_dl.tracking.settings import make as make_settings
from imagej_dl.tracking.trackers import registry

if TYPE_CHECKING:
    import optuna
    import xarray as xr

Objective = Literal["TRA", "LNK", "CHOTA"]


def tune(
    labels: xr.DataArray,
    truth: ctc.GroundTruth,
    folder: str | Path,
    tracker: str = registry.DEFAULT,
    objective: Objective = "TRA",
    trials: int = 60,
    space: Space | None = None,
    seed: int = 0,
    resume: bool = False,
    progress: Progress = silent,
    held_out: float = 0.3,
    gaps: ctc.Gaps = "cut",
) -> Tuned:
    """Find the settings under which a tracker scores best.

    Parameters
    ----------
    labels : label movie, T, Y, X.
    truth : the ground truth it is scored against; see :func:`imagej_dl.ctc.read_truth`.
    folder : where the trials are kept (`trials.log`), and at the end `best.json` (for `track
        --settings`), `trials.csv` and `report.json` are written.
    objective : TRA, LNK (links alone) or CHOTA.
    trials : in all, those of a tuning that goes on included.
    space : settings and their bounds or values; those of
        :func:`imagej_dl.evaluation.tuning_space.of` unless given. What it does not name keeps
        TrackMate's default.
    seed : of the sampler.
    resume : go on with the trials in the folder.
    held_out : share of the frames, the last ones, that nothing is tuned on. Where the defaults are
        better on them than the best settings, the defaults are kept.
    gaps : how gaps are scored; see :func:`imagej_dl.ctc.layout`.

    Raises
    ------
    UserError : when Optuna is not installed, when there are trials already, for a space with
        unknown settings, and when the trials there were of other data.
    Cancelled : when `progress` raises it; the trials so far are kept. `Enough` ends the search
        with the best so far.

    Warns
    -----
    DataWarning : when there are too few frames to hold some out.
    """
    folder = Path(folder)
    radius = float(np.median(_radii(labels)))
    reach = linking_distance.measured(labels)
    distance = None if reach is None else round(reach.distance, 3)
    own = space is None
    if space is None:
        kept = tuning_study.space(folder, seed) if resume else None
        space = kept or tuning_space.of(tracker, radius, distance)
    space = dict(space)
    tuning_space.check(space, tracker)
    (labels, truth), last = movie_parts.split(labels, truth, held_out)
    signature = tuning_study.signature(labels, tracker, objective, space, gaps)
    study = tuning_study.open_study(folder, resume, seed, signature)
    tuning_study.hold(study, folder, labels, truth)
    done = len(tuning_report.finished(study))
    runs = Trials(labels, truth, objective, gaps)
    # The first that is scored has the defaults, also after one that was stopped.
    if not done and not study.trials("WAITING"):
        study.enqueue(tuning_space.defaults(tracker, space))
        # Then what `track` does unasked.
        if distance is not None and trials > 1:
            study.enqueue(tuning_space.defaults(tracker, space, distance))

    def listen(*_: Any) -> None:
        """Within a trial, which may be long: it is stopped as well."""
        progress("tuning", number, trials)

    def scored(trial: optuna.Trial) -> float | None:
        chosen = tuning_space.choose(trial, tracker, space)
        if own and not tuning_report.finished(study):
            # Exactly the defaults: some may lie outside of the bounds.
            chosen = make_settings(
                tracker, registry.trackers()[tracker].settings_model.usual_values()
            )
        try:
            found = runs.score(chosen, listen)
        except UserError as error:
            if not tuning_report.finished(study):
                raise  # not even the defaults do
            warn(f"trial {number + 1} is left out: {error}")
            return None
        if objective not in found:
            raise UserError(
                f"{objective} is not defined for this ground truth",
                remedy="Choose another objective.",
            )
        trial.set_user_attr("settings", chosen.to_json())
        trial.set_user_attr("scores", found)
        return float(found[objective] or 0.0)

    try:
        for number in range(done, trials):
            progress("tuning", number, trials)
            study.run(scored)
        progress("tuning", trials, trials)
    except Enough:
        pass
    except BaseException:
        if not tuning_report.finished(study):  # nothing to go on with
            (folder / tuning_study.LOG).unlink(missing_ok=True)
        raise
    best, default = tuning_report.chosen(study, folder, calibration(labels).unit)
    held = None
    if last is not None:
        first, end = labels.sizes["T"], labels.sizes["T"] + last[0].sizes["T"]
        unseen = Trials(*last, objective, gaps)
        usual = None if tracker == registry.BY_MASKS else unseen.score(default_settings("auto"))
        scores = unseen.score(best.settings), unseen.score(default.settings)
        held = tuning_report.Held((first, end - 1), *scores, usual)
    return tuning_report.write(study, folder, objective, best, default, held)


def _radii(labels: xr.DataArray) -> np.ndarray:
    from imagej_dl.tracking.spots import find

    spots, _ = find(labels)
    if not len(spots):
        raise UserError("has no objects to track", path=labels.attrs.get("title") or None)
    return spots["radius"].to_numpy()
