"""The state of the corrections, as Corrections/state.json holds it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from imagej_dl.correction.changes import Changes
from imagej_dl.serialisation import omitting

Stamp = tuple[int, int]
"""Time of a file's last change in ns, and its size in bytes: another when its content is."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Score(_Part):
    """Uncertainty of the model (its fingerprint) on an image (its file's stamp)."""

    model: str
    image: Stamp
    uncertainty: float


class Proposed(Score):
    """A proposal for an image, with its round and model (its folder).

    `rois` is the digest of the proposed RoiSet, "" where there is no object.
    """

    round: int
    by: str
    objects: int
    rois: str


class Corrected(_Part):
    """The correction of a proposal; `rois` is the digest of the RoiSet, "" for no object."""

    round: int
    by: str
    rois: str
    changes: Changes


class Training(_Part):
    """A retraining on images (name: digest of image and ROIs)."""

    round: int
    images: dict[str, str]


class Outcome(_Part):
    """The outcome of a retraining.

    Attributes
    ----------
    round : the one that it ended, from 1.
    images : how many it was trained and validated on.
    validation : the names of those that validated.
    unseen : whether neither model was trained on these.
    before, after : average precision of the model before and of the new one on them, mean over the
        IoU thresholds .5 … .9; None when too few images were there to keep some of them apart.
    accepted : whether the new model is the current one.
    """

    round: int
    images: int
    validation: list[str]
    unseen: bool
    before: float | None
    after: float | None
    accepted: bool


class Retrained(Outcome):
    """The outcome of a retraining as the state keeps it; `model` is the new model's folder."""

    model: str


class State(_Part):
    """The state beside the RoiSets. Paths are relative to the project where they can be.

    begun : the model that was named last; present : the one that proposes now.
    round : the one under way, from 1 (or after those of a former beginning); each ends with a
        retraining.
    trained : the images of the last retraining, as :class:`Training` has them.
    sparse : the images of which not all objects are drawn.
    whole : those of which all are, as the user has said, though nothing had been proposed.
    engine, engine_settings : of others, whose models these are, and the settings of its
        predictions; "" for our own.
    """

    version: Literal[1] = 1
    begun: str
    present: str
    round: int = 1
    scores: dict[str, Score] = {}
    proposed: dict[str, Proposed] = {}
    corrected: dict[str, Corrected] = {}
    empty: list[str] = []
    training: Training | None = None
    trained: dict[str, str] = {}
    retrained: list[Retrained] = []
    sparse: list[str] = []
    whole: list[str] = []
    engine: str = ""
    engine_settings: dict[str, Any] = {}

    _later = omitting("sparse", "whole", "engine", "engine_settings")
