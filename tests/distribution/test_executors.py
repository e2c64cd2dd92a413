"""Jobs are done by this process or by Dask's workers, and each ends with one outcome."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

import pytest

from imagej_dl import __version__
from imagej_dl.distribution import dask_workers, registry
from imagej_dl.distribution.base import Job
from imagej_dl.distribution.work import perform
from imagej_dl.errors import Cancelled, UserError

CORES = Job("imagej_dl.models.backend:cores", {})
MISSING = Job(
    "imagej_dl.prediction.blocks.jobs:run",
    {"folder": "/nowhere", "stage": "network", "name": "0-0"},
)


def test_serial_jobs_end_with_their_outcomes() -> None:
    with registry.executor("serial") as executor:
        (_, one), (_, two) = executor.run([CORES, MISSING], lambda: None)
    assert one.value >= 1
    one.check()
    with pytest.raises(UserError, match="no such file"):
        two.check()


def test_a_worker_of_another_version_refuses() -> None:
    found = perform(CORES.function, {}, "0.0.1")
    assert "a worker has imagej-dl" in found["error"]["problem"]


@pytest.mark.parametrize("wrong", ["locally", "host:8786", "tcp://host", "http://host:1"])
def test_what_is_no_scheduler_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no scheduler"):
        registry.check(wrong)


def test_workers_are_for_the_scheduler_local() -> None:
    with pytest.raises(UserError, match="workers"):
        registry.executor("tcp://127.0.0.1:8786", 2)


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_workers, "CONNECT", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    with pytest.raises(UserError, match="no Dask scheduler answers there") as error:
        registry.executor(address)
    assert error.value.path == address
    assert time.monotonic() - begun < 10


class FakeFuture:
    """A job that ended; its worker dies with the outcome, and another does it again."""

    key = "job"

    def __init__(self) -> None:
        self._states = iter(["lost", "pending", "finished", "finished"])

    @property
    def status(self) -> str:
        return next(self._states)

    def add_done_callback(self, call: Callable[[FakeFuture], None]) -> None:
        call(self)

    def result(self) -> dict[str, object]:
        return perform(CORES.function, CORES.arguments, __version__)


class FakeClient:
    """What is asked of a client, of one worker and a scheduler."""

    status = "running"

    def __init__(self, name: str = "imagej-dl") -> None:
        self._name = name

    def map(self, *arguments: object, **options: object) -> list[FakeFuture]:
        return [FakeFuture()]

    def nthreads(self) -> dict[str, int]:
        return {"tcp://worker": 1}

    def run(self, _: object, *arguments: str, on_error: str) -> dict[str, str]:
        return {"tcp://worker": __version__}

    def run_on_scheduler(self, function: Callable[[str], str], name: str) -> str:
        assert name == "imagej-dl"
        return function(self._name)

    def close(self, timeout: float) -> None:
        pass


def test_a_scheduler_without_imagej_dl_is_refused() -> None:
    client = FakeClient("no-such-package")
    with (
        dask_workers._Workers(None, client, None, "tcp://host:1") as executor,
        pytest.raises(UserError, match="the scheduler has no imagej-dl") as error,
    ):
        list(executor.run([CORES], lambda: None))
    assert error.value.path == "tcp://host:1"


def test_an_outcome_that_died_with_its_worker_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_workers, "_BEAT", 0.01)
    with dask_workers._Workers(None, FakeClient(), None, "tcp://host:1") as executor:
        ((number, outcome),) = executor.run([CORES], lambda: None)
    assert number == 0
    assert outcome.value >= 1


def test_a_scheduler_that_ends_while_an_outcome_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    distributed = pytest.importorskip("distributed")

    def gone(_: FakeFuture) -> dict[str, object]:
        raise distributed.client.FutureCancelledError("job", "scheduler-connection-lost")

    monkeypatch.setattr(dask_workers, "_BEAT", 0.01)
    monkeypatch.setattr(FakeFuture, "result", gone)
    with (
        dask_workers._Workers(distributed, FakeClient(), None, "tcp://host:1") as executor,
        pytest.raises(UserError, match="the scheduler has ended") as error,
    ):
        list(executor.run([CORES], lambda: None))
    assert error.value.path == "tcp://host:1"


def _threads() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.endswith("_THREADS")}


@pytest.mark.slow
def test_local_workers_share_the_cores_and_can_be_cancelled() -> None:
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    before = _threads(), dask.config.get("distributed.scheduler.allowed-failures")
    with registry.executor("local", 1) as executor:
        (_, one), (_, two) = sorted(
            executor.run([CORES, MISSING], lambda: None), key=lambda o: o[0]
        )
        assert one.value >= 1
        assert two.error is not None

        def stop() -> None:
            raise Cancelled

        with pytest.raises(Cancelled):
            list(executor.run([CORES], stop))
    # Dask itself would leave OMP_NUM_THREADS 1, which all that is started later inherits.
    assert before == (_threads(), dask.config.get("distributed.scheduler.allowed-failures"))
