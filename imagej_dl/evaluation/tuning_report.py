"""The report of a tuning: best.json, trials.csv and report.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagej_dl.errors import UserError
from imagej_dl.evaluation import tuning_space
from imagej_dl.evaluation.tuning_study import WRITTEN
from imagej_dl.optimization import Study, write_json, write_table
from imagej_dl.tracking import settings

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Held:
    """Frames that nothing was tuned on (first and last, from 0), and the scores on them alone."""

    frames: tuple[int, int]
    best: dict[str, Any]
    default: dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """Settings and their scores on the frames tuned on."""

    settings: settings.TrackerSettings
    scores: dict[str, Any]


@dataclass(frozen=True)
class Tuned:
    """The best settings, their scores, those of the defaults, and how many trials.

    The scores are those on the frames that were tuned on; `held` has those on the others.
    """

    settings: settings.TrackerSettings
    best: dict[str, Any]
    default: dict[str, Any]
    trials: int
    held: Held | None = None


def chosen(study: Study, folder: Path) -> tuple[Trial, Trial]:
    """Return the best trial and the first, which has the tracker's defaults."""
    done = finished(study)
    if not done:
        raise UserError("no trial was completed", path=folder)
    return _trial(max(done, key=lambda trial: trial.value or 0.0)), _trial(done[0])


def write(
    study: Study,
    folder: Path,
    objective: str,
    best: Trial,
    default: Trial,
    held: Held | None,
) -> Tuned:
    """Write the files, and return what they hold."""
    done = finished(study)
    best_path, trials_path, report_path = (folder / name for name in WRITTEN)
    write_json(best.settings.to_json(), best_path)
    write_json(
        {
            "objective": objective,
            "trials": len(done),
            "best": best.scores,
            "default": default.scores,
            "held_out": asdict(held) if held else None,
            "space": study.kept("of")["space"],
            "settings": best.settings.to_json(),
        },
        report_path,
    )
    rows = [
        {"trial": t.number, objective: t.value, **t.user_attrs["scores"], **t.params} for t in done
    ]
    write_table(rows, trials_path)
    return Tuned(best.settings, best.scores, default.scores, len(done), held)


def finished(study: Study) -> list[FrozenTrial]:
    """Return the trials that were scored, in their order; not those that failed or were stopped."""
    return [trial for trial in study.trials() if "scores" in trial.user_attrs]


def _trial(trial: FrozenTrial) -> Trial:
    found = trial.user_attrs["settings"]
    before = {key: found.get(key, False) for key in tuning_space.BEFORE}
    made = settings.make(found["tracker"], found["settings"], **before)
    return Trial(made, trial.user_attrs["scores"])
