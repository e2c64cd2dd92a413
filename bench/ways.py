"""The ways to train that bench/pipeline.py compares: from memory, our pipeline, Keras' own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagej_dl.models import backend
from imagej_dl.suite.convert import AUGMENTATION
from imagej_dl.training import find_pairs, objective
from imagej_dl.training.builder import sampling_of
from imagej_dl.training.devices import SingleDevice
from imagej_dl.training.examples import Examples
from imagej_dl.training.patches import Patches, stream
from imagej_dl.training.settings import Settings
from imagej_dl.training.trainer import Trainer

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
    "augmentation": AUGMENTATION,
}
CASES = {
    "default": Case("Fluffy"),
    "fluffy": Case("Fluffy", {"depth": 4, "dropout": 0.1, "patch": 256}),
    "small": Case("Fluffy", {"depth": 2, "width": 8, "last_width": 8}),
    "suite": Case("Suite", {**SUITE, "patch": 512, "batch": 2}),
    "n2v2": Case("Noise2Void", {"kind": "n2v2"}),
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
    pairs: list[Any] = pairs_of(data, settings.patch)
    if settings.method.learns_from == "itself":
        pairs = [(image, image) for image, _ in pairs]
    examples = Examples(pairs, settings.normalisation, method=settings.method)
    return Patches([one for source in examples.sources for one in source], sampling_of(settings))


def compiled(settings: Settings) -> Any:
    """The network as Keras trains it by itself."""
    model = settings.built(1).build()
    compute = objective.of(settings)
    optimizer = getattr(backend.keras().optimizers, settings.optimizer)(settings.learning_rate)
    model.compile(optimizer, loss=lambda true, found: compute(true, found))
    return model


@dataclass(frozen=True)
class Pace:
    """Steps a second, and seconds of processor time (all cores together) a step."""

    rate: float
    work: float


class Watch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._begin, self._work = time.perf_counter(), time.process_time()

    def pace(self, steps: int) -> Pace:
        work = time.process_time() - self._work
        return Pace(steps / (time.perf_counter() - self._begin), work / steps)


class Ways:
    """The three ways to train; each takes a number of steps, and returns a `Pace`."""

    def __init__(self, case: Case, data: Path, workers: int) -> None:
        self.case, self.data, self.workers = case, data, workers
        self.settings = Settings.of(case.settings)
        self.patches = patches_of(self.settings, data)
        self.trainer = Trainer(self.settings.built(1).build(), self.settings, SingleDevice())
        self.fitted = compiled(self.settings)
        self.first = 0
        self.batch = next(iter(stream(self.patches, 0, 1)))

    def memory(self, steps: int) -> Pace:
        return self._timed(steps, iter(lambda: self.batch, None))

    def pipeline(self, steps: int) -> Pace:
        # Endless, so that it makes batches in advance to the last as it does in a training.
        self.first += steps
        return self._timed(steps, iter(stream(self.patches, self.first, 10**9)))

    def generator(self, steps: int) -> Pace:
        watches: list[Watch] = []
        paces: list[Pace] = []

        def ended(batch: int, logs: Any = None) -> None:
            if batch == WARM - 1:
                watches.append(Watch())
            elif batch == steps + WARM - 1:
                paces.append(watches[0].pace(steps))

        note = backend.keras().callbacks.LambdaCallback(on_train_batch_end=ended)
        source = generator(self.case, self.settings, self.data, steps + WARM, self.workers)
        self.fitted.fit(source, verbose=0, callbacks=[note])
        return paces[0]

    def _timed(self, steps: int, batches: Iterator[Any]) -> Pace:
        for _ in range(WARM):
            self.trainer.train_batch(next(batches))
        watch = Watch()
        for _ in range(steps):
            self.trainer.train_batch(next(batches))
        return watch.pace(steps)

    def alone(self, seconds: float) -> dict[str, Callable[[], Pace]]:
        """Without a network: batches a second of ours, of ours in one thread, of the generator."""
        source = generator(self.case, self.settings, self.data, 10**9, self.workers)

        def rate(make: Callable[[int], Any]) -> Pace:
            make(0)
            watch, end, count = Watch(), time.perf_counter() + seconds, 0
            while time.perf_counter() < end:
                count += 1
                make(count)
            return watch.pace(count)

        def ours() -> Pace:
            batches = iter(stream(self.patches, 0, 10**9))
            return rate(lambda _: next(batches))

        return {
            "our pipeline": ours,
            "our pipeline, one thread": lambda: rate(self.patches.batch),
            "Keras generator": lambda: rate(source.__getitem__),
        }
