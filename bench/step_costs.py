"""Measure what a training step costs, part by part, for each method with the default settings.

    python bench/step_costs.py [--kind star_convex --kind border] [--batches 30] [--steps 10]

Milliseconds of processor time: of making a batch in one thread (the images that are cut, their
intensities that are varied, the ground truth that is cut, the targets and whatever else), and of
the network's step, on all cores together. The share of targets and that of intensities are of both.
Batches are those of a training in which all imaging conditions are shown. Each figure is the
smallest of the rounds, which take turns, as other work on the machine only adds to it.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from imagej_dl.methods import registry
from imagej_dl.progress import silent
from imagej_dl.training import fit, patches
from imagej_dl.training.builder import sampling_of
from imagej_dl.training.data_sources import as_given
from imagej_dl.training.settings import Settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nuclei" / "train"
PARTS = ("images", "intensities", "ground truth", "targets")
LATER = 1000
"""Number of the first batch: by then the share of other imaging conditions has grown."""


class Case:
    """A method with what its training reads and, if wanted, its network."""

    def __init__(self, kind: str, options: argparse.Namespace) -> None:
        self.settings = Settings.of({"kind": kind})
        examples, parts = fit._read(as_given(options.data), self.settings, None, None, silent)
        self.settings = self.settings.of_images(examples.channels)
        train = examples.with_vectors(parts.train, self.settings.method, silent)
        self.patches = patches.Patches(train, sampling_of(self.settings, examples))
        self.trainer: Any = None
        if options.steps:
            from imagej_dl.training.devices import SingleDevice
            from imagej_dl.training.trainer import Trainer

            network = self.settings.built(examples.channels).build()
            self.trainer = Trainer(network, self.settings, SingleDevice())
            self.batch = next(iter(patches.stream(self.patches, 0, 1)))
            self.trainer.train_batch(self.batch)  # compiles, and does not count
        self.patches.batch(0)

    def round(self, options: argparse.Namespace) -> dict[str, float]:
        """Return the milliseconds of each part."""
        found = {}
        began = time.thread_time()
        for number in range(options.batches):
            self.patches.batch(LATER + number)
        found["batch"] = (time.thread_time() - began) * 1e3 / options.batches
        with timed(self.settings.method) as spent:
            for number in range(options.batches):
                self.patches.batch(LATER + number)
        found |= {part: spent[part] * 1e3 / options.batches for part in PARTS}
        if self.trainer is not None:
            began = time.process_time()
            for _ in range(options.steps):
                self.trainer.train_batch(self.batch)
            found["network"] = (time.process_time() - began) * 1e3 / options.steps
        return found


@contextmanager
def timed(method: Any) -> Iterator[dict[str, float]]:
    """Give the seconds that each part takes within the context."""
    spent: dict[str, float] = defaultdict(float)

    def watched(part: str, way: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            began = time.thread_time()
            try:
                return way(*arguments, **more)
            finally:
                spent[part] += time.thread_time() - began

        return call

    places = (
        (patches.augment, "taken", "images"),
        (patches.Patches, "_lit", "intensities"),
        (patches, "truth_of", "ground truth"),
        (type(method), "sample", "targets"),
    )
    with ExitStack() as stack:
        for owner, name, part in places:
            way = watched(part, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, way))
        yield spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--kind", action="append", help="only this method; may be repeated")
    parser.add_argument("--batches", type=int, default=30, help="made in a round")
    parser.add_argument("--steps", type=int, default=10, help="of a round; 0: no network")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with images and labels")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kinds = options.kind or [
        name for name, method in registry.METHODS.items() if method.learns_from == "labels"
    ]
    rows = {}
    print(f"{'ms of processor time':24}" + "".join(f"{c:>14}" for c in ("batch", *PARTS)))
    for kind in kinds:
        case = Case(kind, options)
        rounds = [case.round(options) for _ in range(options.rounds)]
        row = rows[kind] = {part: min(found[part] for found in rounds) for part in rounds[0]}
        words = "".join(f"{row[column]:14.2f}" for column in ("batch", *PARTS))
        if "network" in row:
            whole = row["batch"] + row["network"]
            words += f"  network {row['network']:.1f}, targets {row['targets'] / whole:.0%}, "
            words += f"intensities {row['intensities'] / whole:.0%} of both"
        print(f"{kind:24}{words}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
