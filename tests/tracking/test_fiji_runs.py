"""A real TrackMate at work: its log and progress are passed on, and it can be cancelled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulated

from imagej_dl import images, tracking
from imagej_dl.errors import Cancelled

pytestmark = pytest.mark.fiji

SETTINGS = tracking.make_settings("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_SPLITTING": True})


class _Stop(simulated.Notes):
    """Cancels at the first news of a stage that is not of its very beginning."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage
        self.asked = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        super().__call__(stage, done, total)
        if stage == self.stage and len(self.stages[stage]) > 1 and done < total:
            self.asked = time.monotonic()
            raise Cancelled


def _runs(folder: str) -> dict[str, Any]:
    labels, image = simulated.movie(12, 40, 4)
    notes = simulated.Notes()
    tracks = tracking.track(labels, image, SETTINGS, "trackmate", progress=notes)
    path = Path(folder, "tracks.xml")
    path.write_bytes(tracks.file or b"")
    seen: dict[str, Any] = {"said": notes.said, "stages": notes.stages}
    seen["log"] = path.read_text(encoding="utf-8").split("</Log>")[0]
    # Long enough to be stopped in the middle: 600 frames of many objects.
    many = images.with_data(labels, np.tile(np.asarray(labels), (50, 1, 1)))
    for stage in ("TrackMate: spots", "TrackMate: spot features"):
        stop = _Stop(stage)
        try:
            tracking.track(many, None, SETTINGS, "trackmate", progress=stop)
            seen[stage] = "ran to its end"
        except Cancelled:
            seen[stage] = (time.monotonic() - stop.asked, list(stop.stages))
    again = tracking.track(labels, image, SETTINGS, "trackmate")
    seen["again"] = again.edges.equals(tracks.edges)
    return seen


def test_log_progress_and_cancel(own_process: Any, fiji_home: Path, tmp_path: Path) -> None:
    seen = own_process(_runs, str(tmp_path))
    assert any("Found" in line for line in seen["said"])
    assert any("tracking" in line for line in seen["said"])
    for step in ("spots", "spot features", "tracking", "link features", "track features"):
        values = seen["stages"][f"TrackMate: {step}"]
        assert values[0] == 0, step
        assert values[-1] == 1, step
    # All that is said is in the file, from the first step on.
    assert "Tracked by imagej-dl." in seen["log"]
    assert "Starting initial filtering" in seen["log"]
    assert "Starting tracking process" in seen["log"]
    for stage in ("TrackMate: spots", "TrackMate: spot features"):
        waited, stages = seen[stage]
        assert waited < 5, stage
        assert stages[-1] == stage  # no later step was begun
    assert seen["again"]  # and the process is as good as before
