"""The event that a listener gets after each epoch of a training."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from imagej_dl.models import ModelBundle

MARGIN = 0.05
"""Relative excess over the lowest validation loss up to which a later epoch counts as the best.

A few validation images cannot distinguish epochs more finely, and among equal ones the later had
the smaller learning rate: on real nuclei the last epoch of a training segmented better (average
precision at IoU .5 of .79) than the one with the lowest loss (.76).
"""

_RECENT = 10


@dataclass(frozen=True)
class EpochEvent:
    """The end of one epoch of a training.

    Attributes
    ----------
    epoch, epochs : its number, from 1, and the largest possible; a time limit or patience may end
        the training earlier, and an epoch that a time limit cut short adds one.
    seconds : spent since the training began, without the time between a stop and --resume.
    remaining : estimated seconds until the last epoch ends, by the recent epochs or the time
        limit, whichever is sooner. The search of post-processing parameters comes after it.
    learning_rate : of its last batch.
    loss, val_loss : mean over its batches; on the validation patches after it.
    val_dice, val_jaccard : of the object class's pixels, 0 to 1, on the same patches; NaN for
        methods without such a class.
    kept : whether it is the best epoch so far.
    bundle : the present network, for :func:`imagej_dl.prediction.predict`, with the post-processing
        parameters that the search begins with. It is the network in training, so it is of this
        epoch only until the call returns. None for epochs before a resume.
    measures : all that was measured on the validation patches, by its name.
    """

    epoch: int
    epochs: int
    seconds: float
    remaining: float
    learning_rate: float
    loss: float
    val_loss: float
    val_dice: float
    val_jaccard: float
    kept: bool
    bundle: ModelBundle | None = None
    measures: dict[str, float] = field(default_factory=dict)


Epoch = EpochEvent
"""The former name."""

Watch = Callable[[EpochEvent], None]
"""Called after each epoch, once its checkpoint is on disk. May raise Cancelled or Enough, which end
the training as from `progress`; after any other exception it can be resumed."""


def ignore(epoch: EpochEvent) -> None:
    """Do nothing."""


def epoch_events(
    rows: Sequence[dict[str, float]],
    epochs: int,
    limit: float | None = None,
    *,
    ready: float = 0.0,
    bundle: ModelBundle | None = None,
) -> Iterator[EpochEvent]:
    """Yield the events of a training's epochs.

    Parameters
    ----------
    rows : of log.csv, as the state has them.
    epochs : at most.
    limit : of the time, in s.
    ready : seconds until the first batch was done, including reading.
    bundle : the network after the last row.
    """
    lowest = float("inf")
    for count, row in enumerate(rows, 1):
        lowest = min(lowest, row["val_loss"])
        yield EpochEvent(
            epoch=count,
            epochs=max(epochs, count),
            seconds=row["seconds"],
            remaining=_remaining([ready, *(r["seconds"] for r in rows[:count])], epochs, limit),
            learning_rate=row["learning_rate"],
            loss=row["loss"],
            val_loss=row["val_loss"],
            val_dice=row.get("val_dice", math.nan),
            val_jaccard=row.get("val_jaccard", math.nan),
            kept=row["val_loss"] <= lowest * (1 + MARGIN),
            bundle=bundle if count == len(rows) else None,
            measures={k.removeprefix("val_"): v for k, v in row.items() if k.startswith("val_")},
        )


def _remaining(ends: Sequence[float], epochs: int, limit: float | None) -> float:
    """Estimate the seconds left; `ends` are when the first batch and each epoch ended."""
    # The median, since the first epoch after a resume includes reading and compiling.
    usual = statistics.median([after - before for before, after in pairwise(ends)][-_RECENT:])
    left = usual * max(epochs - len(ends) + 1, 0)
    return left if limit is None else max(min(left, limit - ends[-1]), 0.0)
