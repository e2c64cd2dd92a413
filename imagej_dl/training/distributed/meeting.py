"""Which devices, and which machines, a training uses."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from imagej_dl.errors import UserError
from imagej_dl.models import backend
from imagej_dl.training.distributed.strategy import Machines
from imagej_dl.training.distributed.tf_config import Task, task


def here(*, several: bool = True) -> Machines:
    """Return what the user's settings and TF_CONFIG say; waits for the machines named there.

    Raises
    ------
    UserError : for a TF_CONFIG that is none, or, unless `several`, that names other machines.
    """
    found = task()
    if found is not None and len(found.addresses) > 1:
        if not several:
            raise UserError(
                "TF_CONFIG names several machines, which a search does not use",
                remedy="Unset it, and start the search on each with --storage and --worker.",
            )
        return _connected(found)
    names = backend.together()
    return _mirrored(tuple(names)) if len(names) > 1 else Machines()


@cache
def _mirrored(names: tuple[str, ...]) -> Machines:
    """Join devices of this machine, once in a process.

    Two strategies would number what they exchange alike, and TensorFlow would mix it up.
    """
    return Machines(backend.tensorflow().distribute.MirroredStrategy(names))


@cache
def _connected(found: Task) -> Machines:
    """Meet the other machines, once in a process."""
    tf = backend.tensorflow()
    try:
        with _interruptible():
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise UserError(
            f"several machines cannot be used any more in this process ({error})",
            remedy="TensorFlow has been used in it; train in a process of its own.",
        ) from error
    except (tf.errors.OpError, ValueError) as error:
        words = str(error).strip().splitlines()[0]
        raise UserError(
            f"worker {found.number} does not get into touch with the others ({words})",
            remedy="Look whether the addresses in TF_CONFIG are right, reachable and free.",
        ) from error
    return Machines(strategy, found.number, len(found.addresses))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the process: while TensorFlow waits, Python does not hear it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if before is not None:  # else it was not Python's
            signal.signal(signal.SIGINT, before)
