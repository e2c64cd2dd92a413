"""A real TrackMate at work: its log and progress are passed on, and it can be cancelled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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


@pytest.mark.skipif(os.name == "nt", reason="sends a signal as a shell does")
def test_ctrl_c_is_one_word(fiji_home: Path, tmp_path: Path) -> None:
    labels, _ = simulated.movie(4, 40, 3)
    many = images.with_data(labels, np.tile(np.asarray(labels), (40, 1, 1)))
    images.write(many, tmp_path / "labels.tif")
    command = [sys.executable, "-m", "imagej_dl", "track", str(tmp_path / "labels.tif")]
    command += ["--engine", "trackmate", "--fiji", str(fiji_home), "--out", str(tmp_path / "out")]
    # What a shell runs in the background ignores Ctrl-C, and so would all that it starts.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        for line in process.stdout or ():
            if "Found" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read() if process.stdout else ""
    assert process.returncode == 130, rest
    assert rest.strip().splitlines()[-1] == "cancelled"
    assert "Traceback" not in rest
    assert "\tat " not in rest
    assert not (tmp_path / "out").exists()


def test_macro_without_a_screen(fiji_home: Path, tmp_path: Path) -> None:
    """`run("ImageJ-DL Track", …)` in a Fiji that has no window; with one see tests/fiji.

    TrackMate is asked for: else the embedded engine makes the same links, without a second Fiji.
    """
    labels, _ = simulated.movie(4, 10, 3)
    images.write(labels, tmp_path / "labels.tif")
    options = f"labels=[{tmp_path / 'labels.tif'}] out=[{tmp_path / 'out'}]"
    options += " engine=trackmate"
    (tmp_path / "track.ijm").write_text(f'run("ImageJ-DL Track", "{options}"); print("ended");')
    command = [sys.executable, "-m", "imagej_dl", "fiji", str(fiji_home), "--headless"]
    command += ["--macro", str(tmp_path / "track.ijm")]
    without = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=without)
    assert done.returncode == 0, done.stderr
    assert "ended" in done.stdout
    found = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert found["engine"] == "trackmate"
    assert found["counts"] == tracking.read_trackmate(tmp_path / "out" / "tracks.xml").counts
    assert found["counts"]["links"] > 20
