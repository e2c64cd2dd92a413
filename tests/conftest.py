"""What all tests share: the data folder beside the project, a Fiji if there is one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import forking
import pytest
from own_process import call

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each of the processes has a core. And sums that threads share are not the same each time:
    # in two of six runs a training that had been stopped ended a rounding off the other.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def settings_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The user's settings, and what dialogs remember, stay out of the tests, and the other way."""
    os.environ.setdefault("IMAGEJ_DL_HOME", str(tmp_path_factory.mktemp("settings")))


@pytest.fixture(scope="session", autouse=True)
def processes_are_forked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Commands and workers that tests start fork from a process that has TensorFlow.

    Its import would take longer than it spares where no test needs TensorFlow or Java.
    """
    marks = {mark.name for item in request.session.items for mark in item.iter_markers()}
    with nullcontext() if marks.isdisjoint({"tf", "jvm"}) else forking.running():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test data beside the project; the test skips where it is not there."""
    if not DATA.is_dir():
        pytest.skip("needs the test data in ../shared/data, which is not here")
    return DATA


@pytest.fixture(scope="session")
def fiji_home() -> Path:
    """The Fiji folder that FIJI_HOME names; the test skips where there is none."""
    home = os.environ.get("FIJI_HOME")
    if not home:
        pytest.skip("needs a real Fiji: set FIJI_HOME to its folder")
    return Path(home)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Fetch the jars once, before several processes would at the same time."""
    config.option.loadscopereorder = False  # files are in the order of _slow_first
    subprocess.run([sys.executable, "-c", FETCH], capture_output=True, check=False)


FETCH = """
from imagej_dl.fiji import gateway, jars, menu
for besides in [], [menu.APPOSE], [menu.APPOSE, gateway.PATCHER]:
    jars.of_imagej(gateway.EMBEDDED, besides)
"""


def _slow_first(items: list[pytest.Item]) -> None:
    """Sort files so that the processes that share them end at about the same time.

    One process runs a file, and starts with those that use Java or TensorFlow or are slow, which
    take up to minutes: as its last, one of them would have the other processes wait. Among those,
    and among the others, files of many tests come first. Tests of a file stay together, in their
    order.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def rank(tests: list[pytest.Item]) -> tuple[bool, int]:
        marks = {mark.name for test in tests for mark in test.iter_markers()}
        return not marks.isdisjoint({"jvm", "tf", "slow"}), len(tests)

    items[:] = [item for tests in sorted(files.values(), key=rank, reverse=True) for item in tests]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run the tests marked thorough, too")


def _is_thorough(item: pytest.Item) -> bool:
    """Whether it is marked so, and not one of the cases that the mark excepts."""
    mark = item.get_closest_marker("thorough")
    case = getattr(item, "callspec", None)
    return mark is not None and not (case and case.id in mark.kwargs.get("except_for", ()))


@pytest.hookimpl(tryfirst=True)  # before those are left out that -k and -m do not choose
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    named = any("::" in argument for argument in config.args)
    if not (config.option.thorough or named or "thorough" in config.option.markexpr):
        config.hook.pytest_deselected(items=[item for item in items if _is_thorough(item)])
        items[:] = [item for item in items if not _is_thorough(item)]
    if hasattr(config, "workerinput"):
        _slow_first(items)
    if not os.environ.get("FIJI_HOME"):
        skip = pytest.mark.skip(reason="needs a real Fiji: set FIJI_HOME to its folder")
        for item in items:
            if "fiji" in item.keywords and item.get_closest_marker("fiji"):
                item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed what Keras draws the seeds of first weights from: a test that passes passes again."""
    random.seed(0)


@pytest.fixture(scope="session")
def own_process() -> Callable[..., Any]:
    """Call a module-level function in a fresh Python process: `own_process(function, *args)`.

    A process has one Java machine, and what it shows and sets outlives a test; so every test
    with Java has a process of its own. The result, or the error, comes back.
    """
    return call
