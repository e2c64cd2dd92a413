"""Reads files that were changed at random: each must be read, or refused by a UserError.

    python bench/fuzz.py --inputs 100000 --keep failures
    python bench/fuzz.py --targets roi,tiff --inputs 500
    python bench/fuzz.py --replay tiff:4711

Valid files of every format are made, and changed: bits, cuts, pieces, numbers, fields of JSON and
XML, cells of tables, members of archives. One process reads them one after the other; a traceback,
over 2 s of processor time or over 1 GB of memory is a failure. The inputs that fail are kept, with
what was said; by its number the same input is made again.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from fuzzing import seeds  # noqa: E402
from fuzzing.targets import TARGETS  # noqa: E402
from fuzzing.worker import input_of, result  # noqa: E402

SECONDS, MEMORY = 2.0, 10**9
_PATIENCE = 60  # seconds without an answer: it waits for something, such as a named pipe


@dataclass
class Outcome:
    """Of each target how many inputs were read, refused and failed, and the failures."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[tuple[str, int, str, str]] = field(default_factory=list)


class Worker:
    """A process of fuzzing.worker; one that ends is started again with the next input."""

    def __init__(self, seeds: Path, place: Path) -> None:
        self._arguments = [str(seeds), str(place), str(SECONDS), str(MEMORY)]
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""

    def run(self, name: str, start: int, stop: int, outcome: Outcome) -> None:
        counts = outcome.counts.setdefault(name, Counter())
        while start < stop:
            process = self._started()
            assert process.stdin is not None
            process.stdin.write(f"{name} {start} {stop}\n".encode())
            process.stdin.flush()
            while start < stop:
                found = self._answer(process)
                if found is None:
                    found = {"state": "failed", "kind": self._ended(), "trace": ""}
                    self.close()
                counts[found["state"]] += 1
                if found["state"] == "failed":
                    outcome.failures.append((name, start, found["kind"], found["trace"]))
                start += 1
                if self._process is None:
                    break

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()  # which closes its pipes
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._said = b""
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fuzzing.worker", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=HERE,
            )
        return self._process

    def _answer(self, process: subprocess.Popen[bytes]) -> dict[str, str] | None:
        assert process.stdout is not None
        while b"\n" not in self._said:
            if not select.select([process.stdout], [], [], _PATIENCE)[0]:
                return None
            more = os.read(process.stdout.fileno(), 2**16)
            if not more:
                return None
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return json.loads(line)

    def _ended(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "waits"
        return "time" if code == -27 else f"ended by {code}"


def fuzz(
    names: list[str],
    inputs: int,
    keep: Path | None = None,
    tell: Callable[[str, Counter[str]], None] = lambda name, counts: None,
) -> Outcome:
    """Read so many inputs in all, evenly of the targets; tell what came of each."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="imagej-dl-fuzz-") as name:
        folder = Path(name)
        (folder / "seeds").mkdir()
        seeds.make(folder / "seeds")
        usable = [
            n for n in names if any((folder / "seeds" / s).exists() for s in TARGETS[n].seeds)
        ]
        worker = Worker(folder / "seeds", folder / "place")
        try:
            for target in usable:
                worker.run(target, 0, -(-inputs // len(usable)), outcome)
                tell(target, outcome.counts[target])
        finally:
            worker.close()
        for target, number, kind, trace in outcome.failures if keep else ():
            place = keep / f"{target}-{number}"
            place.mkdir(parents=True, exist_ok=True)
            (place / "failure.txt").write_text(f"{kind}\n{trace}", encoding="utf-8")
            if not any(p.name != "failure.txt" for p in place.iterdir()):
                input_of(target, number, folder / "seeds", place)
    return outcome


def _replay(text: str) -> None:
    name, number = text.split(":")
    with tempfile.TemporaryDirectory() as folder:
        made, place = Path(folder, "seeds"), Path(folder, "place")
        made.mkdir()
        place.mkdir()
        seeds.make(made)
        print(result(name, input_of(name, int(number), made, place)).get("trace", "no failure"))


def _tell(name: str, counts: Counter[str]) -> None:
    read, refused, failed = (counts[state] for state in ("ok", "refused", "failed"))
    print(f"{name:20} {read:6} read {refused:6} refused {failed:4} failed", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--replay", help="TARGET:NUMBER")
    given = parser.parse_args()
    if given.replay:
        _replay(given.replay)
        return
    begun = time.monotonic()
    outcome = fuzz(given.targets.split(","), given.inputs, given.keep, _tell)
    alike: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], int] = {}
    for name, number, kind, trace in outcome.failures:
        ours = [line.strip() for line in trace.splitlines() if "/imagej_dl/" in line]
        key = (name, kind, f"{(ours or [''])[-1]} {(trace.splitlines() or [''])[-1][:160]}")
        alike[key] += 1
        first.setdefault(key, number)
    for key, count in alike.most_common():
        print(f"FAILED {count}x {key[0]}:{first[key]} {key[1]} {key[2]}")
    total = sum(counts.total() for counts in outcome.counts.values())
    print(f"{total} inputs, {len(outcome.failures)} failures, {time.monotonic() - begun:.0f} s")
    sys.exit(1 if outcome.failures else 0)


if __name__ == "__main__":
    main()
