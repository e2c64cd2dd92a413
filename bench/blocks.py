"""Block-wise prediction of one large plane: time, memory, and whether the result is the whole's.

    python bench/blocks.py --out /tmp/blocks.jsonl --size 16384              # 1 and 2 workers
    python bench/blocks.py --out /tmp/blocks.jsonl --size 4096 --whole       # and the plane at once
    python bench/blocks.py --out /tmp/blocks.jsonl --overhead 2000           # of a job that is none
    python bench/blocks.py --out /tmp/blocks.jsonl --table

The plane is an OME-Zarr of images of nuclei side by side (uint8, chunks of 512 px), turned and
mirrored, so that it repeats itself only after many of them. Each run is a process and a line of the
file; one that is there is not made again. Memory is that of the process that has the jobs done
(with Dask's scheduler in it) and of the largest worker: `VmHWM`, all that was resident, and the
largest `RssAnon`, without pages of files that the system may take back. Where `--whole` was run,
the other results are compared with its label map.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import prediction
from nuclei import cores, load
from runs import Record, done, machine, row, run_missing

from imagej_dl import images
from imagej_dl.commands.predict import Predict
from imagej_dl.distribution import registry
from imagej_dl.distribution.base import Job

JOB = Job("imagej_dl.models.backend:cores", {})


def plane(size: int, data: Path) -> np.ndarray:
    """Return images of nuclei side by side, uint8 (size, size)."""
    parts = [images.read(path).values for path in sorted(data.glob("*/*/image.tif"))]
    parts = [part[:256, :256] for part in parts if part.ndim == 2 and min(part.shape) >= 256]
    rng = np.random.default_rng(0)
    found = np.zeros((size, size), np.uint8)
    for y in range(0, size, 256):
        for x in range(0, size, 256):
            part = np.rot90(parts[rng.integers(len(parts))], rng.integers(4))
            part = part[:, ::-1] if rng.random() < 0.5 else part
            found[y : y + 256, x : x + 256] = part[: size - y, : size - x]
    return found


def image_of(size: int, folder: Path, data: Path) -> Path:
    """Return the plane's OME-Zarr, which is made once."""
    path = folder / f"plane-{size}.ome.zarr"
    if not path.exists():
        images.write(images.make(plane(size, data)), path)
    return path


class Memory:
    """Watches this process and those that it has started. Linux only."""

    def __init__(self) -> None:
        self.anonymous: dict[int, int] = {}
        self.resident: dict[int, int] = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def record(self) -> dict[str, int]:
        """Return MiB: of this process, of the largest other one, and how many there were."""
        own = os.getpid()
        found: dict[str, int] = {"processes": len(self.resident) - 1}
        for name, sizes in (("resident", self.resident), ("anonymous", self.anonymous)):
            others = [size for number, size in sizes.items() if number != own]
            found[f"client_{name}"] = sizes.get(own, 0) // 1024
            found[f"worker_{name}"] = max(others, default=0) // 1024
        return found

    def _watch(self) -> None:
        while not self.ended.wait(0.2):
            for number in _family(os.getpid()):
                facts = _status(number)
                for sizes, key in ((self.resident, "VmHWM"), (self.anonymous, "RssAnon")):
                    sizes[number] = max(sizes.get(number, 0), facts.get(key, 0))


def _family(root: int) -> list[int]:
    """Return a process and all that come from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
                parents[int(entry)] = int(fields[1])
            except OSError:
                continue
    found = [root]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _status(number: int) -> dict[str, int]:
    try:
        text = Path("/proc", str(number), "status").read_text()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if line.endswith("kB"))
    return {key: int(value.split()[0]) for key, value in pairs}


def predicted(given: argparse.Namespace, way: str, folder: Path) -> Record:
    """Predict the plane: at once ("whole"), in this process, or by so many local workers."""
    image = image_of(given.size, folder, given.data)
    out = folder / f"{way}-{given.size}"
    if given.fresh:
        shutil.rmtree(out, ignore_errors=True)
    values: dict[str, Any] = {"images": [image], "out": out, "rois": False, "overwrite": True}
    values |= {"format": "ome-zarr"} if given.size > 4096 else {}
    if given.model is not None:
        values["model"] = given.model
    if given.tile is not None:
        values["tile"] = given.tile
    if way == "serial":
        values["scheduler"] = "serial"
    elif way != "whole":
        values |= {"scheduler": "local", "workers": int(way)}
    stages: dict[str, float] = {}
    jobs: dict[str, int] = {}
    begun = time.perf_counter()

    def progress(stage: str, done: int, total: int) -> None:
        stages[stage] = time.perf_counter() - begun
        jobs[stage] = total

    with Memory() as memory:
        Predict.declare(values).run(progress)
    seconds = time.perf_counter() - begun
    (label_map,) = out.glob("plane-*.*")
    found: Record = {"seconds": seconds, "until": stages, "jobs": jobs, **memory.record()}
    found |= _compared(label_map, folder / f"whole-{given.size}" / label_map.name)
    return found


def _compared(one: Path, other: Path) -> Record:
    """Return the number of objects, and of pixels that the whole's label map has otherwise."""
    from imagej_dl.prediction.blocks.inputs import read

    first = read(one, None, None)
    second = read(other, None, None) if other.exists() else None
    most = differ = 0
    for low in range(0, first.sizes["Y"], 512):
        part = first[low : low + 512].values
        most = max(most, int(part.max()))
        if second is not None:
            differ += int(np.count_nonzero(part != second[low : low + 512].values))
    return {"objects": most} | ({} if second is None else {"pixels_that_differ": differ})


def overhead(number: int, workers: int) -> Record:
    """Return the seconds that a job takes of which nothing is asked.

    By the clock, and of the processor in the process of scheduler and client, which hands jobs out
    one after the other: on a machine with other work that is what says how many it can.
    """
    with registry.executor("local", workers) as executor:
        list(executor.run([JOB] * workers, lambda: None))
        begun, used = time.perf_counter(), time.process_time()
        list(executor.run([JOB] * number, lambda: None))
        return {
            "seconds_per_job": (time.perf_counter() - begun) / number,
            "processor_seconds_per_job": (time.process_time() - used) / number,
        }


def table(records: list[Record]) -> str:
    """Return the file as Markdown, and what it means for many workers."""
    text = [row(["px", "way", "s", "client MiB", "worker MiB", "objects", "px that differ"])]
    text.append(row(["---"] * 7))
    for one in records:
        if "seconds" in one:
            sizes = (
                f"{one[f'{who}_resident']} ({one[f'{who}_anonymous']} anonymous)"
                for who in ("client", "worker")
            )
            differ = one.get("pixels_that_differ", "–")
            text.append(
                row(
                    [
                        one["size"],
                        one["way"],
                        f"{one['seconds']:.0f}",
                        *sizes,
                        one["objects"],
                        differ,
                    ]
                )
            )
    key = "processor_seconds_per_job"
    if costs := [one[key] for one in records if key in one]:
        text += ["", f"A job takes {1000 * min(costs):.1f} ms of client and scheduler."]
        for one in records:
            if one.get("way") == "1":
                text.append(_scaling(one, min(costs)))
    return "\n".join([*text, "", machine(records)])


def _scaling(one: Record, cost: float) -> str:
    """Return the time of a plane with many workers: on paper.

    Jobs of the stages predict, objects and labels are spread; a scheduler hands them out one after
    the other. Measuring and numbering are one job each, and writing is the client's.
    """
    ends, jobs = one["until"], one["jobs"]
    spans, last = {}, 0.0
    for stage in sorted(ends, key=ends.__getitem__):
        spans[stage], last = ends[stage] - last, ends[stage]
    spread = {stage: spans.get(stage, 0.0) for stage in ("predict", "objects", "labels")}
    alone = one["seconds"] - sum(spread.values())
    told = []
    for workers in (1, 10, 100, 1000):
        total = alone
        for stage, seconds in spread.items():
            count = jobs.get(stage, 1)
            rounds = -(-count // workers)
            total += max(seconds / count * rounds, count * cost)
        told.append(f"{workers}: {total:.0f} s")
    each = spread["predict"] / max(jobs.get("predict", 1), 1)
    return (
        f"{one['size']} px on paper, by workers: {', '.join(told)}. A scheduler keeps "
        f"{each / cost:.0f} workers busy with jobs of {each:.2f} s; {alone:.0f} s are of one "
        "process."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="file of JSON lines, appended to")
    parser.add_argument("--folder", type=Path, help="keeps the plane and the results")
    parser.add_argument("--data", type=Path, default=prediction.DATA, help="folder of the images")
    parser.add_argument("--model", type=Path, help="a trained model; the ready one if left out")
    parser.add_argument("--size", type=int, default=2048, help="side of the plane, px")
    parser.add_argument("--tile", type=int, help="side of a tile, px")
    parser.add_argument("--ways", default="1,2", help="serial, or numbers of workers")
    parser.add_argument("--whole", action="store_true", help="first predict it at once")
    parser.add_argument("--overhead", type=int, metavar="JOBS", help="measure jobs that do nothing")
    parser.add_argument("--fresh", action="store_true", help="begin anew what was stopped")
    parser.add_argument("--table", action="store_true", help="print the file as Markdown")
    parser.add_argument("--run", nargs=1, metavar="WAY", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if done(given, table, lambda way: measure(way, given)):
        return
    ways = ["whole"] * given.whole + given.ways.split(",")
    plans = [(plan(way, given), [way]) for way in ways]
    sys.exit(not run_missing(given.out, plans, _key))


def plan(way: str, given: argparse.Namespace) -> Record:
    """Return what makes a run the same as another."""
    if given.overhead:
        return {"overhead": given.overhead, "way": way}
    return {"size": given.size, "tile": given.tile, "way": way}


def measure(way: str, given: argparse.Namespace) -> Record:
    """Do one run."""
    about = {"cores": cores(), "load_before": load()}
    if given.overhead:
        found = overhead(given.overhead, int(way))
    else:
        folder = given.folder or Path(tempfile.gettempdir()) / "imagej-dl-blocks"
        folder.mkdir(parents=True, exist_ok=True)
        found = predicted(given, way, folder)
    return {**plan(way, given), **found, **about, "load_after": load()}


def _key(record: Record) -> str:
    return json.dumps([record.get(name) for name in ("size", "tile", "overhead", "way")])


if __name__ == "__main__":
    main()
