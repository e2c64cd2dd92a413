"""The report of a tuning: best.json, trials.csv and report.json."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagej_dl.errors import UserError
from imagej_dl.evaluation import tuning_space
from imagej_dl.evaluation.tuning_study import WRITTEN
from imagej_dl.optimization import Study, write_json, write_table
from imagej_dl.tracking import settings
from imagej_dl.tracking.settings import TrackerSettings
from imagej_dl.tracking.trackers import registry

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Held:
    """Frames that nothing was tuned on (first and last, from 0), and the scores on them alone.

    auto : those of AUTO, which `track` uses without settings; None where AUTO itself is tuned.
    """

    frames: tuple[int, int]
    best: dict[str, Any]
    default: dict[str, Any]
    auto: dict[str, Any] | None = None

    def prefers_defaults(self, objective: str) -> bool:
        """Return True where the defaults score better than the best settings of the trials."""
        return _value(self.default, objective) > _value(self.best, objective)

    def prefers_auto(self, objective: str) -> bool:
        """Return True where AUTO scores better than both."""
        kept = max(_value(self.best, objective), _value(self.default, objective))
        return self.auto is not None and _value(self.auto, objective) > kept


@dataclass(frozen=True)
class Trial:
    """Settings and their scores on the frames tuned on."""

    settings: TrackerSettings
    scores: dict[str, Any]


@dataclass(frozen=True)
class Tuned:
    """The settings that are kept, scores, and how many trials.

    settings : those of best.json: of the best trial, or the defaults where these are better on the
        frames that were held out.
    best, default : scores of the best trial and of the defaults on the frames that were tuned on.
    held : those on the others.
    found : settings of the best trial.
    usual : settings that `default` and `held` call the defaults: the tracker's, or what a search
        space without these has nearest to them.
    """

    settings: TrackerSettings
    best: dict[str, Any]
    default: dict[str, Any]
    trials: int
    held: Held | None = None
    found: TrackerSettings | None = None
    usual: TrackerSettings | None = None

    @property
    def lacks_defaults(self) -> bool:
        """Return True where the search space does not hold the tracker's defaults."""
        if self.usual is None:
            return False
        tracker = self.usual.tracker
        own = registry.trackers()[tracker].settings_model.usual_values()
        known = (settings.make(tracker), settings.make(tracker, own))
        return self.usual.in_unit("") not in known

    @property
    def keeps_defaults(self) -> bool:
        """Return True where the settings of the best trial were not kept."""
        return self.found is not None and self.settings != self.found


def chosen(study: Study, folder: Path, unit: str) -> tuple[Trial, Trial]:
    """Return the best trial and the first, which has the tracker's defaults.

    `unit` is that of the labels, in which the distances are.
    """
    done = finished(study)
    if not done:
        raise UserError("no trial was completed", path=folder)
    best = max(done, key=lambda trial: trial.value or 0.0)
    return _trial(best, unit), _trial(done[0], unit)


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
    # What is worse than the defaults on other frames than its own would be so on the next movie.
    worse = held is not None and held.prefers_defaults(objective)
    kept = default if worse else best
    best_path, trials_path, report_path = (folder / name for name in WRITTEN)
    write_json(kept.settings.to_json(), best_path)
    write_json(
        {
            "objective": objective,
            "trials": len(done),
            "best": best.scores,
            "default": default.scores,
            "held_out": asdict(held) if held else None,
            "space": study.kept("of")["space"],
            "settings": kept.settings.to_json(),
            "best_settings": best.settings.to_json(),
            "default_settings": default.settings.to_json(),
            "keeps_defaults": worse,
        },
        report_path,
    )
    rows = [
        {"trial": t.number, objective: t.value, **t.user_attrs["scores"], **_used(t)} for t in done
    ]
    write_table(rows, trials_path)
    scores = best.scores, default.scores
    return Tuned(kept.settings, *scores, len(done), held, best.settings, default.settings)


def finished(study: Study) -> list[FrozenTrial]:
    """Return the trials that were scored, in their order; not those that failed or were stopped."""
    return [trial for trial in study.trials() if "scores" in trial.user_attrs]


def _used(trial: FrozenTrial) -> dict[str, Any]:
    """Return the tuned settings of a trial; the defaults may lie outside of the space."""
    found = trial.user_attrs["settings"]
    values = found | found["settings"]
    return {key: values.get(key, value) for key, value in trial.params.items()}


def _value(scores: dict[str, Any], objective: str) -> float:
    """Return a score, the least one where it is not defined."""
    value = scores.get(objective)
    return -math.inf if value is None else float(value)


def _trial(trial: FrozenTrial, unit: str) -> Trial:
    found = trial.user_attrs["settings"]
    before = {key: found.get(key, False) for key in tuning_space.BEFORE}
    made = settings.make(found["tracker"], found["settings"], unit=unit, **before)
    return Trial(made, trial.user_attrs["scores"])
