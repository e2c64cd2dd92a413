"""A short run of bench/fuzz.py: changed files of all formats are read or refused, never more."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow
BENCH = Path(__file__).parents[1] / "bench"
EACH = 60
"""Inputs of each format, the same ones each time; bench/fuzz.py reads many more."""


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    """Load bench/fuzz.py."""
    spec = importlib.util.spec_from_file_location("fuzz", BENCH / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_changed_files_are_read_or_refused(fuzz: ModuleType, tmp_path: Path) -> None:
    names = list(fuzz.TARGETS)
    outcome = fuzz.fuzz(names, EACH * len(names), tmp_path)
    failed = [f"{name}:{number} {kind}\n{trace}" for name, number, kind, trace in outcome.failures]
    assert not failed, "\n".join(failed)
    for name in names:
        counts = outcome.counts[name]
        assert counts["ok"], f"of {name} even the valid files are refused"
        assert counts["refused"], f"what is changed in {name} is not noticed"


def test_inputs_that_failed_once(fuzz: ModuleType, tmp_path: Path) -> None:
    """Endless chains of pages, and parts that are said to be far longer than their file."""
    outcome = fuzz.Outcome()
    sys.modules["fuzzing.seeds"].make(tmp_path)
    worker = fuzz.Worker(tmp_path, tmp_path / "place")
    try:
        for name, number in (("ome", 1270), ("czi", 24), ("czi", 3432), ("picture", 1276)):
            worker.run(name, 0, 1, outcome)  # imports what it needs, for which it has no limit
            worker.run(name, number, number + 1, outcome)
    finally:
        worker.close()
    assert not outcome.failures


def test_what_is_wrong_is_found(
    fuzz: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that fails, takes all the memory, all the time, or ends the process is told."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys, importlib.abc\n"
        "def broken(path):\n"
        "    n = path.read_bytes()[0] % 5\n"
        "    if n == 0: return None\n"
        "    if n == 3: raise KeyError(n)\n"
        "    if n == 2: bytearray(3 * 10**9)\n"
        "    if n == 1:\n"
        "        while True: pass\n"
        "    os._exit(7)\n"
        "import imagej_dl.correction.store as state\n"
        "state._read = broken\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(fuzz, "SECONDS", 0.3)
    monkeypatch.setattr(
        sys.modules["fuzzing.seeds"],
        "make",
        lambda folder: (folder / "state.json").write_text("2"),  # "2" is 50: read
    )
    # Among so many each failure occurs; most are the KeyError, which needs no new process.
    outcome = fuzz.fuzz(["corrections"], 14)
    assert {kind for _, _, kind, _ in outcome.failures} >= {"KeyError", "time", "ended by 7"}
    assert {kind for _, _, kind, _ in outcome.failures} & {"memory", "MemoryError"}
