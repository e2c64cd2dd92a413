"""What the system refuses is told to ImageJ in words, and not as a trace."""

from __future__ import annotations

from imagej_dl import worker
from imagej_dl.worker.run import plan


def test_a_name_that_is_too_long() -> None:
    found = worker.run(None, "labels", {"source": "a" * 300})
    assert found == {"text": "", "error": f"{'a' * 300}: cannot be used (File name too long)"}


def test_a_name_that_is_too_long_before_the_work() -> None:
    found = plan("train", {"project": ".", "out": "a" * 300, "resume": "true"})
    assert "File name too long" in found["error"]
