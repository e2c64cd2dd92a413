"""The executors by the names that users give them."""

from __future__ import annotations

import re

from imagej_dl.distribution.base import Executor
from imagej_dl.distribution.serial import Serial
from imagej_dl.errors import UserError

SERIAL, LOCAL = "serial", "local"
_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://\S+:\d+")
HOW = "local, serial, or the address of a Dask scheduler, such as tcp://host:8786"


def check(scheduler: str) -> None:
    """Raise ValueError for what is neither the name of an executor nor an address."""
    if scheduler not in (SERIAL, LOCAL) and not _ADDRESS.fullmatch(scheduler):
        raise ValueError(f"{scheduler!r} is no scheduler: give {HOW}")


def check_workers(scheduler: str | None, workers: int | None) -> None:
    """Raise UserError for a number of workers where the scheduler, or its absence, starts none."""
    if scheduler != LOCAL and workers is not None:
        raise UserError(
            "workers: says how many processes the scheduler local starts; another has those that "
            "it has",
            remedy="Leave it out, or pass --scheduler local.",
        )


def executor(scheduler: str, workers: int | None = None) -> Executor:
    """Return the executor of a name, or of an address.

    Parameters
    ----------
    workers : processes that `local` starts; by default one for each core.

    Raises
    ------
    UserError : when Dask is needed and not installed, or the scheduler does not answer.
    """
    check_workers(scheduler, workers)
    if scheduler == SERIAL:
        return Serial()
    from imagej_dl.distribution import dask_workers

    if scheduler == LOCAL:
        return dask_workers.local(workers)
    return dask_workers.remote(scheduler)
