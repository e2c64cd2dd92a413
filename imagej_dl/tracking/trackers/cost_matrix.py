"""TrackMate's costs of links, and the assignment of minimal cost.

The costs are the squared distances, raised by feature penalties; the cost of not linking is
one value for a whole problem: the factor times a percentile of the accepted costs (TrackMate's
simplification of Jaqaman et al. 2008).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.tracking.links import Links

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {"POSITION_X": "x", "POSITION_Y": "y", "POSITION_Z": "z", "POSITION_T": "t"}
_NOT_FEATURES = ("id", "label", "pixel", "track_id")


class Costs:
    """The costs of linking spots of one table under some feature penalties."""

    def __init__(self, spots: pd.DataFrame, penalties: Mapping[str, float]) -> None:
        self.positions = spots[["x", "y", "z"]].to_numpy(float)
        self.penalised = [(column(spots, key), factor) for key, factor in penalties.items()]

    def possible(
        self,
        sources: np.ndarray,
        targets: np.ndarray,
        limit: float,
        strict: bool = False,
        places: np.ndarray | None = None,
    ) -> Links:
        """Return all links of sources to targets that cost at most (strict: less than) limit².

        `places` are positions that replace those of the sources.
        """
        if not len(sources) or not len(targets):
            return Links.none()
        places = self.positions[sources] if places is None else places
        if np.isfinite(limit) and self._only_dearer():
            i, j = _near(places, self.positions[targets], limit)
        else:
            i, j = (a.ravel() for a in np.indices((len(sources), len(targets))))
        costs = self._of(places[i], sources[i], targets[j])
        links = Links(sources[i], targets[j], costs)
        bound = limit * limit
        return links.take(links.costs < bound if strict else links.costs <= bound)

    def _of(self, places: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Costs of links: squared distance × (1 + Σ factor · 1.5 · difference)²."""
        squared = ((places - self.positions[targets]) ** 2).sum(axis=1)
        if not self.penalised:
            return squared
        penalty = np.ones(len(sources))
        for values, factor in self.penalised:
            a, b = values[sources], values[targets]
            with np.errstate(divide="ignore", invalid="ignore"):
                difference = np.where(a == -b, 0.0, np.abs(a - b) / ((a + b) / 2))
            penalty += np.where(np.isnan(difference), 0.0, factor * 1.5 * difference)
        return np.where(squared == 0, np.finfo(float).tiny, squared) * penalty * penalty

    def _only_dearer(self) -> bool:
        """Return True if penalties only raise costs, so that distance alone can rule links out."""
        return all(f >= 0 and not np.any(values < 0) for values, f in self.penalised)


def column(spots: pd.DataFrame, key: str) -> np.ndarray:
    """Return the values of a TrackMate feature; UserError names the known ones."""
    name = _NAMES.get(key, key.lower())
    if name not in spots or name in _NOT_FEATURES:
        hidden = {*_NOT_FEATURES, *_NAMES.values()}
        known = [k.upper() for k in spots.columns if k not in hidden]
        raise UserError(
            f"spots have no feature {key}",
            remedy=f"Known are {', '.join([*_NAMES, *known])}; intensities need --image.",
        )
    return spots[name].to_numpy(float)


def alternative(costs: np.ndarray, factor: float, percentile: float) -> float:
    """Return the cost of not linking: `factor` times a percentile of the costs, as in TrackMate."""
    if percentile == 1:
        return factor * float(costs.max())
    # The nearest value, halves upwards: ImgLib2's Util.percentile.
    position = int(np.floor((len(costs) - 1) * percentile + 0.5))
    return factor * float(np.partition(costs, position)[position])


def assign(links: Links, alternative_cost: float) -> Links:
    """Choose the links of minimal total cost, with the alternative cost for spots without a link.

    TrackMate solves Jaqaman's square matrix, in which a link saves two alternatives and costs a
    third in the lower right block. Its optimum is that of one row for each source with the
    possible links and one own column at the alternative cost, which is solved here.
    """
    return links.take(optimal(links, alternative_cost))


def optimal(links: Links, alternative_cost: float) -> np.ndarray:
    """Return which links are those that :func:`assign` chooses."""
    # Where nothing moves at all everything costs nothing; linking is meant then.
    alternative_cost = max(alternative_cost, float(np.finfo(float).tiny))
    chosen = links.costs < alternative_cost
    cheap = np.flatnonzero(chosen)
    if not len(cheap):
        return chosen
    # Where neither end has another choice, the link is in the optimum: nothing is to be solved.
    doubtful = cheap[~(once(links.sources[cheap]) & once(links.targets[cheap]))]
    if len(doubtful):
        chosen[doubtful] = _solve(links.take(doubtful), alternative_cost)
    return chosen


def once(rows: np.ndarray) -> np.ndarray:
    """Return which of these row numbers occur only once."""
    rows = rows - rows.min()
    return np.asarray(np.bincount(rows)[rows] == 1)


def _solve(links: Links, alternative_cost: float) -> np.ndarray:
    """Return which links are in the optimum of :func:`assign`."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    (i, sources), (j, targets) = _numbered(links.sources), _numbered(links.targets)
    own = np.arange(sources)
    # To SciPy a zero is a missing link; adding one to every entry does not change the optimum.
    values = np.concatenate([links.costs, np.full(sources, alternative_cost)])
    values = values / alternative_cost + 1.0
    rows, columns = np.concatenate([i, own]), np.concatenate([j, targets + own])
    # Made here, since SciPy's checks of a matrix of a few hundred links take longer than that.
    shape = (sources, targets + sources)
    order = np.argsort(rows * shape[1] + columns)
    begins = np.concatenate([[0], np.cumsum(np.bincount(rows))])
    matrix = csr_array((values[order], columns[order], begins), shape=shape)
    row, column = min_weight_full_bipartite_matching(matrix)
    partner = np.full(sources, -1)
    partner[row] = column
    return np.asarray(partner[i] == j)


def _numbered(rows: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the places of row numbers among those that occur, and how many these are."""
    rows = rows - rows.min()
    occurs = np.zeros(int(rows.max()) + 1, bool)
    occurs[rows] = True
    return (np.cumsum(occurs) - 1)[rows], int(occurs.sum())


def _near(a: np.ndarray, b: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    # A little more than the limit: the costs, not the tree's rounding, decide.
    pairs = cKDTree(a).sparse_distance_matrix(cKDTree(b), limit * (1 + 1e-9), output_type="ndarray")
    return pairs["i"], pairs["j"]
