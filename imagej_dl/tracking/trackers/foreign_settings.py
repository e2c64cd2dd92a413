"""What the trackers of other engines are told.

Keys that TrackMate has as well mean the same: distances in the image's unit (µm), gaps in frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from imagej_dl.tracking.trackers.settings_map import Map


class MotileSettings(Map):
    """motile: all links of a movie at once, by integer linear programming (SCIP).

    The sum of all costs is least. That of a link is (distance / its largest)² + OVERLAP_WEIGHT ·
    outside + AREA_WEIGHT · |a − b| / (a + b) + GAP_COST for each frame without the object,
    where a and b are the areas and outside the share of the smaller that does not overlap.
    """

    linking_max_distance: float = Field(
        15.0, gt=0, description="Farthest an object goes to the next frame, in the image's unit."
    )
    gap_closing_max_distance: float = Field(
        15.0, gt=0, description="Farthest it goes while it is not seen, in the image's unit."
    )
    max_frame_gap: int = Field(
        2, ge=1, le=10, description="Frames from one spot to the next at most; 1 closes no gaps."
    )
    allow_track_splitting: bool = Field(True, description="Whether objects divide.")
    splitting_max_distance: float = Field(
        15.0, gt=0, description="Farthest a daughter is in the next frame, in the image's unit."
    )
    appear_cost: float = Field(
        1.0, ge=0, description="Cost of a track that begins after the first frame."
    )
    disappear_cost: float = Field(
        1.0, ge=0, description="Cost of a track that ends before the last frame."
    )
    splitting_cost: float = Field(0.2, ge=0, description="Cost of a division, with its links'.")
    gap_cost: float = Field(0.2, ge=0, description="Cost of each frame that lacks the object.")
    overlap_weight: float = Field(
        0.0, ge=0, description="Of the share of the smaller object outside the other."
    )
    area_weight: float = Field(1.0, ge=0, description="Of the difference of the two areas.")
    time_limit: float = Field(
        300.0, gt=0, description="Seconds, after which the best solution so far is taken."
    )


class BtrackSettings(Map):
    """btrack: Bayesian linking into tracklets, which hypotheses then join and branch.

    btrack's own names; the motion is one of constant velocity. It knows few divisions: it wants to
    be told the state of each object (metaphase, anaphase), which labels do not say.
    """

    max_search_radius: float = Field(
        15.0, gt=0, description="Farthest an object goes to the next frame, in the image's unit."
    )
    max_lost: int = Field(5, ge=0, description="Frames an object may be unseen within a tracklet.")
    prob_not_assign: float = Field(0.1, gt=0, lt=1, description="Probability of no link.")
    accuracy: float = Field(
        7.5, gt=0.1, le=10, description="Width over which probabilities are summed, image's unit."
    )
    sigma_start: float = Field(
        150.0, gt=0, description="Scale of the first estimate's covariance (P), squared unit."
    )
    sigma_motion: float = Field(
        15.0, gt=0, description="Error of the motion in a frame (G), in the image's unit."
    )
    sigma_position: float = Field(
        5.0, gt=0, description="Scale of the positions' covariance (R), squared unit."
    )
    allow_track_splitting: bool = Field(True, description="Whether objects divide.")
    lambda_time: float = Field(5.0, gt=0, description="Frames: of beginnings and ends in time.")
    lambda_dist: float = Field(3.0, gt=0, description="Of those near the border, image's unit.")
    lambda_link: float = Field(10.0, gt=0, description="Of links over distance, image's unit.")
    lambda_branch: float = Field(50.0, gt=0, description="Of divisions over distance, unit.")
    theta_dist: float = Field(20.0, ge=0, description="What is near the border, image's unit.")
    theta_time: float = Field(5.0, ge=0, description="What is near the first or last frame.")
    dist_thresh: float = Field(
        15.0, gt=0, description="Farthest that tracklets are joined, in the image's unit."
    )
    time_thresh: float = Field(2.0, ge=1, description="Frames between joined tracklets at most.")
    segmentation_miss_rate: float = Field(
        0.1, gt=0, lt=1, description="Share of objects that the segmentation gets wrong."
    )
    time_limit: float = Field(60.0, gt=0, description="Seconds for the choice of hypotheses.")


class TrackastraSettings(Map):
    """Trackastra: links by a transformer's associations, with weights from a local folder."""

    model: Path = Field(
        Path(), description="Folder of the weights: model.pt, config.yaml, train_config.yaml."
    )
    mode: Literal["greedy", "greedy_nodiv", "ilp"] = Field(
        "greedy", description="How links are chosen; greedy_nodiv knows no divisions."
    )
    max_distance: int = Field(256, gt=0, description="Farthest link in pixels.")
    max_neighbors: int = Field(10, gt=0, description="Candidates of each object.")
    device: Literal["automatic", "cpu", "cuda", "mps"] = Field(
        "automatic", description="Where the transformer is computed."
    )

    def to_map(self) -> dict:
        return super().to_map() | {"MODEL": str(self.model)}


OTHERS: dict[str, type[Map]] = {
    "MOTILE": MotileSettings,
    "BTRACK": BtrackSettings,
    "TRACKASTRA": TrackastraSettings,
}
"""Of each other engine's tracker the settings."""
