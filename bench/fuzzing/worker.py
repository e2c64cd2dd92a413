"""The process that reads changed files, one after the other, under limits that end it.

Told a target and the numbers of inputs on its standard input, it says a line of JSON for each.
Processor time over the limit ends it by a signal; memory over the limit is an error that it tells.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import traceback
import warnings
from pathlib import Path
from random import Random

from fuzzing.targets import TARGETS
from imagej_dl.errors import UserError


def input_of(name: str, number: int, seeds: Path, place: Path) -> Path:
    """Write the input of a number into an empty folder; number 0 is a seed as it is."""
    target = TARGETS[name]
    rng = Random(f"{name}-{number}")
    given = [seed for seed in target.seeds if (seeds / seed).exists()]
    seed = given[number % len(given)]
    out = place / seed
    if target.inner:
        shutil.copytree(seeds / seed, out)
        changed = out / rng.choice(target.inner)
    else:
        shutil.copyfile(seeds / seed, out)
        changed = out
    if number >= len(given):
        data = changed.read_bytes()
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            data = rng.choice(target.mutations)(data, rng)
        changed.write_bytes(data)
    return out


def result(name: str, path: Path) -> dict[str, str]:
    """Read an input: "ok", "refused" (a UserError), or "failed" with the traceback."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[name].read(path)
        return {"state": "ok"}
    except UserError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                return {"state": "failed", "kind": "memory", "trace": _trace(cause)}
            cause = cause.__cause__ or cause.__context__
        return {"state": "refused", "trace": str(error)}
    except MemoryError as error:
        return {"state": "failed", "kind": "memory", "trace": _trace(error)}
    except BaseException as error:
        return {"state": "failed", "kind": type(error).__name__, "trace": _trace(error)}


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-6000:]


def _size() -> int:
    pages = Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def main(seeds: Path, place: Path, seconds: float, memory: int) -> None:
    """Answer requests until the standard input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in sys.stdin:
        name, start, stop = line.split()
        for number in range(int(start), int(stop)):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            path = input_of(name, number, seeds, place)
            known = number >= len(TARGETS[name].seeds)  # all is imported
            if known:
                size = _size() + memory
                resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
                signal.setitimer(signal.ITIMER_PROF, seconds)
            found = result(name, path)
            signal.setitimer(signal.ITIMER_PROF, 0)
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            if found["state"] == "refused" and known:
                del found["trace"]
            if not known and found["state"] != "ok":
                found |= {"state": "failed", "kind": f"seed {path.name}"}
            out.write(json.dumps({"number": number, **found}) + "\n")
            out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
