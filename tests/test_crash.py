"""Commands that are killed at some of their operations; bench/crash.py does it at all of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

CODE = """
import sys
sys.path.insert(0, sys.argv[1])
import crash
found = crash.crash(crash.SCENARIOS[sys.argv[2]], int(sys.argv[3]))
print(*found.failures, sep="\\n")
assert found.points >= int(sys.argv[3]) and not found.failures
"""


@pytest.mark.slow
@pytest.mark.thorough(except_for=["labels-8", "prepare-4"])
@pytest.mark.parametrize(
    ("command", "points"), [("labels", 8), ("labels-rest", 6), ("prepare", 4), ("track-over", 4)]
)
def test_what_a_kill_leaves_is_finished_by_the_same_command(command: str, points: int) -> None:
    """In a process of its own, since it forks and these have threads."""
    import subprocess

    bench = str(Path(__file__).parents[1] / "bench")
    done = subprocess.run(
        [sys.executable, "-c", CODE, bench, command, str(points)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_a_file_written_in_place_is_found() -> None:
    """The crash test can fail: it sees half a file, and one that is never finished."""
    import crash

    kinds = "wwmwmmwwww"
    assert crash.chosen(kinds, None) == list(range(1, 11))
    few = crash.chosen(kinds, 3)
    assert len(few) == 3
    assert sum(kinds[i - 1] == "m" for i in few) == 2
