"""Log messages of libraries while a file is open, collected to be shown with the file's name.

A library's logger is shared by the process. It is changed only while a file is open, and only
messages of the thread that opened it are collected; those of other threads pass as before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_COLLECTORS: dict[str, _Collector] = {}


class _Collector(logging.Filter):
    """Filter that takes the messages of collecting threads and lets others pass as before."""

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
    messages: list[str] = []
    thread = threading.get_ident()
    logger = logging.getLogger(name)
    with _LOCK:
        collector = _COLLECTORS.get(name)
        if collector is None:
            collector = _COLLECTORS[name] = _Collector(logger)
            logger.addFilter(collector)
            if collector.effective > logging.WARNING:
                logger.setLevel(logging.WARNING)
        collector.lists.setdefault(thread, []).append(messages)
    try:
        yield messages
    finally:
        with _LOCK:
            mine = collector.lists[thread]
            # By identity: two lists may hold the same messages.
            mine[:] = [one for one in mine if one is not messages]
            if not mine:
                del collector.lists[thread]
            if not collector.lists:
                logger.removeFilter(collector)
                logger.setLevel(collector.level)
                del _COLLECTORS[name]
