"""Time what feeds a training: our pipeline beside memory and the plain Keras generators.

    python bench/pipeline.py [--only fluffy] [--rounds 5] [--seconds 3]

For each case the same network, patch, batch and loss is trained in three ways that take turns,
so that what else the machine does falls on all alike: from memory (one batch again and again),
from our pipeline, and by `model.fit` from a generator that reads its files for each batch
(generators.py). Then the pipelines are timed without a network, and, in processes of their own,
the time from the start of Python to the end of the first step. Figures are medians of the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import Cancelled
from imagej_dl.models import backend
from imagej_dl.training import find_pairs, loss, train
from imagej_dl.training.dataset import Patches, Sampling, stream
from imagej_dl.training.examples import Examples
from imagej_dl.training.machines import Machines
from imagej_dl.training.settings import Settings
from imagej_dl.training.step import Step

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei" / "train"
WARM = 2


@dataclass(frozen=True)
class Case:
    """A network, how it is trained, and the generator that does the like."""

    generator: str
    settings: dict[str, Any] = field(default_factory=dict)


SUITE = {
    "architecture": "mobilenet_mobileunet",
    "kind": "foreground",
    "loss": "sparse_cce",
    "weight_map": "none",
    "sampling_pdf": 500_000.0,
    "augmentation": {
        "rotation": 30,
        "shear": 0.2,
        "zoom": 1.25,
        "gamma": 1,
        "contrast": 0,
        "brightness": 0,
        "noise": 0,
    },
}
CASES = {
    "default": Case("Fluffy"),
    "fluffy": Case("Fluffy", {"depth": 4, "dropout": 0.1, "patch": 256}),
    "small": Case("Fluffy", {"depth": 2, "width": 8, "last_width": 8}),
    "suite": Case("Suite", {**SUITE, "patch": 512, "batch": 2}),
}


def pairs_of(data: Path, patch: int) -> list[tuple[Path, Path]]:
    """Images with label maps that a patch fits into: the generators can take no others."""
    import tifffile

    found = [(Path(str(i)), Path(str(i)).with_name("labels.tif")) for i, _ in find_pairs(data)]
    return [pair for pair in found if min(tifffile.imread(pair[0]).shape) >= patch]


def generator(case: Case, settings: Settings, data: Path, steps: int, workers: int) -> Any:
    import generators

    kind = getattr(generators, case.generator)
    pairs = pairs_of(data, settings.patch)
    return kind(pairs, settings.patch, settings.batch, steps, workers=workers)


def patches_of(settings: Settings, data: Path) -> Patches:
    examples = Examples(pairs_of(data, settings.patch), settings.normalisation)
    sampling = Sampling(
        settings.kind,
        settings.patch,
        settings.batch,
        settings.seed,
        settings.border_size,
        settings.foreground,
        settings.augmentation,
        pdf=settings.sampling_pdf,
        contact_weight=settings.contact_weight if settings.weight_map == "contacts" else 0.0,
    )
    return Patches([one for source in examples.sources for one in source], sampling)


def compiled(settings: Settings) -> Any:
    """The network as Keras trains it by itself."""
    model = settings.built(1).build()
    compute = loss.of(settings)
    optimizer = getattr(backend.keras().optimizers, settings.optimizer)(settings.learning_rate)
    model.compile(optimizer, loss=lambda true, found: compute(true, found))
    return model


class Ways:
    """The three ways to train; each takes a number of steps, and returns steps a second."""

    def __init__(self, case: Case, data: Path, workers: int) -> None:
        self.case, self.data, self.workers = case, data, workers
        self.settings = Settings.of(case.settings)
        self.patches = patches_of(self.settings, data)
        self.step = Step(self.settings.built(1).build(), self.settings, Machines())
        self.fitted = compiled(self.settings)
        self.first = 0
        self.batch = next(iter(stream(self.patches, 0, 1)))

    def memory(self, steps: int) -> float:
        return self._timed(steps, iter(lambda: self.batch, None))

    def pipeline(self, steps: int) -> float:
        # Endless, so that it makes batches in advance to the last as it does in a training.
        self.first += steps
        return self._timed(steps, iter(stream(self.patches, self.first, 10**9)))

    def generator(self, steps: int) -> float:
        ends: list[float] = []
        note = backend.keras().callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs=None: ends.append(time.perf_counter())
        )
        source = generator(self.case, self.settings, self.data, steps + WARM, self.workers)
        self.fitted.fit(source, verbose=0, callbacks=[note])
        return steps / (ends[-1] - ends[WARM - 1])

    def _timed(self, steps: int, batches: Iterator[Any]) -> float:
        for _ in range(WARM):
            self.step(next(batches), 1e-4)
        begin = time.perf_counter()
        for _ in range(steps):
            self.step(next(batches), 1e-4)
        return steps / (time.perf_counter() - begin)

    def alone(self, seconds: float) -> dict[str, Callable[[], float]]:
        """Without a network: batches a second of ours, of ours in one thread, of the generator."""
        source = generator(self.case, self.settings, self.data, 10**9, self.workers)

        def rate(make: Callable[[int], Any]) -> float:
            make(0)
            begin, count = time.perf_counter(), 0
            while time.perf_counter() < begin + seconds:
                count += 1
                make(count)
            return count / (time.perf_counter() - begin)

        def ours() -> float:
            batches = iter(stream(self.patches, 0, 10**9))
            return rate(lambda _: next(batches))

        return {
            "our pipeline": ours,
            "our pipeline, one thread": lambda: rate(self.patches.batch),
            "Keras generator": lambda: rate(source.__getitem__),
        }


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
    steps = max(5, round(options.seconds * ways.memory(3)))
    for function in functions.values():
        function(1)
    found: dict[str, list[float]] = {way: [] for way in functions}
    for round_ in range(options.rounds):
        for way in list(functions) if round_ % 2 else reversed(functions):
            found[way].append(functions[way](steps))
    show(found, settings.batch)
    print(f"  ({options.rounds} rounds of {steps} steps)")
    compare(found, "our pipeline", "from memory")
    compare(found, "our pipeline", "Keras generator")
    alone = ways.alone(min(options.seconds, 2.0))
    rates: dict[str, list[float]] = {way: [] for way in alone}
    for _ in range(options.rounds):
        for way, rate in alone.items():
            rates[way].append(rate())
    print("  without a network")
    show(rates, settings.batch)
    compare(rates, "our pipeline", "Keras generator")
    compare(rates, "our pipeline, one thread", "Keras generator")


def show(found: dict[str, list[float]], batch: int) -> None:
    for way, rates in found.items():
        rate = statistics.median(rates)
        print(f"  {way:26s}{rate:8.2f} steps/s {rate * batch:8.1f} pictures/s", flush=True)


def compare(found: dict[str, list[float]], one: str, other: str) -> None:
    """Print the median, smallest and largest ratio of what was measured in the same round."""
    ratios = sorted(a / b for a, b in zip(found[one], found[other], strict=True))
    print(
        f"  {one} / {other}: {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
        flush=True,
    )


def first_step(name: str, way: str, options: argparse.Namespace) -> None:
    """In a process of its own: train one step and say how long it took since it was started."""
    case = CASES[name]
    settings = Settings.of(case.settings)
    began = time.time()

    def said() -> None:
        now = time.time()
        print(f"{now - options.started:.3f} {now - began:.3f}", flush=True)
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
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "generator": []}
    for _ in range(options.starts):
        for way, times in found.items():
            command = [sys.executable, __file__, "--only", name, "--first", way]
            command += ["--data", str(options.data), "--started", repr(time.time())]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            start, call = map(float, done.stdout.split()[-2:])
            times.append((start, call))
    for way, times in found.items():
        start, call = np.median(times, axis=0)
        print(
            f"  first step done, {way:10s}{start:6.2f} s after the start, {call:.2f} s of the call"
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
        measure(name, options)
        first_steps(name, options)


if __name__ == "__main__":
    main()
