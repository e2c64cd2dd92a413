"""Time tiled prediction against one Keras `predict` a tile, and measure a plane of 16,384².

    python bench/prediction.py [--rounds 5] [--no-large]
    python bench/prediction.py --large-only [--nuclei FOLDER]

The network is the default one, untrained. First a plane of 2048² in tiles of 256 px that overlap
by 32 px on each side, mirrored at the borders: Keras' `predict` called for each, the way
microscopy-dl-suite-tf does it, against imagej-dl on TensorFlow and on OpenVINO (where it is
installed) with the very same tiles; all in turn in one process, medians of the rounds. Then the
same with the overlap that the network asks for and the tile of the settings. Then a uint8 plane of
16,384² of nuclei through the command line, in a process of its own, whose peak memory the system
tells (what lies in mapped files and is not given back included).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from imagej_dl import images, models, preferences
from imagej_dl.models import CLASSES, ModelConfig, backend
from imagej_dl.models.networks.registry import network as declared
from imagej_dl.models.receptive_field import receptive_field
from imagej_dl.prediction import openvino_backend, passes

SIZE, TILE, HALO = 2048, 256, 32
LARGE = 16384
DATA = Path(__file__).parents[2] / "shared" / "data" / "nuclei"


def bundle() -> models.ModelBundle:
    """Return the default network with random weights, and the declaration that goes with it."""
    keras = backend.keras()
    keras.utils.set_random_seed(1)
    model = declared("unet", {}).build()
    field = receptive_field(model)
    config = ModelConfig.model_validate(
        {
            "kind": "border",
            "classes": CLASSES["border"],
            "architecture": {"name": "unet", "arguments": {}},
            "normalisation": {},
            "patch": TILE,
            "halo": field.halo,
            "multiple_of": field.multiple_of,
            "imagej_dl_version": "0",
            "keras_version": keras.__version__,
            "tensorflow_version": "2",
        }
    )
    return models.ModelBundle(model, config)


def by_keras(made: models.ModelBundle, plane: np.ndarray) -> np.ndarray:
    """Predict tile by tile: TILE - 2·HALO px are kept of each, the borders are mirrored."""
    ready = made.prepare(plane)
    step = TILE - 2 * HALO
    count = -(-SIZE // step)
    rest = count * step - SIZE
    padded = np.pad(ready, ((HALO, HALO + rest), (HALO, HALO + rest), (0, 0)), "symmetric")
    whole = np.empty((count * step, count * step, len(made.config.classes)), np.float32)
    for y in range(0, count * step, step):
        for x in range(0, count * step, step):
            found = made.model.predict(padded[None, y : y + TILE, x : x + TILE], verbose=0)[0]
            whole[y : y + step, x : x + step] = found[HALO:-HALO, HALO:-HALO]
    return whole[:SIZE, :SIZE]


def by_us(made: models.ModelBundle, plane: np.ndarray, which: str, **options: Any) -> np.ndarray:
    """Predict with an engine; without the step from probabilities to objects, as Keras'."""
    from imagej_dl.prediction import tiles
    from imagej_dl.prediction.network import network

    preferences.change(engine=which)
    same = {"tile": TILE, "halo": HALO, "margin": HALO, "batch": 1, "multiple_of": 16}
    options = same | options
    run = network(made, 2**40)
    parts = tiles.strips([made.prepare(plane)], run, **options)
    return np.concatenate([strip.values for strip in parts])


def quick(rounds: int) -> None:
    """Time a plane of 2048²."""
    made = bundle()
    plane = nuclei(SIZE, DATA)
    which = ["tensorflow", *(["openvino"] if openvino_backend.installed() else [])]
    halo = made.config.halo
    least = 2 * (halo + made.config.multiple_of)
    tile = passes.tile_side(made.model, (SIZE, SIZE), halo, least)
    own = {"tile": tile, "halo": halo, "margin": 0}
    ways: dict[str, Any] = {"Keras predict, a call a tile": lambda: by_keras(made, plane)}
    for name in which:
        ways[f"imagej-dl, {name}, one tile at once"] = lambda n=name: by_us(made, plane, n)
        ways[f"imagej-dl, {name}, four at once"] = lambda n=name: by_us(made, plane, n, batch=4)
        ways[f"imagej-dl, {name}, own tiles"] = lambda n=name: by_us(made, plane, n, **own)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, np.ndarray] = {}
    for index in range(rounds + 1):  # the first round compiles, and does not count
        for name, way in ways.items():
            begin = time.perf_counter()
            found[name] = way()
            if index:
                taken[name].append(time.perf_counter() - begin)
    first, *_ = ways
    base = statistics.median(taken[first])
    print(f"{SIZE}², {rounds} rounds, {backend.device()}; tiles of {TILE} px, overlap {HALO} px;")
    print(f"own tiles: {own['tile']} px, overlap {own['halo']} px")
    print(f"{'':42}{'median':>9}{'fastest':>9}{'ratio':>7}  difference from Keras'")
    for name, values in taken.items():
        middle = statistics.median(values)
        # The last tile of a row is cut elsewhere, and the network sees farther than the overlap.
        inner = slice(None, SIZE - 2 * TILE)
        other = "own" in name
        reference = found["imagej-dl, tensorflow, own tiles"] if other else found[first]
        away = float(np.abs(found[name] - reference)[inner, inner].max())
        words = f"{away:.1e}" + (" (from TensorFlow's of the same tiles)" if other else "")
        ratio = base / middle
        print(f"{name:42}{middle:7.2f} s{min(values):7.2f} s{ratio:7.2f}  {words}")


def nuclei(size: int, folder: Path) -> np.ndarray:
    """Return a uint8 plane made of the images of nuclei, side by side."""
    files = sorted(folder.glob("*/*/image.tif")) if folder.is_dir() else []
    rng = np.random.default_rng(0)
    if not files:
        return rng.integers(0, 255, (size, size), np.uint8)
    parts = [np.asarray(images.read(file).data) for file in files]
    parts = [part[:256, :256].astype(np.uint8) for part in parts if part.ndim == 2]
    plane = np.zeros((size, size), np.uint8)
    for number, (y, x) in enumerate(np.ndindex(-(-size // 256), -(-size // 256))):
        part = parts[number % len(parts)]
        room = plane[y * 256 : (y + 1) * 256, x * 256 : (x + 1) * 256]
        room[: part.shape[0], : part.shape[1]] = part[: room.shape[0], : room.shape[1]]
    return plane


def large(model: Path | None, size: int, folder: Path, more: list[str]) -> None:
    """Measure a plane of 16,384² through the command line."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        tifffile.imwrite(home / "large.tif", nuclei(size, folder), imagej=True)
        if model is None:
            made, model = bundle(), home / "model"
            plane = nuclei(256, folder)
            models.save(made.model, made.config, model, test_image=plane)
        command = [
            sys.executable,
            "-m",
            "imagej_dl",
            "predict",
            str(model),
            str(home / "large.tif"),
        ]
        command += ["--out", str(home / "out"), *more]
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=os.environ)
        status, peak = Path(f"/proc/{process.pid}/status"), 0
        while process.poll() is None:
            time.sleep(0.1)
            # What the process has had at most so far; rusage would count the parent's as well.
            words = status.read_text().split() if status.exists() else []
            peak = int(words[words.index("VmHWM:") + 1]) if "VmHWM:" in words else peak
        seconds = time.perf_counter() - begin
        if process.returncode:
            sys.exit(f"the prediction ended with exit code {process.returncode}")
        print(f"{size}² uint8 {' '.join(more)}: {seconds:.0f} s, peak {peak * 1024 / 1e9:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-large", action="store_true")
    parser.add_argument("--large-only", action="store_true")
    parser.add_argument("--size", type=int, default=LARGE, help="side of the large plane, px")
    parser.add_argument("--model", type=Path, help="a trained model for the large plane")
    parser.add_argument("--nuclei", type=Path, default=DATA, help="folder of the images")
    options, more = parser.parse_known_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as settings:
        # The user's own settings are neither used nor changed.
        os.environ["IMAGEJ_DL_HOME"] = settings
        if not options.large_only:
            quick(options.rounds)
        preferences.change(engine="auto")
        if not options.no_large:
            large(options.model, options.size, options.nuclei, more)


if __name__ == "__main__":
    main()
