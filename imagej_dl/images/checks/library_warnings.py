"""What libraries log while a file is open: collected to be said with the file's name.

A library's logger is everybody's, so nothing is set but while a file is open, and only what the
thread that opened it logs is taken; other threads' lines go where they would have gone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_COLLECTORS: dict[str, _Collector] = {}


class _Collector(logging.Filter):
    """Takes the lines of the threads that collect, and lets those of others pass as before."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self.level, self.effective = logger.level, logger.getEffectiveLevel()
        self.lists: dict[int, list[list[str]]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        mine = self.lists.get(threading.get_ident())
        if not mine:
            return record.levelno >= self.effective
        if record.levelno >= logging.WARNING:
            mine[-1].append(record.getMessage())
        return False


@contextmanager
def collected(name: str) -> Iterator[list[str]]:
    """Collect the warnings and errors that this thread logs to a logger, instead of showing them.

    Parameters
    ----------
    name : of the logger, such as "tifffile".

    Yields
    ------
    list to which each message is added as it comes.
    """
    said: list[str] = []
    thread = threading.get_ident()
    logger = logging.getLogger(name)
    with _LOCK:
        collector = _COLLECTORS.get(name)
        if collector is None:
            collector = _COLLECTORS[name] = _Collector(logger)
            logger.addFilter(collector)
            if collector.effective > logging.WARNING:
                logger.setLevel(logging.WARNING)
        collector.lists.setdefault(thread, []).append(said)
    try:
        yield said
    finally:
        with _LOCK:
            mine = collector.lists[thread]
            # By identity: two lists may hold the same words.
            mine[:] = [kept for kept in mine if kept is not said]
            if not mine:
                del collector.lists[thread]
            if not collector.lists:
                logger.removeFilter(collector)
                logger.setLevel(collector.level)
                del _COLLECTORS[name]
