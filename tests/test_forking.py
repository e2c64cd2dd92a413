"""Processes that fork from one with TensorFlow end as any other; some may not be forked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forking
import pytest

pytestmark = [
    pytest.mark.tf,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can fork them"),
]


def _has_tensorflow() -> bool:
    return "tensorflow" in sys.modules


def _waits(file: str) -> None:
    Path(file).write_text(str(os.getpid()))
    time.sleep(600)


def test_only_those_fork_whose_environment_says_nothing_else(
    own_process: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails, too, where a test before this one left such a variable.
    assert own_process(_has_tensorflow), forking.heeded(dict(os.environ))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert not own_process(_has_tensorflow)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    assert not own_process(_has_tensorflow, bare=True)


def test_a_command_ends_as_one_that_was_not_forked() -> None:
    command = [sys.executable, "-m", "imagej_dl", "predict", "nowhere", "--unknown"]
    bare = {name: value for name, value in os.environ.items() if name != forking.ADDRESS}
    ends = [
        subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        for env in (dict(os.environ), bare)
    ]
    assert ends[0].returncode == ends[1].returncode == 2
    assert ends[0].stderr == ends[1].stderr
    assert "--unknown" in ends[0].stderr


@pytest.mark.thorough
def test_killed_it_takes_the_forked_one_along(
    own_process: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(TimeoutError):  # and is killed then
        own_process(_waits, str(tmp_path / "pid"), timeout=6)
    process = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 10
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
