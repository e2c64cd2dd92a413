"""Simulated movies that no golden knows, and a listener that keeps what it is told."""

from __future__ import annotations

from typing import Any

import numpy as np

from imagej_dl import images, simulation


def movie(frames: int, cells: int, seed: int) -> tuple[Any, Any]:
    """A simulated movie whose labels lack one object in twenty."""
    found = simulation.movie(frames, (512, 512), cells, seed)
    labels = np.array(found.labels)
    rng = np.random.default_rng(seed)
    for frame in labels:
        ids = np.unique(frame)[1:]
        frame[np.isin(frame, rng.choice(ids, len(ids) // 20, replace=False))] = 0
    return images.with_data(found.labels, labels), found.image


class Notes:
    """A listener that keeps what is said, and how far each stage was."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stages: dict[str, list[float]] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.stages.setdefault(stage, []).append(done / total)

    def note(self, text: str) -> None:
        self.said.append(text)
