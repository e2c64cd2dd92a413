"""Compare what predicting and training reach with what the processor can do, in one run.

    python bench/roofline.py [--rounds 5] [--size 2048] [--json FILE]

First the default network is trained for a few epochs on nuclei, then everything is timed in turn,
round by round: one large 3×3 convolution (TensorFlow and OpenVINO), a matrix product, `predict`
all in on a plane of 2048² with default settings and its parts, and the parts of a training step.
Floating-point operations are those of the network's convolutions as its layers say them, two a
multiplication and addition; a training step counts three times the forward pass.

Rates are given twice: by the clock, of the fastest round, and by the processor's time of this
process on all its cores, which other work on the machine hardly changes. Ratios are to TensorFlow's
convolution by the same measure.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import prediction
import tifffile

from imagej_dl import images, preferences
from imagej_dl.models import backend
from imagej_dl.prediction import openvino_backend, passes, predict, tiles
from imagej_dl.prediction.network import network
from imagej_dl.training import train
from imagej_dl.training.builder import sampling_of
from imagej_dl.training.devices import SingleDevice
from imagej_dl.training.patches import Patches, stream
from imagej_dl.training.settings import Settings

CHANNELS, SIDE = 64, 512
"""Of the convolution that all is compared with."""
STEPS, EPOCHS = 20, 2


def flops_per_pixel(model: Any) -> float:
    """Return the operations of a network's convolutions in one pass, by pixel of its input."""
    keras, side = backend.keras(), 256
    specs = {id(t): keras.KerasTensor((1, side, side, t.shape[-1])) for t in model.inputs}
    total = 0
    for layer in model.operations:
        if type(layer).__name__ == "InputLayer":
            continue
        several = isinstance(layer.input, list)
        given = [specs[id(t)] for t in (layer.input if several else [layer.input])]
        specs[id(layer.output)] = made = layer.compute_output_spec(given if several else given[0])
        if type(layer).__name__ == "Conv2D":
            total += 2 * math.prod(layer.kernel.shape) * math.prod(made.shape[1:3])
    return total / side**2


class Measured:
    """The fastest round of something: seconds by the clock, and of the processor by core."""

    def __init__(self, way: Callable[[], Any], operations: float = 0.0) -> None:
        self.way, self.operations = way, operations
        self.clock = self.processor = math.inf

    def round(self) -> None:
        clock, processor = time.perf_counter(), time.process_time()
        self.way()
        self.clock = min(self.clock, time.perf_counter() - clock)
        self.processor = min(
            self.processor, (time.process_time() - processor) / max(backend.cores(), 1)
        )

    def rates(self) -> tuple[float, float]:
        """Return GFLOP/s by both measures."""
        return self.operations / self.clock / 1e9, self.operations / self.processor / 1e9


def peaks() -> dict[str, Measured]:
    """Return what the processor can do."""
    tf = backend.tensorflow()
    image = tf.random.normal((1, SIDE, SIDE, CHANNELS))
    kernel, matrix = tf.random.normal((3, 3, CHANNELS, CHANNELS)), tf.random.normal((2048, 2048))
    convolve = tf.function(lambda: tf.nn.conv2d(image, kernel, 1, "SAME"), autograph=False)
    multiply = tf.function(lambda: matrix @ matrix, autograph=False)
    operations = 2 * 9 * CHANNELS**2 * SIDE**2
    found = {
        "convolution": Measured(lambda: convolve().numpy(), operations),
        "matrix product": Measured(lambda: multiply().numpy(), 2 * 2048**3),
    }
    if openvino_backend.installed():
        layers = backend.keras().layers
        source = backend.keras().Input((None, None, CHANNELS))
        last = layers.Conv2D(CHANNELS, 3, padding="same", use_bias=False)(source)
        graph = openvino_backend._graph(backend.keras().Model(source, last), None, convert=False)
        run = openvino_backend._compiled(graph)
        given = image.numpy()
        found["convolution, OpenVINO"] = Measured(lambda: run(given), operations)
    return found


def predicting(bundle: Any, size: int, home: Path) -> dict[str, Measured]:
    """Return `predict` on a plane of nuclei, and its parts."""
    plane = prediction.nuclei(size, prediction.DATA)
    image, config = images.make(plane), bundle.config
    tifffile.imwrite(home / "plane.tif", plane, imagej=True)
    ready, method = bundle.prepare(plane), config.method
    operations = flops_per_pixel(bundle.model) * size**2
    least = 2 * (config.halo + config.multiple_of)
    tile = passes.tile_side(bundle.model, (size, size), config.halo, least)
    cut = {"tile": tile, "halo": config.halo, "multiple_of": config.multiple_of, "batch": 1}

    def within(way: Callable[[], Any], **changed: Any) -> Callable[[], Any]:
        def compute() -> Any:
            preferences.change(**changed)
            found = way()
            preferences.change(engine="auto", precision="float32")
            return found

        return compute

    def output(engine: str) -> Callable[[], Any]:
        def compute() -> Any:
            run = network(bundle, size**2)
            return [strip.values for strip in tiles.strips([ready], run, **cut)]

        return within(compute, engine=engine)

    whole = np.concatenate(output("auto")())
    found = {
        "predict, all in": Measured(lambda: predict(bundle, image), operations),
        "predict, network on TensorFlow": Measured(output("tensorflow"), operations),
        "predict, reading": Measured(lambda: images.read(home / "plane.tif")),
        "predict, normalisation": Measured(lambda: bundle.prepare(plane)),
        "predict, post-processing": Measured(lambda: method.instances(whole, config.instances)),
    }
    if openvino_backend.installed():
        found["predict, network on OpenVINO"] = Measured(output("openvino"), operations)
        if openvino_backend.has_bfloat16():
            # With a copy of the network: one that is computed in both is made ready each time.
            again = replace(bundle, model=backend.keras().models.clone_model(bundle.model))
            again.model.set_weights(bundle.model.get_weights())
            found["predict, all in, bfloat16"] = Measured(
                within(lambda: predict(again, image), precision="bfloat16"), operations
            )
    return found


def training(model: Any, data: Path, per_step: tuple[float, float]) -> dict[str, Measured]:
    """Return the parts of a training step; all in as `train` itself took, `per_step`."""
    from imagej_dl.progress import silent
    from imagej_dl.training import fit
    from imagej_dl.training.data_sources import as_given
    from imagej_dl.training.trainer import Trainer

    settings = Settings.of({})
    _, parts = fit._read(as_given(data), settings, None, None, silent)
    patches = Patches(parts.train, sampling_of(settings))
    trainer = Trainer(model, settings, SingleDevice())
    batch = next(iter(stream(patches, 0, 1)))
    operations = 3 * flops_per_pixel(model) * settings.batch * settings.patch**2
    whole = Measured(lambda: None, operations)
    whole.clock, whole.processor = per_step
    found = {
        "training step, all in": whole,
        "training step, computing": Measured(lambda: trainer.train_batch(batch), operations),
        "training step, its batch": Measured(lambda: patches.batch(0)),
    }
    # Held by the entry above: the last one is never a round of its own.
    whole.round = lambda: None  # type: ignore[method-assign]
    return found


def trained(data: Path, out: Path) -> tuple[Any, tuple[float, float]]:
    """Train the default network for a few epochs; return it, and the seconds of a step, all in."""
    times: list[tuple[float, float]] = []

    def watch(event: Any) -> None:
        times.append((time.perf_counter(), time.process_time() / backend.cores()))

    bundle = train(data, out, epochs=EPOCHS, steps=STEPS, watch=watch)
    pairs = list(pairwise(times))
    return bundle, (
        min(after[0] - before[0] for before, after in pairs) / STEPS,
        min(after[1] - before[1] for before, after in pairs) / STEPS,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=2048, help="side of the plane, px")
    parser.add_argument("--data", type=Path, default=prediction.DATA / "train")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        # The user's own settings are neither used nor changed.
        os.environ["IMAGEJ_DL_HOME"] = str(home)
        bundle, per_step = trained(options.data, home / "model")
        copy = backend.keras().models.clone_model(bundle.model)
        ways = peaks() | predicting(bundle, options.size, home)
        ways |= training(copy, options.data, per_step)
        for way in ways.values():
            way.way()  # compiles, and does not count
        for _ in range(options.rounds):
            for way in ways.values():
                way.round()
    report(ways, flops_per_pixel(bundle.model), options)


def report(ways: dict[str, Measured], operations: float, options: argparse.Namespace) -> None:
    base = ways["convolution"].rates()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan
    print(f"{backend.device()}, load {load:.1f}; the network takes {operations:,.0f} FLOP/px;")
    print("seconds, GFLOP/s and ratio to the convolution, by the clock and by processor time")
    rows = {}
    for name, way in ways.items():
        rates = way.rates()
        ratios = [rate / peak for rate, peak in zip(rates, base, strict=True)]
        rows[name] = {"clock": way.clock, "processor": way.processor}
        words = f"{name:32}{way.clock:9.4f} s{way.processor:9.4f} s"
        if way.operations:
            rows[name] |= {"rates": rates, "ratios": ratios}
            words += "".join(
                f"{rate:8.0f}{ratio:6.2f}" for rate, ratio in zip(rates, ratios, strict=True)
            )
        print(words)
    if options.json:
        values = {"flop_per_pixel": operations, "load": load, "rows": rows}
        options.json.write_text(json.dumps(values, indent=2))


if __name__ == "__main__":
    main()
