"""Filters of spots, links and tracks by their features, as TrackMate applies them.

A filter keeps what has a feature at or above its value, or at or below it; several must all
hold. TrackMate has filters of spots, before tracking, and of tracks; those of links are applied
in between, before tracks are made of the links.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from imagej_dl.errors import UserError
from imagej_dl.tracking.trackers import cost_matrix

if TYPE_CHECKING:
    import pandas as pd


class Filter(BaseModel):
    """A filter as TrackMate's files declare it: feature, value, and whether it is a minimum."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    feature: str
    value: float
    isabove: bool = True


def of_spots(spots: pd.DataFrame, filters: Iterable[Filter]) -> np.ndarray:
    """Return which spots pass; what is not a number is above everything, as in Java."""

    def passes(criterion: Filter) -> np.ndarray:
        values = cost_matrix.column(spots, criterion.feature)
        values = np.where(np.isnan(values), np.inf, values)
        return values >= criterion.value if criterion.isabove else values <= criterion.value

    return _all(len(spots), filters, passes)


def of_links(features: pd.DataFrame, filters: Iterable[Filter]) -> np.ndarray:
    """Return which links pass; `features` as :func:`imagej_dl.tracking.features.of_edges`."""
    return _of_table(features, filters, "links")


def of_tracks(features: pd.DataFrame, filters: Iterable[Filter]) -> np.ndarray:
    """Return which tracks pass; `features` as :func:`imagej_dl.tracking.features.of_tracks`."""
    return _of_table(features, filters, "tracks")


def _of_table(features: pd.DataFrame, filters: Iterable[Filter], what: str) -> np.ndarray:
    def passes(criterion: Filter) -> np.ndarray:
        if criterion.feature not in features:
            raise UserError(
                f"{what} have no feature {criterion.feature}",
                remedy=f"Known are {', '.join(map(str, features))}.",
            )
        values = features[criterion.feature].to_numpy(float)
        # What is not a number passes either way, as in TrackMate.
        return ~(values < criterion.value) if criterion.isabove else ~(values > criterion.value)

    return _all(len(features), filters, passes)


def _all(
    count: int, filters: Iterable[Filter], passes: Callable[[Filter], np.ndarray]
) -> np.ndarray:
    kept = np.ones(count, bool)
    for criterion in filters:
        kept &= passes(criterion)
    return kept


def from_xml(attributes: Mapping[str, Any]) -> Filter:
    """Make a filter of the attributes of TrackMate's element; ValueError for one at no number."""
    feature, value = attributes["feature"], float(attributes["value"])
    if not math.isfinite(value):
        raise ValueError(f"a filter of {feature} is at {attributes['value']}")
    above = attributes.get("isabove", "true") == "true"
    return Filter(feature=feature, value=value, isabove=above)
