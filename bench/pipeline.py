"""Time what feeds a training: our pipeline beside memory and the plain Keras generators.

    python bench/pipeline.py [--only fluffy] [--rounds 5] [--seconds 3]

For each case the same network, patch, batch and loss is trained in three ways that take turns,
so that what else the machine does falls on all alike: from memory (one batch again and again),
from our pipeline, and by `model.fit` from the generator of another program (generators.py). Then
the pipelines are timed without a network, and, in processes of their own, the time from the start
of Python to the end of the first step. Figures are medians of the rounds; the processor time of a
step says what a way costs where other work takes part of the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ways import CASES, Pace, Ways, compiled, generator, pairs_of

from imagej_dl.errors import Cancelled
from imagej_dl.models import backend
from imagej_dl.training import train
from imagej_dl.training.settings import Settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei" / "train"


def measure(name: str, options: argparse.Namespace) -> None:
    ways = Ways(CASES[name], options.data, options.workers)
    settings = ways.settings
    print(
        f"\n{name}: {settings.architecture}, {ways.fitted.count_params():,} parameters, "
        f"{settings.batch} × {settings.patch}², {len(ways.patches.examples)} images",
        flush=True,
    )
    functions = {
        "from memory": ways.memory,
        "our pipeline": ways.pipeline,
        "Keras generator": ways.generator,
    }
    steps = max(5, round(options.seconds * ways.memory(3).rate))
    for function in functions.values():
        function(1)
    found: dict[str, list[Pace]] = {way: [] for way in functions}
    for round_ in range(options.rounds):
        for way in list(functions) if round_ % 2 else reversed(functions):
            found[way].append(functions[way](steps))
    show(found, settings.batch)
    print(f"  ({options.rounds} rounds of {steps} steps)")
    compare(found, "our pipeline", "from memory")
    compare(found, "our pipeline", "Keras generator")
    alone = ways.alone(min(options.seconds, 2.0))
    rates: dict[str, list[Pace]] = {way: [] for way in alone}
    for _ in range(options.rounds):
        for way, rate in alone.items():
            rates[way].append(rate())
    print("  without a network")
    show(rates, settings.batch)
    compare(rates, "our pipeline", "Keras generator")
    compare(rates, "our pipeline, one thread", "Keras generator")


def show(found: dict[str, list[Pace]], batch: int) -> None:
    for way, paces in found.items():
        rate = statistics.median(pace.rate for pace in paces)
        work = statistics.median(pace.work for pace in paces)
        print(
            f"  {way:26s}{rate:8.2f} steps/s{rate * batch:9.1f} pictures/s"
            f"{work * 1e3:9.1f} ms of processor a step",
            flush=True,
        )


def compare(found: dict[str, list[Pace]], one: str, other: str) -> None:
    """Print the median, smallest and largest ratio of what was measured in the same round."""
    pairs = list(zip(found[one], found[other], strict=True))
    rates = sorted(a.rate / b.rate for a, b in pairs)
    work = statistics.median(a.work / b.work for a, b in pairs)
    print(
        f"  {one} / {other}: speed {statistics.median(rates):.3f} "
        f"({rates[0]:.3f} to {rates[-1]:.3f}), processor time {work:.3f}",
        flush=True,
    )


def first_step(name: str, way: str, options: argparse.Namespace) -> None:
    """In a process of its own: train one step and say how long it took since it was started."""
    case = CASES[name]
    settings = Settings.of(case.settings)
    began = time.time()

    def said() -> None:
        now = time.time()
        print(now - options.started, now - began, time.process_time(), flush=True)
        os._exit(0)

    if way == "ours":
        calls = []

        def progress(stage: str, done: int, total: int) -> None:
            calls.append(stage)
            # It is told before each step: the second time one is done.
            if calls.count("training") == 2:
                said()
                raise Cancelled

        pairs = pairs_of(options.data, settings.patch)
        with tempfile.TemporaryDirectory() as folder:
            train(pairs, Path(folder) / "model", progress=progress, **case.settings)
    else:
        note = backend.keras().callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs=None: said()
        )
        source = generator(case, settings, options.data, 100, options.workers)
        compiled(settings).fit(source, verbose=0, callbacks=[note])


def first_steps(name: str, options: argparse.Namespace) -> None:
    found: dict[str, list[list[float]]] = {"ours": [], "generator": []}
    for _ in range(options.starts):
        for way, times in found.items():
            command = [sys.executable, __file__, "--only", name, "--first", way]
            command += ["--data", str(options.data), "--started", repr(time.time())]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            times.append([float(word) for word in done.stdout.split()[-3:]])
    for way, times in found.items():
        start, call, work = np.median(times, axis=0)
        print(
            f"  first step done, {way:10s}{start:6.2f} s after the start, {call:.2f} s after the "
            f"call, {work:.2f} s of processor",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", type=Path, default=DATA, help="folder with images and labels")
    parser.add_argument("--only", choices=CASES, nargs="*", default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a round, about")
    parser.add_argument("--starts", type=int, default=3, help="processes until a first step")
    parser.add_argument("--workers", type=int, default=1, help="of the generator; 1 is Keras' own")
    parser.add_argument("--first", choices=("ours", "generator"), help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first:
        first_step(options.only[0], options.first, options)
        return
    print(f"cores {len(os.sched_getaffinity(0))}, load {os.getloadavg()[0]:.1f}")
    for name in options.only:
        if options.rounds:
            measure(name, options)
        if options.starts:
            first_steps(name, options)


if __name__ == "__main__":
    main()
