"""The source is clean, its types agree, and the documentation builds without a warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["mkdocs", "build", "-q", "--strict", "-d"],
    ],
    ids=" ".join,
)
def test_what_is_checked_besides(command: list[str], tmp_path: Path) -> None:
    more = [str(tmp_path / "site")] if command[-1] == "-d" else []
    line = [sys.executable, "-m", *command, *more]
    done = subprocess.run(line, cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
