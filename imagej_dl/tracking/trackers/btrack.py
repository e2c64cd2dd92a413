"""btrack: Bayesian tracking with hypotheses of links and divisions (Ulicna et al., Front. Comput.
Sci. 2021; github.com/quantumjot/btrack).

Its configuration of cells is made here of the settings: none is downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers import _subprocess
from imagej_dl.tracking.trackers.base import Given

if TYPE_CHECKING:
    from imagej_dl.tracking.trackers.foreign_settings import BtrackSettings

_OWN = ("lambda_time", "lambda_dist", "lambda_link", "lambda_branch", "theta_dist", "theta_time",
        "dist_thresh", "time_thresh", "segmentation_miss_rate")  # fmt: skip


def link(given: Given, settings: BtrackSettings) -> Links:
    """Link spots; the links' costs are their squared distances."""
    rows, columns = given.shape[1:]
    width, height = given.pixel
    arrays = {"frames": given.frames, "places": given.places}
    others = {
        "radius": settings.max_search_radius,
        "volume": [[0, columns * width], [0, rows * height]],
        "time_limit": settings.time_limit,
        "config": config(settings),
    }
    found = _subprocess.run("btrack", arrays, others, given.python, given.progress)
    sources, targets = found["sources"], found["targets"]
    return Links(sources, targets, given.squared(sources, targets))


def config(settings: BtrackSettings) -> dict[str, Any]:
    """btrack's motion model (x, y, z at constant velocity) and its hypotheses."""

    def diagonal(values: list[float]) -> list[float]:
        return [v if i == j else 0.0 for i, v in enumerate(values) for j in range(len(values))]

    moving = [1.0 if j in (i, i + 3) else 0.0 for i in range(6) for j in range(6)]
    names = ["P_FP", "P_init", "P_term", "P_link", "P_dead"]
    return {
        "motion_model": {
            "name": "cell_motion",
            "dt": 1.0,
            "measurements": 3,
            "states": 6,
            "accuracy": settings.accuracy,
            "prob_not_assign": settings.prob_not_assign,
            "max_lost": settings.max_lost,
            "A": {"matrix": moving},
            "H": {"matrix": [1.0 if i == j else 0.0 for i in range(3) for j in range(6)]},
            "P": {"sigma": settings.sigma_start, "matrix": diagonal([0.1] * 3 + [1.0] * 3)},
            "G": {"sigma": settings.sigma_motion, "matrix": [0.5] * 3 + [1.0] * 3},
            "R": {"sigma": settings.sigma_position, "matrix": diagonal([1.0] * 3)},
        },
        "hypothesis_model": {
            "name": "cell_hypothesis",
            "hypotheses": [*names, *(["P_branch"] if settings.allow_track_splitting else [])],
            "eta": 1e-10,
            "apop_thresh": 5,
            "apoptosis_rate": 0.001,
            "relax": True,
            **{key: getattr(settings, key) for key in _OWN},
        },
    }
