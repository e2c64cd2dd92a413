"""The networks and losses on real nuclei, each trained for the same time.

    python bench/networks.py --minutes 2 --core 0 --out /tmp/networks

The time is the processor's, on one core, so that other work on the machine counts for nothing.
Each row is a process of its own; one that is in --out already is not run again. Prints a
Markdown table of the average precision TP / (TP + FP + FN) on the test images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nuclei
from runs import use_one_core

STEPS = 25
"""Batches between two validations."""
SUITE = ("unet_suite", "categorical_unet", "categorical_unet_fc", "categorical_unet_fc_dil")
NETWORKS = (
    "unet",
    *SUITE,
    "categorical_unet_transpose",
    "mobilenet_mobileunet",
    "mobilenet_mobileunet_lstm",
    "unet_lstm",
)
LOSSES: dict[str, dict[str, Any]] = {
    "cross_entropy, Dice": {"dice": 1.0},
    "categorical_cce": {"loss": "categorical_cce"},
    "multiple_output": {"loss": "multiple_output"},
    "sparse_cce, foreground": {"loss": "sparse_cce", "kind": "foreground"},
    "binary_cce, binary": {"loss": "binary_cce", "kind": "binary"},
    "weighted_bce, U-Net map, binary": {
        "loss": "weighted_bce",
        "kind": "binary",
        "weight_map": "unet",
    },
    "weighted_bce_dice, binary": {"loss": "weighted_bce_dice", "kind": "binary"},
}
ROWS = {name: {"architecture": name} for name in NETWORKS} | LOSSES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=nuclei.DATA, help="folder with train and test")
    parser.add_argument("--out", type=Path, default=Path("/tmp/imagej-dl-networks"))
    parser.add_argument("--minutes", type=float, default=2.0, help="of the processor, each row")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--row", choices=ROWS, help="only this one, in this process")
    options = parser.parse_args()
    if options.row:
        measure(options.row, options)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for row in ROWS:
        if not result(options.out, row).exists():
            subprocess.run([sys.executable, *sys.argv, "--row", row], check=True)
    print("| | parameters | batches, about | AP .5 | AP .75 |\n| --- | --- | --- | --- | --- |")
    for row in ROWS:
        found = json.loads(result(options.out, row).read_text())
        scores = " | ".join(f"{found[key]:.3f}" for key in ("0.5", "0.75"))
        print(f"| {row} | {found['parameters']:,} | {found['steps']} | {scores} |")


def result(out: Path, row: str) -> Path:
    return out / f"{row.replace(' ', '_').replace(',', '')}.json"


def measure(row: str, options: argparse.Namespace) -> None:
    """Train one row, predict the test images, score them."""
    wall = time.monotonic
    use_one_core(options.core)
    from imagej_dl.prediction import predict
    from imagej_dl.progress import terminal
    from imagej_dl.training import train

    pictures = nuclei.truths(options.data / "test")
    out = options.out / result(options.out, row).stem
    began = wall()
    bundle = train(
        options.data / "train",
        out,
        overwrite=True,
        progress=terminal(),
        minutes=options.minutes,
        validation=0.15,
        test=0.0,
        epochs=10_000,
        steps=STEPS,
        patience=10_000,
        **ROWS[row],
    )
    found = [predict(bundle, image).labels.data for image, _ in pictures]
    values = {
        "parameters": bundle.model.count_params(),
        "steps": nuclei.steps_done(out, STEPS),
        "seconds": wall() - began,
    }
    for score in nuclei.matches(pictures, found):
        values[str(score.threshold)] = score.average_precision
    result(options.out, row).write_text(json.dumps(values))
    print(row, values, flush=True)


if __name__ == "__main__":
    main()
