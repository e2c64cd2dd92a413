"""Learning rate schedules, and the clock that they follow."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

WARM_UP = 0.1
"""Share of the training in which the learning rate rises."""

_LEAST = 1e-3


def learning_rate(fraction: float, highest: float) -> float:
    """Rise linearly, then fall by a cosine to a thousandth of `highest`.

    Thus a training of any length ends with small steps (the one-cycle policy of Smith & Topin,
    arXiv 1708.07120, without its momentum).

    Parameters
    ----------
    fraction : elapsed share of the training, 0 to 1.
    """
    fraction = min(max(fraction, 0.0), 1.0)
    if fraction < WARM_UP:
        share = fraction / WARM_UP
    else:
        share = 0.5 + 0.5 * math.cos(math.pi * (fraction - WARM_UP) / (1 - WARM_UP))
    return highest * max(share, _LEAST)


def plateau(losses: Sequence[float], highest: float, patience: int) -> float:
    """Halve the rate each time that `patience` epochs have brought no lower validation loss.

    As Keras' ReduceLROnPlateau does in microscopy-dl-suite-tf, with a cooldown of 1 and a least
    decrease of 1e-4.

    Parameters
    ----------
    losses : validation losses of all epochs so far.
    highest : the rate at the beginning.
    """
    rate, lowest, waited, rest = highest, math.inf, 0, 0
    for loss in losses:
        if rest:
            rest, waited = rest - 1, 0
        if loss < lowest - 1e-4:
            lowest, waited = loss, 0
        elif not rest:
            waited += 1
            if waited >= patience:
                rate, rest, waited = rate / 2, 1, 0
    return rate


class Clock:
    """Elapsed share of a training: of its batches or of its time limit, whichever is larger.

    Parameters
    ----------
    steps : batches in all.
    limit : seconds in all; None for no limit.
    before : seconds spent before the training was stopped and resumed.
    """

    def __init__(
        self,
        steps: int,
        limit: float | None = None,
        before: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps, self.limit, self._now = steps, limit, now
        self._start = now() - before

    @property
    def seconds(self) -> float:
        """Return the seconds spent."""
        return self._now() - self._start

    def fraction(self, step: int) -> float:
        """Return the elapsed share after `step` batches, 0 to 1."""
        done = step / self._steps
        if self.limit is not None:
            done = max(done, self.seconds / self.limit)
        return min(done, 1.0)

    def over(self, step: int) -> bool:
        """Return whether the training ends after `step` batches."""
        return self.fraction(step) >= 1.0
