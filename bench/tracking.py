"""How fast spots are found, and how near laptrack's links come to TrackMate's.

python bench/tracking.py [--data ../shared/data] [--spots 20000]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from imagej_dl import images, tracking
from imagej_dl.tracking import settings
from imagej_dl.tracking.trackers import lap


def made_movie(count: int, frames: int = 97, seed: int = 0) -> np.ndarray:
    """Discs that wander, about `count` of them in all, one in twenty missing from each frame."""
    rng = np.random.default_rng(seed)
    each = max(1, count // frames)
    side = int(np.sqrt(each) * 24) + 24
    spots = np.stack(np.meshgrid(*[np.arange(12, side - 12, 24)] * 2), -1).reshape(-1, 2)[:each]
    y, x = np.mgrid[-6:7, -6:7]
    disc = x**2 + y**2 <= 36
    movie = np.zeros((frames, side, side), np.uint16)
    place = spots.astype(float)
    for frame in movie:
        place = np.clip(place + rng.normal(0, 1.0, place.shape), spots - 5, spots + 5)
        for label, (cx, cy) in enumerate(np.rint(place).astype(int)):
            if rng.random() > 0.05:
                frame[cy - 6 : cy + 7, cx - 6 : cx + 7][disc] = label + 1
    return movie


def speed(count: int) -> None:
    labels = images.make(made_movie(count), "TYX", pixel_width=0.65, pixel_height=0.65, unit="µm")
    warm, _ = tracking.find_spots(labels.isel(T=slice(0, 3)))  # the imports
    lap.link(warm, settings.default().settings)
    begin = time.perf_counter()
    spots, _ = tracking.find_spots(labels)
    found = time.perf_counter()
    links = lap.link(spots, settings.default().settings)
    linked = time.perf_counter()
    print(
        f"{len(spots)} spots: found in {found - begin:.2f} s, {len(links.costs)} links in ", end=""
    )
    print(f"{linked - found:.2f} s")
    theirs = by_laptrack(spots, settings.default().settings)[1]
    print(f"  laptrack on the same spots: {theirs:.2f} s")


def by_laptrack(spots: pd.DataFrame, chosen: lap.LapSettings) -> tuple[set, float]:
    """Links and time of laptrack under the settings nearest to ours."""
    from laptrack import LapTrack

    def cutoff(allowed: bool, distance: float) -> float | bool:
        return distance**2 if allowed else False

    tracker = LapTrack(
        cutoff=chosen.linking_max_distance**2,
        gap_closing_cutoff=cutoff(chosen.allow_gap_closing, chosen.gap_closing_max_distance),
        gap_closing_max_frame_count=chosen.max_frame_gap,
        splitting_cutoff=cutoff(chosen.allow_track_splitting, chosen.splitting_max_distance),
        merging_cutoff=cutoff(chosen.allow_track_merging, chosen.merging_max_distance),
    )
    frames = [group[["x", "y"]].to_numpy() for _, group in spots.groupby("frame")]
    first = np.cumsum([0, *map(len, frames)])
    begin = time.perf_counter()
    tree = tracker.predict(frames)
    seconds = time.perf_counter() - begin
    return {(first[a] + i, first[b] + j) for (a, i), (b, j) in tree.edges}, seconds


def agreement(data: Path) -> None:
    print("links of TrackMate 8.1.7, of ours and of laptrack that are also TrackMate's:")
    for movie in ("movie", "movie-dense"):
        spots, _ = tracking.find_spots(images.read(data / movie / "detections.tif"))
        goldens = data / "trackmate-8-goldens" / movie
        results = json.loads((goldens / "settings.json").read_text())["results"]
        for name, found in results.items():
            if "LAP" not in found["tracker"] or "penalty" in name:
                continue
            chosen = settings.make(found["tracker"], found["settings"]).settings
            links = lap.link(spots, chosen)
            theirs = set(map(tuple, pd.read_csv(goldens / f"{name}_edges.csv").to_numpy()[:, :2]))
            ours = set(zip(links.sources, links.targets, strict=True))
            other, _ = by_laptrack(spots, chosen)
            print(
                f"  {movie:12} {name:14} {len(theirs):4}: ours {len(ours & theirs)}/{len(ours)},"
                f" laptrack {len(other & theirs)}/{len(other)}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--spots", type=int, default=20_000)
    options = parser.parse_args()
    speed(options.spots)
    if options.data.is_dir():
        agreement(options.data)


if __name__ == "__main__":
    main()
