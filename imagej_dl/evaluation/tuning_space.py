"""The search space of a tuning: settings of a tracker with their bounds or values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagej_dl.errors import UserError
from imagej_dl.tracking import settings
from imagej_dl.tracking.trackers import registry

if TYPE_CHECKING:
    import optuna

Space = Mapping[str, Sequence[Any]]
"""For each setting two numbers, from least to largest, or the values to choose from."""

BEFORE = ("fill_gaps", "split_fused")
"""Switches of what is done before tracking, which are tuned with every tracker."""


def of(tracker: str, radius: float, distance: float | None = None) -> dict[str, list[Any]]:
    """Return the search space of a tracker, where no other one is named.

    It is declared with the settings of the tracker; see
    :meth:`imagej_dl.tracking.trackers.base.Tracker.search_space`.
    """
    space = registry.trackers()[tracker].search_space(radius, distance)
    return space | {key: [False, True] for key in BEFORE}


def check(space: Space, tracker: str) -> None:
    """Raise UserError for a space with unknown settings or wrong values."""
    for key, values in space.items():
        if not isinstance(values, Sequence) or isinstance(values, str) or not len(values):
            raise UserError(f"the space of {key} must be a list of values or two bounds")
        tried = {key: values[0]} if key not in BEFORE else {}
        for value in values if tried else ():
            settings.make(tracker, {key: value})
        if _bounds(values) and values[0] > values[1]:
            raise UserError(f"the bounds of {key} are in the wrong order: {values[0]}, {values[1]}")
    if not space:
        raise UserError("there are no settings to tune")


def defaults(tracker: str, space: Space, distance: float | None = None) -> dict[str, Any]:
    """Return the values used where no settings are named, as near as the space allows.

    All distances are the measured `distance`, if there is one.
    """
    model = registry.trackers()[tracker].settings_model
    values = settings.make(tracker).settings.to_map() | dict.fromkeys(BEFORE, False)
    if distance is not None:
        values |= {key: distance for key, setting in model.declared().items() if setting.distance}
    values |= model.usual_values()
    usual = {}
    for key, own in space.items():
        value = values[key]
        if _bounds(own) and not isinstance(value, bool):
            value = type(own[0])(min(max(value, own[0]), own[1]))
        usual[key] = value if _bounds(own) or value in own else own[0]
    return usual


def _bounds(values: Sequence[Any]) -> bool:
    """Return True for two bounds, False for values to choose from."""
    return len(values) == 2 and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def choose(trial: optuna.Trial, tracker: str, space: Space) -> settings.TrackerSettings:
    """Return settings that a trial of Optuna samples from the space."""
    declared = registry.trackers()[tracker].settings_model.declared()
    only_with = {key: setting.only_with for key, setting in declared.items() if setting.only_with}
    distances = {key for key, setting in declared.items() if setting.distance}
    values: dict[str, Any] = {}
    for key, own in sorted(space.items(), key=lambda item: item[0] in only_with):
        if values.get(only_with.get(key, ""), True) is False:
            continue
        if not _bounds(own):
            values[key] = trial.suggest_categorical(key, list(own))
        elif all(isinstance(value, int) for value in own):
            values[key] = trial.suggest_int(key, *own)
        else:
            low, high = map(float, own)
            values[key] = trial.suggest_float(key, low, high, log=low > 0 and key in distances)
    before: dict[str, Any] = {key: bool(values.pop(key, False)) for key in BEFORE}
    return settings.make(tracker, values, **before)
