"""Several GPUs of one machine, or several machines, that train one network together.

The strategies are TensorFlow's: `MirroredStrategy` for the GPUs of one machine,
`MultiWorkerMirroredStrategy` for machines that TF_CONFIG names. Each device has the whole network
and takes its share of each batch; sums over the devices make gradients, losses and batch
statistics those of the whole batch.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import Cancelled, Enough, UserError
from imagej_dl.models import backend
from imagej_dl.training.devices import Arrays, SingleDevice, StopRequests
from imagej_dl.training.distributed import stopping
from imagej_dl.training.distributed.tf_config import Task

_STOPS: dict[str, type[BaseException]] = {
    "Cancelled": Cancelled,
    "Enough": Enough,
    "KeyboardInterrupt": Cancelled,
}

_PAGE = 8192
"""Messages have lengths that are multiples of it: TensorFlow prepares each length anew."""


class DistributedStrategy(SingleDevice):
    """Devices that share each batch.

    Parameters
    ----------
    strategy : TensorFlow's.
    worker, workers : the number of this machine, from 0, and of all. Number 0 is the chief.
    """

    def __init__(self, strategy: Any, worker: int = 0, workers: int = 1) -> None:
        self._strategy, self.worker, self.workers = strategy, worker, workers
        self.count = int(strategy.num_replicas_in_sync) if strategy is not None else 1
        self.is_chief = worker == 0
        self._add: Any = None

    @property
    def description(self) -> str:
        each = backend.device()
        return each if self.workers == 1 else f"{self.workers} machines, each {each}"

    def scope(self) -> AbstractContextManager[Any]:
        return self._strategy.scope()

    def prepare(self, network: Any) -> None:
        for layer in _layers(network):
            if isinstance(layer, backend.keras().layers.BatchNormalization):
                layer.synchronized = True

    def compile(self, step: Callable[..., Any]) -> Callable[[Any, Sequence[Any]], Any]:
        tf, strategy = backend.tensorflow(), self._strategy

        @tf.function
        def compiled(common: Any, *shares: Any) -> Any:
            return strategy.experimental_local_results(strategy.run(step, (common, *shares)))[0]

        return lambda common, batch: compiled(common, *map(self._shares, batch))

    def total(self, *parts: Any) -> tuple[Any, ...]:
        """Sum tensors over the devices, within the compiled step.

        The gradient is that of this device's share. So, for any loss that is a function of sums
        over the batch, the gradients add up to those of one device that has the whole batch.
        """
        tf = backend.tensorflow()
        replica = tf.distribute.get_replica_context()
        sums = replica.all_reduce("SUM", [tf.identity(part) for part in parts])
        return tuple(p + tf.stop_gradient(s - p) for p, s in zip(parts, sums, strict=True))

    def sum(self, numbers: Sequence[float] | NDArray) -> NDArray[np.float32]:
        """Add numbers up over the machines, all of which must call this."""
        array = np.asarray(numbers, np.float32)
        if self.workers == 1:
            return array
        tf, strategy = backend.tensorflow(), self._strategy
        own = self.count // self.workers

        def add(value: Any) -> Any:
            # Without identity the tensor is on no device, where it cannot be summed.
            return tf.distribute.get_replica_context().all_reduce("SUM", tf.identity(value))

        if self._add is None:
            self._add = tf.function(
                lambda v: strategy.experimental_local_results(strategy.run(add, (v,)))[0]
            )
        values = strategy.experimental_distribute_values_from_function(
            lambda c: tf.constant(array * (c.replica_id_in_sync_group % own == 0))
        )
        return self._add(values).numpy()

    def on_chief(self, make: Callable[[], Arrays]) -> Arrays:
        """Call `make` on the first machine and return its result on all.

        Raises
        ------
        what `make` raises; on the other machines Cancelled or Enough for these, else UserError.
        """
        if self.workers == 1:
            return make()
        raised: BaseException | None = None
        content: Arrays = {}
        if self.is_chief:
            try:
                content = make()
            except BaseException as error:
                raised = error
                content = {"error": np.array([type(error).__name__, str(error)])}
        received = self._broadcast(content)
        if raised is not None:
            raise raised
        if "error" in received:
            kind, message = map(str, received["error"])
            if kind in _STOPS:
                raise _STOPS[kind]
            raise UserError(f"worker 0 stopped: {message or kind}")
        return received

    def chief_only(self, callbacks: Sequence[Any]) -> list[Any]:
        if self.workers == 1:
            return list(callbacks)
        from imagej_dl.training.distributed.callbacks import ChiefOnly

        return [ChiefOnly(self, callbacks)]

    def check_equal(self, text: str, what: str) -> None:
        if self.workers == 1:
            return
        mine = int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big")
        slots = np.zeros(self.workers)
        slots[self.worker] = mine
        digests = self.sum(slots)
        others = [i for i, digest in enumerate(digests) if digest != digests[0]]
        if others:
            raise UserError(
                f"{what} of worker {', '.join(map(str, others))} differ from those of worker 0",
                remedy="Start the same command on the same data on all machines.",
            )

    def stop_requests(self) -> StopRequests:
        if self.workers == 1:
            return StopRequests()
        return stopping.AgreedStopRequests(self.is_chief, self.sum)

    @contextmanager
    def connection(self) -> Iterator[None]:
        if self.workers == 1:
            yield
            return
        try:
            yield
        except backend.tensorflow().errors.OpError as error:
            if type(error).__name__ not in ("UnavailableError", "AbortedError", "CancelledError"):
                raise
            raise UserError(
                "another machine of this training has stopped or cannot be reached",
                remedy="See its output for the reason. Start all machines again, with --resume if "
                "an epoch was completed.",
            ) from error

    def _broadcast(self, content: Arrays) -> Arrays:
        """Send arrays of the first machine to all."""
        data = np.frombuffer(pack(content), np.uint16) if self.is_chief else np.zeros(0, np.uint16)
        high, low = self.sum(divmod(len(data), 65536))
        buffer = np.zeros(int(high) * 65536 + int(low), np.float32)
        buffer[: len(data)] = data
        return unpack(self.sum(buffer).astype(np.uint16).tobytes())

    def _shares(self, tensor: Any) -> Any:
        size, count = len(tensor), self.count

        def share(context: Any) -> Any:
            number = context.replica_id_in_sync_group
            return tensor[number * size // count : (number + 1) * size // count]

        return self._strategy.experimental_distribute_values_from_function(share)


@cache
def mirrored(names: tuple[str, ...]) -> DistributedStrategy:
    """Join devices of this machine, once in a process.

    Two strategies would number what they exchange alike, and TensorFlow would mix it up.
    """
    return DistributedStrategy(backend.tensorflow().distribute.MirroredStrategy(names))


@cache
def connect(task: Task) -> DistributedStrategy:
    """Connect to the other machines, once in a process.

    Raises
    ------
    UserError : when they cannot be reached, or TensorFlow has been used in this process.
    """
    tf = backend.tensorflow()
    try:
        with stopping.interruptible():
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise UserError(
            f"several machines cannot be used in this process ({error})",
            remedy="TensorFlow has been used in it already; train in a separate process.",
        ) from error
    except (tf.errors.OpError, ValueError) as error:
        message = str(error).strip().splitlines()[0]
        raise UserError(
            f"worker {task.number} cannot connect to the others ({message})",
            remedy="Check that the addresses in TF_CONFIG are right, reachable and free.",
        ) from error
    return DistributedStrategy(strategy, task.number, len(task.addresses))


def pack(content: Arrays) -> bytes:
    """Return arrays as bytes; none is pickled."""
    file = io.BytesIO()
    np.savez(file, **content)  # type: ignore[arg-type]
    data = file.getvalue()
    # With its length before it, since an archive is read from its end.
    message = len(data).to_bytes(8, "big") + data
    return message + bytes(-len(message) % _PAGE)


def unpack(message: bytes) -> Arrays:
    """Return the arrays that :func:`pack` was given."""
    length = int.from_bytes(message[:8], "big")
    with np.load(io.BytesIO(message[8 : 8 + length]), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _layers(network: Any) -> Iterator[Any]:
    for layer in network.layers:
        yield layer
        inner = getattr(layer, "layer", layer)  # of TimeDistributed
        if hasattr(inner, "layers"):
            yield from _layers(inner)
