"""The devices, of one machine or of several, that train one network together.

All is TensorFlow's: `MirroredStrategy` for the GPUs of one machine, `MultiWorkerMirroredStrategy`
for machines that TF_CONFIG names. Keras 3 supports the first; with the second its `fit` fails
(keras-team/keras issue 20585), but its variables, optimizers and synchronised batch normalisation
work in a step of one's own, as ours is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import Cancelled, Enough, UserError
from imagej_dl.models import backend
from imagej_dl.training.distributed.messages import Content, packed, unpacked

_STOPS: dict[str, type[BaseException]] = {"Enough": Enough, "KeyboardInterrupt": Cancelled}


class Machines:
    """What computes, and how its parts tell each other what they have.

    Each device has the whole network and takes its share of each batch; sums over the devices
    make gradients, losses and batch statistics those of the whole batch.

    Parameters
    ----------
    strategy : TensorFlow's; None for one device.
    worker, workers : which machine this is, from 0, and how many there are. Number 0 is the one
        that validates, decides and writes.
    """

    def __init__(self, strategy: Any = None, worker: int = 0, workers: int = 1) -> None:
        self._strategy, self.worker, self.workers = strategy, worker, workers
        self.devices = 1 if strategy is None else int(strategy.num_replicas_in_sync)
        self._add: Any = None

    @property
    def chief(self) -> bool:
        """Whether this is the machine that validates, decides and writes."""
        return self.worker == 0

    @property
    def words(self) -> str:
        """Say what computes, such as "GPU NVIDIA A100" or "2 machines, each CPU, 2 cores"."""
        each = backend.device()
        return each if self.workers == 1 else f"{self.workers} machines, each {each}"

    def fits(self, batch: int) -> None:
        """Raise UserError when a batch has fewer patches than there are devices."""
        if batch < self.devices:
            raise UserError(
                f"a batch of {batch} patches cannot be divided among {self.devices} devices",
                remedy=f"Choose --batch {self.devices} or more, or fewer devices.",
            )

    def scope(self) -> Any:
        """Return the context in which network and optimizer are made."""
        return nullcontext() if self._strategy is None else self._strategy.scope()

    def prepare(self, model: Any) -> None:
        """Let batch normalisation see the whole batch, not a device's share of it."""
        if self._strategy is None:
            return
        for layer in _layers(model):
            if isinstance(layer, backend.keras().layers.BatchNormalization):
                layer.synchronized = True

    def compiled(self, function: Callable[..., Any]) -> Callable[[Any, Sequence[Any]], Any]:
        """Compile what each device does with its share of a batch; all must return the same.

        The result takes a tensor that all devices get, and the batch: tensors with the patches
        first, which are divided.
        """
        tf, strategy = backend.tensorflow(), self._strategy
        if strategy is None:
            # Not with XLA: on a CPU that was measured to take twice the time.
            alone = tf.function(function)
            return lambda given, batch: alone(given, *batch)

        @tf.function
        def together(given: Any, *shares: Any) -> Any:
            return strategy.experimental_local_results(strategy.run(function, (given, *shares)))[0]

        return lambda given, batch: together(given, *map(self._shares, batch))

    def total(self, *parts: Any) -> tuple[Any, ...]:
        """Sum tensors over the devices, in the compiled function.

        The gradient is that of this device's share. So, for any loss that is a function of sums
        over the batch, the gradients add up to those of one device that has the whole batch.
        """
        if self._strategy is None:
            return parts
        tf = backend.tensorflow()
        replica = tf.distribute.get_replica_context()
        sums = replica.all_reduce("SUM", [tf.identity(part) for part in parts])
        return tuple(p + tf.stop_gradient(s - p) for p, s in zip(parts, sums, strict=True))

    def sum(self, numbers: Sequence[float] | NDArray) -> NDArray[np.float32]:
        """Add numbers up over the machines, which all must call this."""
        array = np.asarray(numbers, np.float32)
        if self.workers == 1:
            return array
        tf, strategy = backend.tensorflow(), self._strategy
        own = self.devices // self.workers

        def add(value: Any) -> Any:
            # Without identity the tensor is on no device, where it cannot be summed.
            return tf.distribute.get_replica_context().all_reduce("SUM", tf.identity(value))

        if self._add is None:
            self._add = tf.function(
                lambda v: strategy.experimental_local_results(strategy.run(add, (v,)))[0]
            )
        given = strategy.experimental_distribute_values_from_function(
            lambda c: tf.constant(array * (c.replica_id_in_sync_group % own == 0))
        )
        return self._add(given).numpy()

    def shared(self, make: Callable[[], Content]) -> Content:
        """Return on all machines what `make` returns on the first, which alone calls it.

        Raises
        ------
        what `make` raises; on the other machines Cancelled or Enough for these, else UserError.
        """
        if self.workers == 1:
            return make()
        raised: BaseException | None = None
        content: Content = {}
        if self.chief:
            try:
                content = make()
            except BaseException as error:
                raised = error
                content = {"error": np.array([type(error).__name__, str(error)])}
        found = self._sent(content)
        if raised is not None:
            raise raised
        if "error" in found:
            kind, words = map(str, found["error"])
            if kind in ("Cancelled", *_STOPS):
                raise _STOPS.get(kind, Cancelled)
            raise UserError(f"worker 0 stopped: {words or kind}")
        return found

    def same(self, text: str, what: str) -> None:
        """Raise UserError on all machines unless all give the same text."""
        mine = int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big")
        slots = np.zeros(self.workers)
        slots[self.worker] = mine
        found = self.sum(slots)
        others = [i for i, value in enumerate(found) if value != found[0]]
        if others:
            raise UserError(
                f"{what} of worker {', '.join(map(str, others))} are not those of worker 0",
                remedy="Start the same command on the same data on all machines.",
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Turn the loss of another machine into a UserError."""
        if self.workers == 1:
            yield
            return
        try:
            yield
        except backend.tensorflow().errors.OpError as error:
            if type(error).__name__ not in ("UnavailableError", "AbortedError", "CancelledError"):
                raise
            raise UserError(
                "another machine of this training has stopped, or cannot be reached any more",
                remedy="What it said tells why. Start all again, after an epoch with --resume.",
            ) from error

    def _sent(self, content: Content) -> Content:
        """Send what the first machine has to all."""
        data = np.frombuffer(packed(content), np.uint16) if self.chief else np.zeros(0, np.uint16)
        high, low = self.sum(divmod(len(data), 65536))
        buffer = np.zeros(int(high) * 65536 + int(low), np.float32)
        buffer[: len(data)] = data
        return unpacked(self.sum(buffer).astype(np.uint16).tobytes())

    def _shares(self, tensor: Any) -> Any:
        size, devices = len(tensor), self.devices

        def share(context: Any) -> Any:
            number = context.replica_id_in_sync_group
            return tensor[number * size // devices : (number + 1) * size // devices]

        return self._strategy.experimental_distribute_values_from_function(share)


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        inner = getattr(layer, "layer", layer)  # of TimeDistributed
        if hasattr(inner, "layers"):
            yield from _layers(inner)
