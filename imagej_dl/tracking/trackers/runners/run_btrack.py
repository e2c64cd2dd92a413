"""Run by the Python that has btrack: INPUT.npz OUTPUT.npz; without them it prints a version."""

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import btrack
import numpy as np
from btrack.btypes import PyTrackObject
from orphan import end_with_parent


def objects(frames: np.ndarray, places: np.ndarray) -> Iterator[PyTrackObject]:
    for number, (frame, (x, y)) in enumerate(zip(frames.tolist(), places.tolist(), strict=True)):
        yield PyTrackObject.from_dict({"ID": number, "t": frame, "x": x, "y": y, "z": 0.0})


def links(tracks: list) -> list[tuple[int, int]]:
    """Return the rows of linked spots: those of a track, and its first one to the parent's last."""
    # Objects that btrack inserts where it saw none have numbers below 0.
    seen = {track.ID: [ref for ref in track.refs if ref >= 0] for track in tracks}
    pairs: list[tuple[int, int]] = []
    for track in tracks:
        refs = seen[track.ID]
        pairs += pairwise(refs)
        above = seen.get(track.parent, [])
        if track.parent != track.ID and refs and above:
            pairs.append((above[-1], refs[0]))
    return sorted(set(pairs))


def solve(inputs: Any, settings: dict[str, Any]) -> list[tuple[int, int]]:
    with btrack.BayesianTracker(verbose=False) as tracker:
        tracker.configure({**settings["config"], "max_search_radius": settings["radius"]})
        tracker.append(list(objects(inputs["frames"], inputs["places"])))
        tracker.volume = tuple(tuple(bounds) for bounds in settings["volume"])
        tracker.track(step_size=100)
        tracker.step()  # of three frames it leaves out the last; of others nothing is left to do
        tracker.optimise(options={"tm_lim": int(1000 * settings["time_limit"])})
        return links(tracker.tracks)


def main() -> None:
    if len(sys.argv) < 3:
        btrack.BayesianTracker(verbose=False)  # its library is loaded only now
        print(btrack.__version__)
        return
    end_with_parent()
    with np.load(sys.argv[1]) as inputs:
        pairs = solve(inputs, json.loads(str(inputs["settings"])))
    rows = np.array(pairs, np.int64).reshape(-1, 2)
    np.savez(sys.argv[2], sources=rows[:, 0], targets=rows[:, 1])


if __name__ == "__main__":
    main()
