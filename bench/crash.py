"""Kills commands at every write, rename and remove, and looks at what is left and what comes of it.

    python bench/crash.py                     all commands; those with a network at sampled points
    python bench/crash.py labels track        these, at every point
    python bench/crash.py train --points 20   at 20 points, evenly spread
    python bench/crash.py --json found.json   the figures, to keep

Each command works on tiny data. It runs undisturbed first, and its file operations are counted:
opening a file to write, each write to it, rename, link, remove, making and removing of folders.
Then it is killed (SIGKILL, which nothing can catch) before the first operation, before the second
and so on, each time on fresh data. After each kill
- the inputs are what they were,
- each file under a final name is that of the undisturbed run, or what was there before, or absent;
and then, the same command having run again (with --resume where it asks for that)
- it has ended well, or says that the whole result is there,
- the results are those of the undisturbed run, and models load,
- nothing temporary is left, neither beside the results nor among the system's temporary files.
Files that two undisturbed runs write differently (times in them) need only be whole.
"""

from __future__ import annotations

import argparse
import builtins
import hashlib
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parent))
from crash_scenarios import SCENARIOS, Scenario

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
FOREIGN = "__autograph_generated_file"
"""What TensorFlow leaves among the temporary files when a process ends at once."""
GROWING = ("state.json", "trials.", "best.json", "search.db", "last.npz", "best.npz")
"""What grows during a command: after a kill it is that of any moment."""


@dataclass
class Found:
    """How many operations a command has, at how many it was killed, and what went wrong."""

    command: str
    operations: int
    points: int
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)


def main() -> None:
    """Run the crash tests that are asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", choices=[*SCENARIOS, []])
    parser.add_argument("--points", type=int, help="kill at so many points at most")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    failed = False
    figures = []
    for name in given.commands or SCENARIOS:
        found = crash(SCENARIOS[name], given.points)
        words = f"{found.points} of {found.operations} operations"
        print(
            f"{name:12} {words:28} {len(found.failures)} failures, {found.seconds:.0f} s",
            flush=True,
        )
        for text in found.failures[:10]:
            print(f"    {text}", flush=True)
        failed |= bool(found.failures)
        figures.append({**vars(found)})
        if given.json:
            given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(failed)


def crash(scenario: Scenario, most: int | None = None) -> Found:
    """Kill a scenario's command at each of its operations, or `most` of them; say what came."""
    began = time.monotonic()
    # In memory, where there is a place for files: a disk is asked to write at each step.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="crash-", dir=memory) as name:
        home = Path(os.path.realpath(name))
        scratch = home / "tmp"
        template = home / "template"
        template.mkdir()
        scenario.load()
        in_child(scratch, lambda: scenario.prepare(template))
        runs = []
        for number in range(2):
            place = fresh(template, home / "run")
            code, said, kinds = killed(scenario, place, scratch, 0)
            if code:
                raise RuntimeError(f"{scenario.name} does not run undisturbed: {said}")
            runs.append(content(place))
            shutil.rmtree(home / f"whole{number}", ignore_errors=True)
            os.replace(place, home / f"whole{number}")
        steady = {path for path, digest in runs[0].items() if runs[1].get(path) == digest}
        judge = Judge(scenario, content(template), runs[0], steady, home / "whole0")
        most = most if most is not None else scenario.points
        points = chosen(kinds, most)
        found = Found(scenario.name, len(kinds), len(points))
        for point in points:
            place = fresh(template, home / "run")
            code, said, _ = killed(scenario, place, scratch, point)
            where = f"killed at operation {point}"
            if code != -signal.SIGKILL:
                found.failures.append(f"{where}: it was not killed ({code}, {said})")
                continue
            wrong = judge.after_kill(place)
            code, said, _ = killed(scenario, place, scratch, 0)
            if code and "--resume" in said:
                code, said, _ = killed(scenario, place, scratch, 0, ["--resume"])
            if code and not any(words in said for words in scenario.done):
                wrong.append(f"again: {said}")
            wrong += judge.after_all(place)
            wrong += [
                f"left: {name}" for name in os.listdir(scratch) if not name.startswith(FOREIGN)
            ]
            shutil.rmtree(scratch, ignore_errors=True)
            found.failures += [f"{where}: {text}" for text in wrong]
        found.seconds = time.monotonic() - began
        return found


def chosen(kinds: str, most: int | None) -> list[int]:
    """Return the operations, from 1, at which to kill: all, or `most` of them.

    Two thirds are moves (rename, link, remove, folders), one third openings and writes, of which
    there are many alike; each evenly spread.
    """
    if most is None or len(kinds) <= most:
        return list(range(1, len(kinds) + 1))
    moves = [i for i, kind in enumerate(kinds, 1) if kind == "m"]
    writes = [i for i, kind in enumerate(kinds, 1) if kind != "m"]
    first = spread(moves, max(1, most * 2 // 3))
    return sorted([*first, *spread(writes, max(1, most - len(first)))])


def spread(points: list[int], most: int) -> list[int]:
    """Return `most` of some points, evenly spread."""
    if len(points) <= most:
        return points
    return [points[round((i + 0.5) * len(points) / most - 0.5)] for i in range(most)]


def fresh(template: Path, place: Path) -> Path:
    """Copy the data, with their times."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place)
    return place


@dataclass
class Judge:
    """Knows what was there, what the undisturbed run left, and which of that is always the same."""

    scenario: Scenario
    before: dict[str, str]
    whole: dict[str, str]
    steady: set[str]
    place: Path

    def after_kill(self, place: Path) -> list[str]:
        """Return what is wrong right after a kill."""
        wrong, now = [], content(place)
        for path, digest in self.before.items():
            changes = self.whole.get(path) != digest
            gone = path not in now and path.startswith(self.scenario.outputs)
            if now.get(path) != digest and not changes and not gone:
                wrong.append(f"input changed: {path}")
        for path, digest in now.items():
            if self.before.get(path) == digest or is_ours(path):
                continue
            name = path.rpartition("/")[2]
            if path not in self.whole and ".training/" not in path:
                wrong.append(f"stray: {path}")
            elif (
                path in self.steady and self.whole[path] != digest and not name.startswith(GROWING)
            ):
                wrong.append(f"half: {path}")
            elif not name.startswith("search.db") and (words := damage(place / path)):
                wrong.append(f"half: {path} ({words})")
        return wrong

    def after_all(self, place: Path) -> list[str]:
        """Return what is wrong after the command has run again."""
        now = content(place)
        wrong = [f"missing: {path}" for path in sorted({*self.whole} - {*now})]
        for path, digest in sorted(now.items()):
            if path not in self.whole:
                wrong.append(f"left: {path}")
            elif path.startswith(self.scenario.varies):
                wrong += [f"damaged: {path} ({words})"] if (words := damage(place / path)) else []
            elif path in self.steady and digest != self.whole[path]:
                wrong.append(f"differs: {path}")
            elif words := damage(place / path):
                wrong.append(f"damaged: {path} ({words})")
            elif path.endswith("model.keras") and path not in self.before:
                wrong += [f"{path}: {t}" for t in other_weights(place / path, self.place / path)]
        return wrong


def content(place: Path) -> dict[str, str]:
    """Return the digests of all files in a folder."""
    return {
        path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def is_ours(path: str) -> bool:
    """Say whether a path is that of a temporary file, or of a lock."""
    from imagej_dl.filesystem import temporaries

    parts = path.split("/")
    return any(temporaries.is_temporary(part) for part in parts) or path.endswith(".imagej-dl.lock")


def damage(path: Path) -> str:
    """Return why a file cannot be read, or nothing."""
    import numpy as np
    import tifffile

    try:
        if path.suffix == ".tif":
            tifffile.imread(path)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".zip", ".keras"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() or ""
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                for name in arrays.files:
                    arrays[name]
        elif path.suffix == ".xml":
            ElementTree.parse(path)
        elif path.suffix in (".csv", ".txt", ".html"):
            return "" if path.read_text(encoding="utf-8").endswith("\n") else "is cut"
    except Exception as error:  # whatever a damaged file brings about
        return f"{type(error).__name__}: {error}"
    return ""


def other_weights(path: Path, whole: Path) -> list[str]:
    """Say whether a model's weights are others than those of the undisturbed run."""
    import h5py
    import numpy as np

    def weights(file: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with zipfile.ZipFile(file) as archive:
            stream = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(stream) as h5:
            h5.visititems(
                lambda n, o: found.update({n: o[()]}) if isinstance(o, h5py.Dataset) else None
            )
        return found

    a, b = weights(path), weights(whole)
    if a.keys() != b.keys():
        return ["another network"]
    worst = max((float(np.abs(a[n] - b[n]).max()) for n in a if a[n].size), default=0.0)
    return [f"other weights, by {worst:.3g}"] if worst > 1e-4 else []


def killed(
    scenario: Scenario, place: Path, scratch: Path, at: int, more: list[str] | None = None
) -> tuple[int, str, str]:
    """Run the command in a child that kills itself before its `at`th operation (0: never).

    Returns
    -------
    the exit code (negative: the signal), the error's words, and the kinds of its operations, a
    letter each: m for moves, w for openings and writes.
    """
    return in_child(scratch, lambda: command(scenario, place, scratch, at, more or []))


def command(scenario: Scenario, place: Path, scratch: Path, at: int, more: list[str]) -> list[Any]:
    """Run the command here; return exit code, words and operations."""
    from imagej_dl.cli import cli
    from imagej_dl.errors import UserError

    os.chdir(place)
    with counted([place, scratch], at) as count:
        try:
            cli([*scenario.arguments, *more], standalone_mode=False)
            return [0, "", count()]
        except UserError as error:
            return [2, str(error), count()]


def in_child(scratch: Path, work: Callable[[], Any]) -> Any:
    """Do some work in a fork of this process, which has all loaded, and return the result."""
    scratch.mkdir(exist_ok=True)
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(heard)
            tempfile.tempdir = str(scratch)
            os.environ["TMPDIR"] = str(scratch)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            if not os.environ.get("CRASH_SHOW"):
                os.dup2(null, 2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = work()
            with os.fdopen(told, "wb") as answer:
                answer.write(json.dumps(found).encode())
        except BaseException as error:
            os.write(told, json.dumps([1, f"{type(error).__name__}: {error}", ""]).encode())
        os._exit(0)
    os.close(told)
    said = b""
    while part := os.read(heard, 1 << 16):
        said += part
    os.close(heard)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if not said:
        return code, "", ""
    return json.loads(said)


@contextmanager
def counted(places: list[Path], at: int) -> Iterator[Callable[[], str]]:
    """Count the operations on files in some folders, and kill this process before the `at`th."""
    tops = [os.fspath(place) for place in places]
    kinds: list[str] = []
    armed = True

    def step(kind: str) -> None:
        if armed:
            kinds.append(kind)
            if len(kinds) == at:
                os.kill(os.getpid(), signal.SIGKILL)

    def inside(path: Any) -> bool:
        if isinstance(path, int):
            return False
        whole = os.path.abspath(os.fsdecode(path))
        return any(whole.startswith(top) for top in tops)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            if flags & WRITING and path is not None and inside(path):
                step("w")
        elif event in EVENTS and (given[-1] not in (-1, None) or inside(given[0])):
            step("m")  # relative to an open folder it is shutil's, of ours

    class Raw(io.FileIO):
        def write(self, data: Any) -> int:
            step("w")
            return super().write(data) or 0

    real = io.open

    def opened(file: Any, mode: str = "r", buffering: int = -1, *args: Any, **more: Any) -> Any:
        writes = not isinstance(file, int) and any(letter in mode for letter in "wxa+")
        if not writes or not inside(file) or more.get("opener"):
            return real(file, mode, buffering, *args, **more)
        raw = Raw(file, mode.replace("b", "").replace("t", ""))
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        names = ("encoding", "errors", "newline")
        options = dict(zip(names, args, strict=False)) | {k: more[k] for k in names if k in more}
        return io.TextIOWrapper(buffered, **options)  # type: ignore[type-var]

    sys.addaudithook(hook)
    io.open = builtins.open = opened  # type: ignore[assignment]
    try:
        yield lambda: "".join(kinds)
    finally:
        armed = False
        io.open = builtins.open = real  # type: ignore[assignment]


if __name__ == "__main__":
    main()
