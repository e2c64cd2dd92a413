"""Networks that are no Keras models of ours, as prediction uses them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ForeignNetwork(ABC):
    """A network that computes windows by itself, in whatever library."""

    layers: tuple[Any, ...] = ()
    """None: what a network is made of is known of our own alone."""

    @abstractmethod
    def run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what it gives for windows (N, Y, X, C): (N, Y, X, K), float32.

        Raises
        ------
        UserError : when the memory does not hold a window, or the library refuses it.
        """

    def __call__(self, windows: Any, training: bool = False) -> NDArray[np.float32]:
        """Run the network, as a Keras model is called."""
        return self.run(np.asarray(windows, np.float32))
