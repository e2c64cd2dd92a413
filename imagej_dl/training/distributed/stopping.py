"""Ctrl-C, SIGTERM and other stop requests: several machines stop at the same batch."""

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
        """Make Ctrl-C and SIGTERM stop requests; a second one ends the process at once."""
        before = _handlers()

        def handle(number: int, frame: Any) -> None:
            self._request = Cancelled()
            signal.signal(number, signal.SIG_DFL)

        for number in before:
            signal.signal(number, handle)
        try:
            yield
        finally:
            _restore(before)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the process: while TensorFlow waits, Python handles neither."""
    before = _handlers()
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        _restore(before)


def _handlers() -> dict[int, Any]:
    """Return the handlers of the signals that stop a command, as far as they are Python's own.

    Others are left as they are: another program's, and those that are ignored (nohup).
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    return {number: handler for number, handler in found.items() if callable(handler)}


def _restore(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
