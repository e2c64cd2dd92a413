"""Which settings of a tracker are tuned, between which bounds or over which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagej_dl.errors import UserError
from imagej_dl.tracking import settings

if TYPE_CHECKING:
    import optuna

Space = Mapping[str, Sequence[Any]]
"""For each setting two numbers, from least to largest, or the values to choose from."""

_FAR = ("LINKING_MAX_DISTANCE", "GAP_CLOSING_MAX_DISTANCE", "SPLITTING_MAX_DISTANCE",
        "MERGING_MAX_DISTANCE", "KALMAN_SEARCH_RADIUS", "MAX_SEARCH_RADIUS",
        "DIST_THRESH")  # fmt: skip
_CHOICES: dict[str, Sequence[Any]] = {
    "ALLOW_GAP_CLOSING": [True, False],
    "ALLOW_TRACK_SPLITTING": [True, False],
    "MAX_FRAME_GAP": [1, 4],
    "ALTERNATIVE_LINKING_COST_FACTOR": [1.0, 2.0],
    "CUTOFF_PERCENTILE": [0.5, 1.0],
    "SCALE_FACTOR": [0.8, 2.0],
    "MIN_IOU": [0.01, 0.6],
    # motile's
    "APPEAR_COST": [0.2, 3.0],
    "DISAPPEAR_COST": [0.2, 3.0],
    "SPLITTING_COST": [0.0, 1.0],
    "GAP_COST": [0.0, 1.0],
    "OVERLAP_WEIGHT": [0.0, 2.0],
    "AREA_WEIGHT": [0.0, 2.0],
    # btrack's
    "MAX_LOST": [0, 5],
    "PROB_NOT_ASSIGN": [0.001, 0.3],
    "ACCURACY": [1.0, 10.0],
    "SIGMA_MOTION": [1.0, 30.0],
    "SIGMA_POSITION": [1.0, 30.0],
    "LAMBDA_DIST": [1.0, 30.0],
    "LAMBDA_LINK": [1.0, 50.0],
    "LAMBDA_BRANCH": [1.0, 100.0],
    "TIME_THRESH": [1.0, 5.0],
    "SEGMENTATION_MISS_RATE": [0.001, 0.5],
    # before tracking
    "fill_gaps": [False, True],
    "split_fused": [False, True],
}
BEFORE = ("fill_gaps", "split_fused")
# What a setting is of use for only where another is on.
_NEEDS = {
    "GAP_CLOSING_MAX_DISTANCE": "ALLOW_GAP_CLOSING",
    "SPLITTING_MAX_DISTANCE": "ALLOW_TRACK_SPLITTING",
    "SPLITTING_COST": "ALLOW_TRACK_SPLITTING",
    "LAMBDA_BRANCH": "ALLOW_TRACK_SPLITTING",
    "MERGING_MAX_DISTANCE": "ALLOW_TRACK_MERGING",
}


def of(tracker: str, radius: float, distance: float | None = None) -> dict[str, list[Any]]:
    """The settings of a tracker that are tuned unless others are named.

    Distances go from a half to eight times the objects' median radius (in their unit), or to twice
    the `distance` that their size and motion say, if that is more.
    """
    farthest = max(8 * radius, 2 * (distance or 0.0))
    models = settings.MODELS | settings.OTHERS
    known = [str(field.alias) for field in models[tracker].model_fields.values()]
    found: dict[str, list[Any]] = {}
    for key in known:
        if key in _FAR and not key.startswith("MERGING"):
            found[key] = [round(0.5 * radius, 3), round(farthest, 3)]
        elif key in _CHOICES:
            found[key] = list(_CHOICES[key])
    return found | {key: list(_CHOICES[key]) for key in BEFORE}


def check(space: Space, tracker: str) -> None:
    """Raise UserError for a space with unknown settings or wrong values."""
    for key, values in space.items():
        if not isinstance(values, Sequence) or isinstance(values, str) or not len(values):
            raise UserError(f"the space of {key} is no list of values or of two bounds")
        tried = {key: values[0]} if key not in BEFORE else {}
        for value in values if tried else ():
            settings.make(tracker, {key: value})
        if _bounds(values) and values[0] > values[1]:
            raise UserError(f"the bounds of {key} are in the wrong order: {values[0]}, {values[1]}")
    if not space:
        raise UserError("there is no setting to tune")


def defaults(tracker: str, space: Space, distance: float | None = None) -> dict[str, Any]:
    """The tracker's usual values, distances as measured, as near as the space allows."""
    values = settings.make(tracker).settings.to_map() | dict.fromkeys(BEFORE, False)
    if distance is not None:
        values |= {key: distance for key in _FAR if key in values}
    if "ALLOW_TRACK_SPLITTING" in values:
        values["ALLOW_TRACK_SPLITTING"] = True
    found = {}
    for key, own in space.items():
        value = values[key]
        if _bounds(own) and not isinstance(value, bool):
            value = type(own[0])(min(max(value, own[0]), own[1]))
        found[key] = value if _bounds(own) or value in own else own[0]
    return found


def _bounds(values: Sequence[Any]) -> bool:
    """Whether these are two bounds and not values to choose from."""
    return len(values) == 2 and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def choose(trial: optuna.Trial, tracker: str, space: Space) -> settings.TrackerSettings:
    """Let a trial choose its settings."""
    values: dict[str, Any] = {}
    for key, own in sorted(space.items(), key=lambda item: item[0] in _NEEDS):
        if values.get(_NEEDS.get(key, ""), True) is False:
            continue
        if not _bounds(own):
            values[key] = trial.suggest_categorical(key, list(own))
        elif all(isinstance(value, int) for value in own):
            values[key] = trial.suggest_int(key, *own)
        else:
            low, high = map(float, own)
            values[key] = trial.suggest_float(key, low, high, log=low > 0 and key in _FAR)
    before: dict[str, Any] = {key: bool(values.pop(key, False)) for key in BEFORE}
    return settings.make(tracker, values, **before)
