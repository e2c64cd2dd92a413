"""Spots that move, divide and are missed, as tables of positions: no image is made or read."""

from __future__ import annotations

import numpy as np
import pandas as pd

SIZES = ((20, 200), (100, 200), (200, 500))
"""Frames, and cells in each: about 4, 20 and 100 thousand spots."""


def table(frames: int, cells: int, seed: int = 0) -> pd.DataFrame:
    """Return spots of `cells` cells 20 units apart on average, ordered by frame, y, x.

    In each frame one cell in a hundred divides and as many vanish; one spot in twenty is missed.
    """
    rng = np.random.default_rng(seed)
    side = 20 * np.sqrt(cells)
    place = rng.uniform(0, side, (cells, 2))
    speed = rng.normal(0, 1, (cells, 2))
    dividing = max(1, cells // 100)
    rows = []
    for frame in range(frames):
        speed = 0.8 * speed + rng.normal(0, 0.9, speed.shape)
        place = np.clip(place + speed, 0, side)
        mother, vanished = np.split(rng.choice(cells, 2 * dividing, replace=False), 2)
        apart = rng.normal(0, 3, (dividing, 2))
        place[vanished], place[mother] = place[mother] + apart, place[mother] - apart
        speed[np.concatenate([mother, vanished])] = rng.normal(0, 1, (2 * dividing, 2))
        seen = place[rng.random(cells) > 0.05]
        rows.append(np.column_stack([np.full(len(seen), frame), seen]))
    found = pd.DataFrame(np.concatenate(rows), columns=["frame", "x", "y"])
    found = found.astype({"frame": int}).assign(z=0.0)
    return found.sort_values(["frame", "y", "x"], ignore_index=True)
