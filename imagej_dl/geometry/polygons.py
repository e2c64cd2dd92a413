"""Many polygons in one array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Polygons:
    """Many polygons in one array: polygon i is `points[offsets[i]:offsets[i + 1]]`.

    `points` is (N, 2) with x, y; `offsets` is (number of polygons + 1,).
    """

    points: np.ndarray
    offsets: np.ndarray

    @classmethod
    def group(cls, owners: np.ndarray, points: np.ndarray, count: int) -> Polygons:
        """Collect points in the order given under their owner, a number below `count`."""
        order = np.argsort(owners, kind="stable")
        sizes = np.bincount(owners, minlength=count)
        return cls(points[order], np.concatenate([[0], np.cumsum(sizes)]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.points[self.offsets[index] : self.offsets[index + 1]]

    @property
    def sizes(self) -> np.ndarray:
        """Number of points of each polygon."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """For each point the number of its polygon."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def following(self) -> np.ndarray:
        """For each point the index of the next one round its polygon."""
        after = np.arange(1, len(self.points) + 1)
        filled = self.sizes > 0
        after[self.offsets[1:][filled] - 1] = self.offsets[:-1][filled]
        return after

    def keep(self, chosen: np.ndarray) -> Polygons:
        """Return only the polygons of a boolean mask."""
        return Polygons(
            self.points[np.repeat(chosen, self.sizes)],
            np.concatenate([[0], np.cumsum(self.sizes[chosen])]),
        )
