"""The bench of the methods: which runs are there, and the table of a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import methods
import runs


def options(*more):
    return methods.parsed(["--out", "runs.jsonl", *more])


def record(method, seed, ap, *more, at=()):
    scores = dict.fromkeys(methods.COLUMNS, ap)
    values = methods.plan(method, seed, options(*more))
    loads = {"load_before": 1.0, "load_after": 2.5, "cores": 2}
    return values | loads | {"steps": 900, "scores": scores, "at": {str(n): scores for n in at}}


def test_a_run_is_known_by_what_it_was_told_to_do():
    first = methods.key(record("border", 0, 0.8))
    assert first == methods.key(methods.plan("border", 0, options()))
    for more in (
        ["--minutes", "2"],
        ["--core", "0"],
        ["--steps", "400"],
        ["--validation-only"],
        ["--set", "patch=96"],
        ["--at-steps", "200"],
    ):
        assert methods.key(methods.plan("border", 0, options(*more))) != first
    assert methods.key(methods.plan("border", 1, options())) != first
    cores = [methods.plan("border", 0, options("--core", core)) for core in "01"]
    assert methods.key(cores[0]) == methods.key(cores[1])


def test_steps_are_those_after_which_a_network_is_looked_at(capsys):
    with pytest.raises(SystemExit):
        options("--at-steps", "200,425")
    assert "425 steps" in capsys.readouterr().err


def test_the_table_has_means_over_the_seeds_and_equal_steps_below():
    records = [
        record("border", 0, 0.7, "--at-steps", "200", at=[200]),
        record("border", 1, 0.8, "--at-steps", "200", at=[200]),
        record("binary", 0, 0.6, "--at-steps", "200"),
        record("binary", 0, 0.5, "--validation-only"),
    ]
    text = methods.table(records)
    assert "| border | 2 | 900 | 0.750 |" in text
    assert "0.700 … 0.800 |" in text
    assert "| binary | 1 | 900 | 0.600 |" in text
    after = text.split("After 200 batches")[1].split("Trained")[0]
    assert "| border | 2 | 200 | 0.750 |" in after
    assert "binary" not in after
    assert "load 1.0 to 2.5" in text
    assert "scored on the validation images" in text


def test_a_line_that_was_cut_short_counts_for_nothing(tmp_path, capsys):
    path = tmp_path / "runs.jsonl"
    assert runs.lines(path) == []
    path.write_text(json.dumps(record("border", 0, 0.8)) + '\n{"method": "bin')
    assert [line["method"] for line in runs.lines(path)] == ["border"]
    runs.append(path, record("binary", 0, 0.5))
    assert [line["method"] for line in runs.lines(path)] == ["border", "binary"]
    assert "damaged" in capsys.readouterr().err


def test_runs_that_are_there_are_not_repeated(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(record("border", 0, 0.8)) + "\n")
    asked = []

    def run(command, check):
        asked.append(command[command.index("--run") + 1 :])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    arguments = ["methods.py", "--out", str(path), "--method", "border", "--seeds", "0,1"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        methods.main()
    assert not ended.value.code
    assert asked == [["border", "1"]]
    assert set(methods.instance_methods()) >= {"border", "binary"}
