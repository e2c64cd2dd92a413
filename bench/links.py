"""How good links are on true masks whose ids were scrambled: AUTO against TrackMate's trackers.

    python bench/links.py NAME=FOLDER ...

Each folder is ground truth of the Cell Tracking Challenge (`01_GT`). The ids of the masks are
shuffled in each frame, so that nothing but the masks is known. TrackMate's trackers are run by the
embedded engine, at their defaults and with all distances 40 px; LAP and advanced Kalman with
splitting; overlap at its defaults, and with IoU .01 and scale 1.5; LAP also with distances by the
objects' size. Prints a table in Markdown: LNK, TRA, CHOTA, divisions found / true / false.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl import ctc, images, tracking
from imagej_dl.errors import DataWarning
from imagej_dl.evaluation import ctc_metrics
from imagej_dl.tracking.settings import TrackerSettings
from imagej_dl.tracking.trackers import registry

FAR = 40.0
SPLIT = "ALLOW_TRACK_SPLITTING"


def scrambled(masks: np.ndarray, seed: int = 0) -> xr.DataArray:
    """Return masks (T, Y, X) with ids that say nothing of the frames before and after."""
    rng = np.random.default_rng(seed)
    mixed = np.zeros(masks.shape, np.uint16)
    for before, after in zip(masks, mixed, strict=True):
        ids = np.unique(before[before > 0])
        table = np.zeros(int(before.max(initial=0)) + 1, np.uint16)
        table[ids] = rng.permutation(len(ids)) + 1
        after[:] = table[before]
    return images.make(mixed, "TYX")


def every(labels: xr.DataArray) -> Iterator[tuple[str, TrackerSettings]]:
    yield "AUTO", tracking.make_settings("AUTO")
    for key, tracker in registry.trackers().items():
        if not tracker.in_trackmate:
            continue
        declared = tracker.settings_model.declared()
        split = {SPLIT: True} if SPLIT in declared else {}
        yield f"{tracker.label}, defaults", tracking.make_settings(key, split)
        far = {name: FAR for name, setting in declared.items() if setting.distance}
        if "KALMAN_SEARCH_RADIUS" in declared:
            far["KALMAN_SEARCH_RADIUS"] = FAR
        if far:
            yield f"{tracker.label}, 40 px", tracking.make_settings(key, far | split)
    wide = {"MIN_IOU": 0.01, "SCALE_FACTOR": 1.5}
    yield "overlap tracker, IoU .01, scale 1.5", tracking.make_settings("OVERLAP_TRACKER", wide)
    fitted = tracking.fitted_settings(
        tracking.default_settings(), tracking.measured_distance(labels)
    )
    yield "LAP tracker, by size", fitted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", help="NAME=FOLDER")
    warnings.simplefilter("ignore", DataWarning)
    print("| sequence | tracker | LNK | TRA | CHOTA | divisions |\n" + "| --- " * 6 + "|")
    for name, _, folder in (word.partition("=") for word in parser.parse_args().folders):
        truth = ctc.read_truth(Path(folder))
        labels = scrambled(truth.tracks.masks)
        for tracker, chosen in every(labels):
            tracks = tracking.track(labels, settings=chosen, engine="embedded")
            found = ctc_metrics.score(ctc.layout(tracks), truth, ("CHOTA",))
            numbers = " | ".join(f"{found[key]:.4f}" for key in ("LNK", "TRA", "CHOTA"))
            divisions = (found.get(key, 0) for key in ("tp_div(1)", "gt_divisions", "fp_div(1)"))
            divided = " / ".join(str(number) for number in divisions)
            print(f"| {name} | {tracker} | {numbers} | {divided} |", flush=True)


if __name__ == "__main__":
    main()
