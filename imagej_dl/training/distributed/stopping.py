"""Ctrl-C and other stop requests: several machines stop at the same batch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imagej_dl.errors import Cancelled, Enough
from imagej_dl.training.devices import StopRequests


class AgreedStopRequests(StopRequests):
    """Keep a stop request until all machines have learnt of it.

    While one machine computes, the others wait for its share, so none may stop by itself.

    Parameters
    ----------
    is_chief : whether this is the first machine, by whose clock all go.
    total : sums numbers, place by place, over the machines.
    """

    def __init__(self, is_chief: bool, total: Callable[[Sequence[float]], Any]) -> None:
        self._is_chief, self._total = is_chief, total
        self._request: Cancelled | None = None

    def notify(self, listener: Callable[[], Any]) -> None:
        """Call a listener; a Cancelled or Enough that it raises is kept for :meth:`agree`."""
        try:
            listener()
        except Cancelled as request:
            self._request = request

    def agree(self, fraction: float) -> float:
        """Return the elapsed fraction by the first machine's clock.

        Raises
        ------
        Cancelled, Enough : on all machines, when a listener of one has raised it.
        """
        enough = isinstance(self._request, Enough)
        cancel = self._request is not None and not enough
        sums = self._total([fraction if self._is_chief else 0.0, cancel, enough])
        if sums[1]:
            raise Cancelled
        if sums[2]:
            raise Enough
        # The first machine, too, takes what the others got: it is rounded to float32.
        return float(sums[0])

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Make Ctrl-C a stop request; a second one ends the process at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)
        if before in (None, signal.SIG_IGN):  # another program's handler, or nohup
            yield
            return

        def handle(number: int, frame: Any) -> None:
            self._request = Cancelled()
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end the process: while TensorFlow waits, Python does not handle it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if before is not None:  # else the handler was not Python's
            signal.signal(signal.SIGINT, before)
