"""Links between the rows of a table of spots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Links:
    """Possible or chosen links: row numbers of their spots and their costs, three arrays.

    Parameters
    ----------
    margins : for each link how sure it is, 0 to 1, where the tracker knows it.
    of_spots : the same for each spot: its links, its appearance and disappearance.
    notes : what the tracker says of its work, such as limits that it chose.
    """

    sources: np.ndarray
    targets: np.ndarray
    costs: np.ndarray
    margins: np.ndarray | None = None
    of_spots: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def none(cls) -> Links:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))

    @classmethod
    def join(cls, parts: list[Links]) -> Links:
        parts = [cls.none(), *parts]
        return cls(
            np.concatenate([p.sources for p in parts]),
            np.concatenate([p.targets for p in parts]),
            np.concatenate([p.costs for p in parts]),
        )

    def take(self, chosen: np.ndarray) -> Links:
        margins = None if self.margins is None else self.margins[chosen]
        return Links(self.sources[chosen], self.targets[chosen], self.costs[chosen], margins)
