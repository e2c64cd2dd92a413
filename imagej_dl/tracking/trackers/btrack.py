"""btrack: Bayesian tracking with hypotheses of links and divisions (Ulicna et al., Front. Comput.
Sci. 2021; github.com/quantumjot/btrack).

Its configuration of cells is made here from the settings: none is downloaded.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from imagej_dl.progress import Progress
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.base import (
    BY_SIZE,
    IMAGE_UNIT,
    Detected,
    Setting,
    SettingsMap,
)
from imagej_dl.tracking.trackers.foreign import ForeignTracker

_HYPOTHESIS_KEYS = (
    "lambda_time", "lambda_dist", "lambda_link", "lambda_branch", "theta_dist", "theta_time",
    "dist_thresh", "time_thresh", "segmentation_miss_rate",
)  # fmt: skip


class BtrackSettings(SettingsMap):
    """btrack: Bayesian linking into tracklets, which are then joined and branched by hypotheses.

    The names are btrack's own; the motion model is of constant velocity. It finds few divisions:
    for them it needs the state of each object (metaphase, anaphase), which labels do not have.
    """

    max_search_radius: Annotated[float, Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)] = Field(
        15.0, gt=0, description="Maximal distance of a link to the next frame."
    )
    max_lost: Annotated[int, Setting("frames", search=(0, 5))] = Field(
        5, ge=0, description="Maximal number of frames without the object within a tracklet."
    )
    prob_not_assign: Annotated[float, Setting(search=(0.001, 0.3))] = Field(
        0.1, gt=0, lt=1, description="Probability that a spot is not linked."
    )
    accuracy: Annotated[float, Setting(IMAGE_UNIT, search=(1.0, 10.0))] = Field(
        7.5, gt=0.1, le=10, description="Width over which probabilities are integrated."
    )
    sigma_start: Annotated[float, Setting(f"{IMAGE_UNIT}²")] = Field(
        150.0, gt=0, description="Scale of the covariance of the first estimate (P)."
    )
    sigma_motion: Annotated[float, Setting(IMAGE_UNIT, search=(1.0, 30.0))] = Field(
        15.0, gt=0, description="Error of the motion in a frame (G)."
    )
    sigma_position: Annotated[float, Setting(f"{IMAGE_UNIT}²", search=(1.0, 30.0))] = Field(
        5.0, gt=0, description="Scale of the covariance of the positions (R)."
    )
    allow_track_splitting: Annotated[bool, Setting(search=(True, False))] = Field(
        True, description="Objects may divide."
    )
    lambda_time: Annotated[float, Setting("frames")] = Field(
        5.0, gt=0, description="Decay, in time, of the hypothesis that a track starts or ends."
    )
    lambda_dist: Annotated[float, Setting(IMAGE_UNIT, search=(1.0, 30.0))] = Field(
        3.0, gt=0, description="Decay, from the border, of that hypothesis."
    )
    lambda_link: Annotated[float, Setting(IMAGE_UNIT, search=(1.0, 50.0))] = Field(
        10.0, gt=0, description="Decay, over distance, of the hypothesis of a link."
    )
    lambda_branch: Annotated[
        float, Setting(IMAGE_UNIT, only_with="ALLOW_TRACK_SPLITTING", search=(1.0, 100.0))
    ] = Field(50.0, gt=0, description="Decay, over distance, of the hypothesis of a division.")
    theta_dist: Annotated[float, Setting(IMAGE_UNIT)] = Field(
        20.0, ge=0, description="Distance from the border within which tracks start and end easily."
    )
    theta_time: Annotated[float, Setting("frames")] = Field(
        5.0, ge=0, description="The same, from the first and the last frame."
    )
    dist_thresh: Annotated[float, Setting(IMAGE_UNIT, distance=1, search=BY_SIZE)] = Field(
        15.0, gt=0, description="Maximal distance between joined tracklets."
    )
    time_thresh: Annotated[float, Setting("frames", search=(1.0, 5.0))] = Field(
        2.0, ge=1, description="Maximal time between joined tracklets."
    )
    segmentation_miss_rate: Annotated[float, Setting(search=(0.001, 0.5))] = Field(
        0.1, gt=0, lt=1, description="Share of objects that the segmentation misses."
    )
    time_limit: Annotated[float, Setting("s")] = Field(
        60.0, gt=0, description="Time for the choice of hypotheses."
    )


class Btrack(ForeignTracker):
    """btrack; the costs of the links are their squared distances."""

    key = "BTRACK"
    label = "btrack"
    engine = "btrack"
    homepage = "https://github.com/quantumjot/btrack"
    settings_model: ClassVar[type[SettingsMap]] = BtrackSettings

    def link(self, detected: Detected, settings: BtrackSettings, progress: Progress) -> Links:
        rows, columns = detected.size
        width, height = detected.pixel
        arrays = {"frames": detected.frame_of_spot, "places": detected.positions}
        options = {
            "radius": settings.max_search_radius,
            "volume": [[0, columns * width], [0, rows * height]],
            "time_limit": settings.time_limit,
            "config": config(settings),
        }
        links = self.run(arrays, options, detected, progress)
        sources, targets = links["sources"], links["targets"]
        return Links(sources, targets, detected.squared_distances(sources, targets))


TRACKERS = (Btrack(),)


def config(settings: BtrackSettings) -> dict[str, Any]:
    """Return btrack's motion model (x, y, z at constant velocity) and its hypotheses."""

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
            **{key: getattr(settings, key) for key in _HYPOTHESIS_KEYS},
        },
    }
