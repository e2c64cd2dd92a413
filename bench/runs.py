"""Runs that are each a process and a JSON line of a file, so that a stopped bench goes on."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]
"""A line of the file: what a run was told to do (its plan), and what was measured."""


def add_arguments(parser: argparse.ArgumentParser, minutes: float) -> None:
    """Add what the trainings of all benches are told."""
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines, appended to")
    parser.add_argument("--minutes", type=float, default=minutes, help="of each training")
    parser.add_argument("--steps", type=int, help="batches of each training, instead of --minutes")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], metavar="N,N…")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, as JSON"
    )
    parser.add_argument("--table", action="store_true", help="print the file as Markdown")


def lines(path: Path) -> list[Record]:
    """Read the file; a line that a kill cut short is none."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            print(f"{path}: a line is damaged and counts for nothing", file=sys.stderr)
    return found


def append(path: Path, record: Record) -> None:
    """Add a line, on its own even where a kill has cut the last one short."""
    before = path.read_bytes() if path.exists() else b""
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * (before[-1:] not in (b"", b"\n")) + json.dumps(record) + "\n")


def done(
    options: argparse.Namespace,
    table: Callable[[list[Record]], str],
    run: Callable[..., Record],
) -> bool:
    """Print the table, or do the one run, that a call asks for; return False if it is neither.

    run : gets the words after `--run`.
    """
    if options.table:
        print(table(lines(options.out)))
    elif options.run:
        append(options.out, run(*options.run))
    else:
        return False
    return True


def run_missing(
    path: Path, plans: Iterable[tuple[Record, list[str]]], key: Callable[[Record], str]
) -> bool:
    """Run this script again, with `--run` and these arguments, for each plan that has no line.

    Returns
    -------
    True if all went well.
    """
    well = True
    for plan, arguments in plans:
        name = ", ".join(arguments)
        if key(plan) in [key(line) for line in lines(path)]:
            print(f"{name}: is there", flush=True)
            continue
        command = [sys.executable, *sys.argv, "--run", *arguments]
        if subprocess.run(command, check=False).returncode:
            print(f"{name}: failed", flush=True)
            well = False
    return well


def use_one_core(core: int) -> None:
    """Let this process run on that core alone, and its trainings count processor time.

    Other work on the core then changes neither a training's batches nor its learning rate. To be
    called before the training is imported, which keeps its clock.
    """
    os.sched_setaffinity(0, {core})
    time.monotonic = time.process_time


def numbers(text: str) -> list[int]:
    """Read "0,1,2"."""
    return [int(part) for part in text.split(",")]


def given(texts: Iterable[str]) -> dict[str, Any]:
    """Read settings "NAME=VALUE", the value as JSON."""
    pairs = (text.split("=", 1) for text in texts)
    return {name: json.loads(value) for name, value in pairs}


def machine(records: list[Record]) -> str:
    """Return the cores and the load of the runs in words."""
    loads = [r[name] for r in records for name in ("load_before", "load_after")]
    cores = "/".join(str(n) for n in sorted({r["cores"] for r in records}))
    return f"{cores} cores, load {min(loads):.1f} to {max(loads):.1f}"


def row(cells: Iterable[Any]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"
