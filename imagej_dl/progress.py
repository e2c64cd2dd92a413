"""How long work says how far it is, and how it is cancelled.

A step calls `progress(stage, done, total)`. Whoever listens may raise
:class:`imagej_dl.errors.Cancelled` from that call to stop the work: no other
channel is needed, so the same functions serve a terminal, ImageJ's progress bar
and a worker process.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Listen to nothing."""


def terminal() -> Progress:
    """Return a listener that draws one bar with the remaining time for each stage on stderr."""
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def show(stage: str, done: int, total: int) -> None:
        bar = bars.get(stage)
        if bar is None or bar.total != total:
            # No bars in files and pipes: disable=None means "unless it is a terminal".
            bar = bars[stage] = tqdm(total=total, desc=stage, leave=True, disable=None)
        bar.update(done - bar.n)
        if done >= total:
            bar.close()
            del bars[stage]

    return show
