"""How several machines end a training at the same batch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from imagej_dl.errors import Cancelled, Enough
from imagej_dl.training.distributed.strategy import Machines


class Wishes:
    """What the listeners of all machines wish; on one machine each is met at once.

    While one machine computes, the others wait for its part, so none may stop for itself.
    """

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._wish: Cancelled | None = None

    def ask(self, call: Callable[[], Any]) -> None:
        """Call a listener. With several machines a Cancelled that it raises has to wait."""
        if self._machines.workers == 1:
            call()
            return
        try:
            call()
        except Cancelled as wish:
            self._wish = wish

    def agreed(self, fraction: float) -> float:
        """Return how far the training is by the first machine's clock.

        Raises
        ------
        Cancelled, Enough : on all machines, where one wished it.
        """
        machines = self._machines
        if machines.workers == 1:
            return fraction
        enough = isinstance(self._wish, Enough)
        cancel = self._wish is not None and not enough
        found = machines.sum([fraction if machines.chief else 0.0, cancel, enough])
        if found[1]:
            raise Cancelled
        if found[2]:
            raise Enough
        # The first machine, too, takes what the others got: it is rounded to float32.
        return float(found[0])

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let Ctrl-C be such a wish; a second one ends the process at once."""
        alone = self._machines.workers == 1
        if alone or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)
        if before in (None, signal.SIG_IGN):  # another program's handler, or nohup
            yield
            return

        def heard(number: int, frame: Any) -> None:
            self._wish = Cancelled()
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        signal.signal(signal.SIGINT, heard)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
