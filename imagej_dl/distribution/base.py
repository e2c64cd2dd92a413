"""Jobs, their outcomes, and the interface of what has them done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from imagej_dl.errors import UserError


@dataclass(frozen=True)
class Job:
    """A call of a function of imagej-dl, such as "imagej_dl.prediction.blocks.jobs:block".

    All that it is given is JSON, so that nothing else travels between machines.
    """

    function: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The value that a job returned, its warnings, and its error: the arguments of a UserError."""

    value: Any = None
    warnings: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None

    def check(self) -> None:
        """Raise the error that the job ended with, if it did."""
        if self.error is not None:
            raise UserError(self.error["problem"], **{k: self.error[k] for k in ("path", "remedy")})


class Executor(ABC):
    """Has jobs done. To be used as a context: leaving it ends what it has started."""

    @abstractmethod
    def run(self, jobs: Sequence[Job], pulse: Callable[[], None]) -> Iterator[tuple[int, Outcome]]:
        """Do all jobs and yield the number and the outcome of each, in the order they end.

        `pulse` is called at least once a second, and may raise an error to end the work.
        """

    @abstractmethod
    def sees(self, path: str) -> None:
        """Raise UserError where a worker cannot read a file that jobs are about."""

    @abstractmethod
    def end(self) -> None:
        """End what was started; jobs that are not done are given up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
