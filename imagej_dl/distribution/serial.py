"""One job after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from imagej_dl import __version__
from imagej_dl.distribution.base import Executor, Job, Outcome
from imagej_dl.distribution.work import perform


class Serial(Executor):
    """Does the jobs in this process, one after the other."""

    def run(self, jobs: Sequence[Job], pulse: Callable[[], None]) -> Iterator[tuple[int, Outcome]]:
        for number, job in enumerate(jobs):
            pulse()
            yield number, Outcome(**perform(job.function, job.arguments, __version__))

    def sees(self, path: str) -> None:
        """Do nothing: what this process sees it sees."""

    def end(self) -> None:
        """Do nothing: nothing was started."""
