"""TrackMate's spots are found again in ours by position; others are refused. Needs no Java."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.fiji.trackmate import engine, settings, spots


class Spot:
    def __init__(self, number: int, frame: int, x: float, y: float) -> None:
        self.number, self.frame, self.place = number, frame, (x, y)

    def ID(self) -> int:
        return self.number

    def getFeature(self, name: str) -> float:
        return float({"FRAME": self.frame}[name])

    def getDoublePosition(self, axis: int) -> float:
        return self.place[axis]


class Spots(list):
    def iterable(self, visible: bool) -> list:
        return self


OURS = pd.DataFrame({"frame": [0, 0, 1], "x": [1.0, 9.0, 2.0], "y": [1.0, 5.0, 2.0]})


def test_spots_are_matched_by_position():
    theirs = Spots([Spot(7, 1, 2, 2), Spot(3, 0, 9, 5), Spot(5, 0, 1, 1)])
    assert spots.match(OURS, theirs) == {7: 2, 3: 1, 5: 0}


@pytest.mark.parametrize(
    "theirs",
    [
        [Spot(1, 0, 1, 1), Spot(2, 0, 9, 5)],
        [Spot(1, 0, 1, 1), Spot(2, 0, 9, 6), Spot(3, 1, 2, 2)],
        [Spot(1, 0, 1, 1), Spot(2, 1, 9, 5), Spot(3, 1, 2, 2)],
        [Spot(1, 0, 1, 1), Spot(2, 0, 9, 5), Spot(3, 2, 2, 2)],
    ],
)
def test_other_spots_are_refused_with_a_way_out(theirs, monkeypatch):
    monkeypatch.setattr(settings, "version", lambda: "9.0")
    with pytest.raises(UserError, match=r"TrackMate \(9\.0\).*--engine embedded"):
        spots.match(OURS, Spots(theirs))


def test_trackmate_is_given_low_ids(monkeypatch):
    """Its detector makes a list of all numbers up to the largest id."""
    array = np.zeros((2, 20, 20), np.uint32)
    array[0, 2:8, 2:8], array[0, 10:18, 10:18] = 4_000_000_000, 7
    array[1, 2:8, 2:8] = 4_000_000_000
    given = []

    def work(labels, *_):
        given.append(labels)
        raise Cancelled

    for name in ("leave_ctrl_c", "start"):
        monkeypatch.setattr(engine.gateway, name, lambda *_: None)
    monkeypatch.setattr(engine, "Log", lambda: None)
    monkeypatch.setattr(engine, "_work", work)
    with pytest.raises(Cancelled):
        engine.track(images.make(array, "TYX"), None, tracking.default_settings())
    low = np.zeros_like(array)
    low[array == 7], low[0][array[0] > 7], low[1][array[1] > 7] = 1, 2, 1
    np.testing.assert_array_equal(given[0], low)
    few = images.make((array > 0).astype(np.uint16), "TYX")
    assert spots.low_ids(few) is few
