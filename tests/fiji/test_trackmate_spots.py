"""TrackMate's spots are found again in ours by position; others are refused. Needs no Java."""

from __future__ import annotations

import pandas as pd
import pytest

from imagej_dl.errors import UserError
from imagej_dl.fiji.trackmate import settings, spots


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
