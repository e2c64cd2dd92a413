"""The bench of few labels on noisy nuclei: which images are labelled, which runs are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import denoiseg


def options(*more: str):
    return denoiseg.parsed(["--out", "runs.jsonl", *more])


def record(way: str, labelled: int, seed: int, ap: float, *more: str):
    values = denoiseg.plan(way, labelled, seed, options(*more))
    state = {"cores": 2, "load_before": 1.0, "load_after": 2.0, "steps": 500}
    return values | state | {"scores": {"ap_0.5": ap}}


def test_more_labels_contain_the_fewer():
    for seed in range(3):
        few, more = (set(denoiseg.chosen(count, 36, seed)) for count in (5, 10))
        assert len(few) == 5
        assert few < more
    assert denoiseg.chosen(5, 36, 0) != denoiseg.chosen(5, 36, 1)


def test_the_noise_is_the_same_for_each_way_and_seed(shared_data):
    first, second = (denoiseg.noisy_nuclei("test", 4, options()) for _ in range(2))
    assert len(first) == 12
    assert all((a == b).all() for (a, _), (b, _) in zip(first, second, strict=True))
    assert first[0][0].shape == first[0][1].shape


def test_the_table_has_a_column_for_each_number_of_labels():
    text = denoiseg.table(
        [
            record("border", 2, 0, 0.4),
            record("border", 2, 1, 0.6),
            record("border", 10, 0, 0.7),
            record("n2v2, border", 2, 0, 0.8),
            record("border", 2, 0, 0.1, "--photons", "3"),
        ]
    )
    first, second = text.split("\n\n3 photons")
    assert "| border | 0.500 (0.400 … 0.600) | 0.700 (0.700 … 0.700) | 500 |" in first
    assert "| n2v2, border | 0.800 (0.800 … 0.800) |  | 500 |" in first
    assert "0.100" in second


def test_a_way_that_is_not_there_is_left_out_by_name(tmp_path, monkeypatch, capsys):
    asked = []

    def run(command, check):
        asked.append(command[command.index("--run") + 1 :])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(denoiseg, "WAYS", ("border", "nothing, border"))
    line = ["denoiseg.py", "--out", str(tmp_path / "d.jsonl"), "--seeds", "3", "--labelled", "2,5"]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as ended:
        denoiseg.main()
    assert not ended.value.code
    assert asked == [["border", "2", "3"], ["border", "5", "3"]]
    assert "left out, not there: nothing, border" in capsys.readouterr().out
