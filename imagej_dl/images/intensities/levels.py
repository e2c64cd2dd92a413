"""The mapping of intensities to the network's input, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Levels:
    """The mapping of intensities of each channel: `values`, and what they `become`.

    It is linear between them, and continues at the ends with the slope there.
    `tops` are upper limits of the mapped intensities, where there are any.
    """

    values: tuple[NDArray[np.float64], ...]
    become: tuple[NDArray[np.float64], ...]
    tops: tuple[float, ...] | None = None

    @classmethod
    def between(
        cls, low: NDArray | float, high: NDArray | float, channels: int | None = None
    ) -> Levels:
        """Return the mapping of `low` to 0 and `high` to 1, one pair a channel or one for all."""
        ends = np.broadcast_arrays(low, high, np.zeros(channels or np.size(low)))
        pairs = zip(*(one.ravel().astype(np.float64) for one in ends[:2]), strict=True)
        # A flat channel has no spread, and is not divided by it.
        values = tuple(np.array((a, b if b > a else a + 1.0)) for a, b in pairs)
        return cls(values, (np.array((0.0, 1.0)),) * len(values))

    def undone(
        self, values: NDArray[np.float32], channels: Sequence[int] | None = None
    ) -> NDArray[np.float32]:
        """Return mapped intensities (Y, X, K) as they were before.

        Parameters
        ----------
        channels : for each of the K, the channel whose mapping it has; without, its own.

        Raises
        ------
        ValueError : for a mapping that is not linear.
        """
        done = np.empty(values.shape, np.float32)
        for i, channel in enumerate(range(values.shape[-1]) if channels is None else channels):
            before, after = self.values[channel], self.become[channel]
            if len(before) != 2:
                raise ValueError("the mapping is not linear")
            # In double precision: of 32 bits a large offset would take digits away.
            slope = (before[1] - before[0]) / (after[1] - after[0])
            done[..., i] = (values[..., i].astype(np.float64) - after[0]) * slope + before[0]
        return done
