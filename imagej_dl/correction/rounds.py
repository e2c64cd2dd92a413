"""What the state of the loop holds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from imagej_dl.correction.changes import Changes

Stamp = tuple[int, int]
"""Time of a file's last change in ns, and its size in bytes: another when its content is."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Score(_Part):
    """How uncertain the model (its fingerprint) is of an image (its file's stamp)."""

    model: str
    image: Stamp
    uncertainty: float


class Proposed(Score):
    """What was proposed for an image, in which round and by which model (its folder).

    `rois` is the digest of the proposed RoiSet, "" where there is no object.
    """

    round: int
    by: str
    objects: int
    rois: str


class Corrected(_Part):
    """How a proposal was corrected; `rois` is the digest of the RoiSet, "" for no object."""

    round: int
    by: str
    rois: str
    changes: Changes


class Training(_Part):
    """A retraining on images (name: digest of image and ROIs)."""

    round: int
    images: dict[str, str]


class Retrained(_Part):
    """What came of a retraining; scores are average precisions, mean over IoU .5 … .9.

    `before` and `after` are those of the model before and of the new one on the `validation`
    images; `unseen` says whether both were trained without these.
    """

    round: int
    model: str
    images: int
    validation: list[str]
    unseen: bool
    before: float | None
    after: float | None
    accepted: bool


class State(_Part):
    """All that is kept beside the RoiSets. Paths are relative to the project where they can be.

    begun : the model that was named last; present : the one that proposes now.
    round : the one under way, from 1 (or after those of a former beginning); each ends with a
        retraining.
    trained : what the last retraining was given, as :class:`Training`'s images.
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
