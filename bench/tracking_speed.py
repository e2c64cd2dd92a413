"""Time the tracking step: the embedded engine, a real TrackMate and laptrack on the same spots.

    FIJI_HOME=/path/to/Fiji.app python bench/tracking_speed.py [--rounds 5] [--laptrack] [--crowds]

Moving, dividing, missed spots, in memory on both sides; LAP with gap closing and splitting. Each
size's engines run in turn in one process after rounds that warm them up; the figures are medians.
Peak memory is that of a process of its own that reads the spots and links them (VmHWM, above what
it had before), and of Java's heap. Without FIJI_HOME the embedded engine alone is timed. It ends
with 1 when TrackMate has other links or is faster, or when a spot of the largest movie takes more
than 1.5 times as long as one of the smallest. AUTO links the same spots as discs of one radius.
--crowds times LAP and AUTO alone, by processor time, on ten frames of 500 to 5,000 spots.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from moving_spots import SIZES, table

from imagej_dl.tracking import settings
from imagej_dl.tracking.trackers import auto, lap
from imagej_dl.tracking.trackers.automatic.objects import Objects

CHOSEN = settings.default()  # gap closing and splitting
CROWDS = (500, 1000, 2000, 5000)
_ALONE = "import sys, tracking_speed; tracking_speed.linked_alone(*map(int, sys.argv[1:]))"


def ours(spots: pd.DataFrame) -> float:
    begin = time.perf_counter()
    lap.link(spots, CHOSEN.settings)
    return time.perf_counter() - begin


def by_auto(spots: pd.DataFrame, frames: int) -> float:
    """Time AUTO on discs with a radius of 6 at the places of the spots."""
    place = spots[["x", "y"]].to_numpy(float)
    area = np.full(len(spots), np.pi * 36)
    size, pixel = place.max(axis=0) + 1, np.ones(2)
    begin = time.perf_counter()
    objects = Objects(spots["frame"].to_numpy(), place, area, frames, size, pixel)
    auto.link(objects, auto.AutoSettings())
    return time.perf_counter() - begin


def compare(frames: int, cells: int, rounds: int, fiji: bool, other: bool) -> dict[str, Any]:
    """Time all engines in turn on one movie; see whether their links are the same."""
    spots = table(frames, cells)
    found = lap.link(spots, CHOSEN.settings)
    links = set(zip(found.sources.tolist(), found.targets.tolist(), strict=True))
    result: dict[str, Any] = {"spots": len(spots), "links": len(links), "same": True}
    engines = {"imagej-dl": lambda: ours(spots), "AUTO": lambda: by_auto(spots, frames)}
    if fiji:
        from trackmate_tracker import TrackMateTracker

        theirs = TrackMateTracker(spots, CHOSEN.settings.to_map())
        engines["TrackMate"] = theirs.track
    if other:
        from tracking import by_laptrack

        engines["laptrack"] = lambda: by_laptrack(spots, CHOSEN.settings)[1]
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for index in range(rounds + 2):
        for name, engine in engines.items():
            seconds = engine()
            if index > 1:
                taken[name].append(seconds)
    result |= {name: statistics.median(values) for name, values in taken.items()}
    result["memory"] = memory(frames, cells)
    if fiji:
        result["same"] = theirs.links() == links
        result["heap"] = theirs.peak()
    return result


def crowds(rounds: int) -> None:
    """Print the least processor time for a spot of LAP and AUTO, by spots in a frame."""
    for cells in CROWDS:
        spots = table(10, cells)
        times: dict[str, list[float]] = {"LAP": [], "AUTO": []}
        for _ in range(rounds + 1):
            begin = time.process_time()
            ours(spots)
            between = time.process_time()
            by_auto(spots, 10)
            times["LAP"].append(between - begin)
            times["AUTO"].append(time.process_time() - between)
        least = {name: min(taken[1:]) / len(spots) * 1e6 for name, taken in times.items()}
        words = ", ".join(f"{name} {value:.2f}" for name, value in least.items())
        print(f"{cells} a frame: {words} µs a spot", flush=True)


def memory(frames: int, cells: int) -> tuple[float, float]:
    """Peak memory of a process that links these spots: in all, and above what it began with."""
    command = [sys.executable, "-c", _ALONE, str(frames), str(cells)]
    place = Path(__file__).parent
    told = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True).stdout
    before, after = map(float, told.split())
    return after, after - before


def linked_alone(frames: int, cells: int) -> None:
    spots = table(frames, cells)
    lap.link(spots[spots["frame"] < 3], CHOSEN.settings)  # what is imported late
    before = _most()
    lap.link(spots, CHOSEN.settings)
    print(before, _most())


def _most() -> float:
    """The most memory this process has had, in MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+)", status)[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--laptrack", action="store_true")
    parser.add_argument("--crowds", action="store_true")
    options = parser.parse_args()
    if options.crowds:
        crowds(options.rounds)
        return
    with_fiji = bool(os.environ.get("FIJI_HOME"))
    if with_fiji:
        from imagej_dl import fiji

        fiji.start()
        compare(*SIZES[0], 3, True, False)  # Java compiles what runs often
    bad, each = [], []
    for frames, cells in SIZES:
        found = compare(frames, cells, options.rounds, with_fiji, options.laptrack)
        spots = found["spots"]
        print(f"{spots} spots, {cells} a frame, {found['links']} links")
        for name in ("imagej-dl", "AUTO", "TrackMate", "laptrack"):
            if name in found:
                print(
                    f"  {name:10} {found[name]:7.3f} s, {found[name] / spots * 1e6:5.1f} µs a spot"
                )
        peak, more = found["memory"]
        print(f"  memory     {peak:.0f} MB in all, {more:.1f} MB for the linking", end="")
        print(f"; TrackMate's heap {found['heap']:.0f} MB" if with_fiji else "")
        each.append(found["imagej-dl"] / spots)
        if not found["same"]:
            bad.append(f"{spots} spots: other links than TrackMate's")
        if found["imagej-dl"] > found.get("TrackMate", float("inf")):
            bad.append(f"{spots} spots: slower than TrackMate")
    if each[-1] > 1.5 * each[0]:
        bad.append(f"more than linear in spots: {each[-1] / each[0]:.2f} times as long for each")
    sys.exit("\n".join(bad) or None)


if __name__ == "__main__":
    main()
