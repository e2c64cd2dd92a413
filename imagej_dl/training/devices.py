"""The device that trains a network: the interface, for one device of one machine.

Several GPUs, or several machines, divide each batch among them; what they do instead is in
`training/distributed/`, which need not be read to understand a training on one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.models import backend

Arrays = dict[str, NDArray]
"""Arrays by their names."""


class StopRequests:
    """Stopping of a training by listeners: Cancelled, Enough and Ctrl-C act where raised."""

    def notify(self, listener: Callable[[], Any]) -> None:
        """Call a listener, which may raise Cancelled or Enough."""
        listener()

    def agree(self, fraction: float) -> float:
        """Return the elapsed fraction of the training that all machines go by.

        Raises
        ------
        Cancelled, Enough : when a listener has raised it on any machine.
        """
        return fraction

    def listening(self) -> AbstractContextManager[None]:
        """Return the context in which Ctrl-C is such a request."""
        return nullcontext()


class SingleDevice:
    """One device of one machine: nothing is divided and nothing exchanged.

    Attributes
    ----------
    count : devices that share a batch, over all machines.
    is_chief : whether this machine validates and writes.
    """

    count = 1
    is_chief = True

    @property
    def description(self) -> str:
        """Describe the devices: "GPU NVIDIA A100", "2 machines, each CPU, 2 cores"."""
        return backend.device()

    def check_batch(self, batch: int) -> None:
        """Raise UserError when a batch has fewer patches than there are devices."""
        if batch < self.count:
            raise UserError(
                f"a batch of {batch} patches cannot be divided among {self.count} devices",
                remedy=f"Choose --batch {self.count} or more, or fewer devices.",
            )

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which network and optimizer are created."""
        return nullcontext()

    def prepare(self, network: Any) -> None:
        """Make layers that need the whole batch see all of it."""

    def compile(self, step: Callable[..., Any]) -> Callable[[Any, Sequence[Any]], Any]:
        """Compile a training step; all devices must return the same.

        Parameters
        ----------
        step : takes a tensor that every device gets, and the device's share of the batch.

        Returns
        -------
        a function of that tensor and the batch: tensors whose first axis is the patches.
        """
        # Not with XLA: on a CPU that was measured to take twice the time.
        compiled = backend.tensorflow().function(step)
        return lambda common, batch: compiled(common, *batch)

    def total(self, *parts: Any) -> tuple[Any, ...]:
        """Sum tensors over the devices, within the compiled step."""
        return parts

    def on_chief(self, make: Callable[[], Arrays]) -> Arrays:
        """Call `make` on the first machine and return its result, or raise its error, on all."""
        return make()

    def chief_only(self, callbacks: Sequence[Any]) -> list[Any]:
        """Return the callbacks so that they run on the first machine alone."""
        return list(callbacks)

    def check_equal(self, text: str, what: str) -> None:
        """Raise UserError on all machines unless all have the same text."""

    def stop_requests(self) -> StopRequests:
        """Return how listeners stop a training."""
        return StopRequests()

    def connection(self) -> AbstractContextManager[None]:
        """Return the context in which the loss of another machine is a UserError."""
        return nullcontext()
