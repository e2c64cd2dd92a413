"""Workers of Dask: processes on this machine, or those of a scheduler anywhere.

Dask sends functions by pickle between processes that trust each other: whoever can connect to a
scheduler can run anything as its user. So a scheduler of our own takes only connections with a
certificate that is made for it. What travels is the name of a function and JSON.
"""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from imagej_dl import __version__, optional
from imagej_dl.distribution.base import Executor, Job, Outcome
from imagej_dl.distribution.work import perform
from imagej_dl.errors import UserError, first_line
from imagej_dl.models import backend

CONNECT = 10.0
"""Seconds within which a scheduler must answer."""
ARRIVE = 120.0
"""Seconds within which the first worker must be there."""
_BEAT = 0.5
_AT_ONCE = 500
_COMES_AGAIN = ("lost", "pending")
"""Of a job that ended, and whose worker died with the outcome: another does it again."""
_DEATHS = 10
"""Workers that may die while they do a job, before it is given up."""


def local(workers: int | None = None) -> Executor:
    """Start a scheduler and its workers on this machine, which share its cores.

    Parameters
    ----------
    workers : number of processes; by default one for each core.
    """
    distributed = _library()
    cores = backend.cores()
    count = workers or cores
    threads = str(max(1, cores // count))
    names = (backend.THREADS, "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    with _configured():
        cluster = distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address=None,
            security=_certificate(distributed),
            silence_logs=logging.CRITICAL,
            env={name: threads for name in names},
        )
    return _Workers(distributed, distributed.Client(cluster), cluster)


def remote(address: str) -> Executor:
    """Connect to a scheduler that is running.

    Raises
    ------
    UserError : when it does not answer, or is of another version of Dask.
    """
    distributed = _library()
    levels = _quiet()
    try:
        client = distributed.Client(address, timeout=CONNECT)
    except (OSError, TimeoutError, ValueError, ImportError) as error:
        raise UserError(
            f"no Dask scheduler answers there ({first_line(error)})",
            path=address,
            remedy="Start one with `dask scheduler`, and workers with `dask worker ADDRESS`; it "
            "prints its address.",
        ) from error
    finally:
        _quiet(levels)
    return _Workers(distributed, client, None, address)


class _Workers(Executor):
    def __init__(self, distributed: Any, client: Any, cluster: Any, address: str = "local") -> None:
        self.distributed, self.client, self.cluster = distributed, client, cluster
        self.address = address
        self.checked = False
        self.levels = _quiet()

    def run(self, jobs: Sequence[Job], pulse: Callable[[], None]) -> Iterator[tuple[int, Outcome]]:
        if not jobs:
            return
        self._need_workers(pulse)
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # Handed over some hundred at a time: one by one takes 1.4 times as long.
        futures = self.client.map(
            perform,
            [job.function for job in jobs],
            [job.arguments for job in jobs],
            [__version__] * len(jobs),
            pure=False,
            batch_size=_AT_ONCE,
        )
        waiting = {future.key: (number, future) for number, future in enumerate(futures)}
        for future in futures:
            future.add_done_callback(ended.put)
        del futures, future
        lost: list[Any] = []
        try:
            while waiting:
                pulse()
                try:
                    future = ended.get(timeout=_BEAT)
                except queue.Empty:
                    self._need_scheduler()
                    while lost:
                        ended.put(lost.pop())
                    continue
                if future.status in _COMES_AGAIN and self.client.status == "running":
                    lost.append(future)
                    continue
                number, _ = waiting.pop(future.key)
                yield number, self._outcome(future)
        finally:
            if waiting:
                with suppress(Exception):
                    self.client.cancel([future for _, future in waiting.values()], force=True)

    def _outcome(self, future: Any) -> Outcome:
        status = future.status
        if status not in ("finished", "error"):
            raise self._ended()
        # The value, or the error, lies with the worker until it is asked for.
        try:
            if status == "finished":
                return Outcome(**future.result())
            error = future.exception()
        except (OSError, self.distributed.CancelledError) as gone:
            raise self._ended() from gone
        if isinstance(error, self.distributed.KilledWorker):
            raise UserError(
                "workers died again and again while they did the same job: they may have too "
                "little memory",
                path=self.address,
                remedy="Use smaller tiles with --tile, fewer --workers, or workers with more "
                "memory. The same command goes on where it stopped.",
            )
        raise UserError(
            f"a worker failed ({type(error).__name__}: {first_line(error)})",
            path=self.address,
            remedy="Look into the worker's log. The same command goes on where it stopped.",
        ) from error

    def sees(self, path: str) -> None:
        """Raise UserError where a worker cannot read a file that jobs are about."""
        self._need_workers(lambda: None)
        for worker, there in self.client.run(os.path.exists, path).items():
            if not there:
                raise UserError(
                    f"the worker {worker} does not see this file",
                    path=path,
                    remedy="Images, model and results must lie on a disk that all machines have, "
                    "under the same path.",
                )

    def _need_workers(self, pulse: Callable[[], None]) -> None:
        """Wait for the first worker; see that those that are there can do the work."""
        until = time.monotonic() + ARRIVE
        while not self.client.nthreads():
            self._need_scheduler()
            if time.monotonic() > until:
                raise UserError(
                    f"the scheduler has had no worker for {ARRIVE:.0f} s",
                    path=self.address,
                    remedy="Start workers with `dask worker ADDRESS`.",
                )
            pulse()
            time.sleep(_BEAT)
        if self.checked:
            return
        self.checked = True
        for one, found in self._versions().items():
            if found != __version__:
                has = "no imagej-dl" if isinstance(found, Exception) else f"imagej-dl {found}"
                raise UserError(
                    f"{one} has {has}, and this is {__version__}",
                    path=self.address,
                    remedy="Install the same version in the environment of the scheduler and of "
                    "the workers, and start them again.",
                )

    def _versions(self) -> dict[str, str | Exception]:
        """Ask for the version of imagej-dl; the scheduler needs it to read what jobs are."""
        from importlib.metadata import PackageNotFoundError, version

        workers = self.client.run(version, "imagej-dl", on_error="return")
        versions = {f"the worker {address}": found for address, found in workers.items()}
        try:
            versions["the scheduler"] = self.client.run_on_scheduler(version, "imagej-dl")
        except PackageNotFoundError as error:
            versions["the scheduler"] = error
        return versions

    def _need_scheduler(self) -> None:
        if self.client.status not in ("running", "connecting"):
            raise self._ended()

    def _ended(self) -> UserError:
        return UserError(
            "the scheduler has ended, or is not to be reached any more",
            path=self.address,
            remedy="Start it again: the same command goes on where it stopped.",
        )

    def end(self) -> None:
        with suppress(Exception):
            self.client.close(timeout=5)
        if self.cluster is not None:
            with suppress(Exception):
                self.cluster.close(timeout=5)
        _quiet(self.levels)


def _library() -> Any:
    return optional.need(
        "distributed", "Dask, which spreads the work,", "pip install 'imagej-dl[dask]'."
    )


def _quiet(levels: dict[str, int] | None = None) -> dict[str, int]:
    """Set the levels of Dask's loggers, by default to silence; return the former ones."""
    before = {}
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.nanny"):
        logger = logging.getLogger(name)
        before[name] = logger.level
        logger.setLevel(logging.CRITICAL if levels is None else levels[name])
    return before


def _configured() -> AbstractContextManager[Any]:
    """Let Dask start workers here as they are needed; its settings are as before afterwards."""
    import dask

    settings = {
        # Else a job whose worker is killed three times would be given up; and workers that others
        # stop are no reason to.
        "distributed.scheduler.allowed-failures": _DEATHS,
        # Dask would set these in this process, too, and leave them: engines that are started
        # from it later would have one thread.
        "distributed.nanny.pre-spawn-environ": {},
    }
    return dask.config.set(settings)


def _certificate(distributed: Any) -> Any:
    """Return certificates for one run, without which nobody can connect."""
    optional.need(
        "cryptography", "cryptography, which Dask needs here,", "pip install 'imagej-dl[dask]'."
    )
    return distributed.Security.temporary()
