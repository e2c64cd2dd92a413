"""Train the ready model `nuclei`, and put it with its card where the wheel is made from.

    python bench/ready_models.py train --out /data/nuclei --minutes 600 --sitting 60
    python bench/ready_models.py card --model /data/nuclei

`train` goes on with what it finds in --out, so that the same line is one sitting after the other;
--minutes is the length of all of them together, which the learning rate follows. `card` predicts the
validation images, writes their scores and what else is known into card.json, and copies the model to
imagej_dl/models/ready.

The images are divided by this file alone (see `divide`): the validation images take part in
neither the training's steps nor its augmentation, but choose the epoch and, as in any training,
the post-processing settings.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from imagej_dl import images
from imagej_dl.errors import Cancelled
from imagej_dl.progress import Progress, terminal
from imagej_dl.training import Given, train
from imagej_dl.training.checkpoint import FOLDER, exists
from imagej_dl.training.object_sizes import diameters

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "dsb2018"
SHARE, SEED = 0.15, 2018

AUGMENTATION = {"zoom": 2.0, "gamma": 2.0, "noise": 0.1, "blur": 1.5}
"""More than by default: images of others differ in scale, contrast, noise and sharpness."""

SETTINGS = {"steps": 200, "epochs": 10_000, "patience": 10_000, "augmentation": AUGMENTATION}
"""The time alone ends the training."""


def divide(data: Path) -> tuple[list[tuple[Path, Path]], list[tuple[Path, Path]]]:
    """Return pairs of image and label map for training, and those for validation.

    Of images of the same size (of the same experiment, mostly), sorted by the diameter of their
    objects, one of each run of 1 / SHARE is drawn for validation: both parts have all sizes.
    """
    groups: dict[tuple[int, ...], list[tuple[float, Path, Path]]] = {}
    for image in sorted((data / "images").glob("*.tif")):
        mask = data / "masks" / image.name
        labels = images.read(mask).data
        typical = float(np.median(diameters(labels))) if labels.any() else 0.0
        groups.setdefault(labels.shape, []).append((typical, image, mask))
    rng = np.random.default_rng(SEED)
    parts: tuple[list[tuple[Path, Path]], list[tuple[Path, Path]]] = ([], [])
    for _, group in sorted(groups.items()):
        group.sort()
        count = round(len(group) * SHARE)
        ends = np.linspace(0, len(group), count + 1).astype(int)
        drawn = {int(rng.integers(a, b)) for a, b in zip(ends, ends[1:], strict=False)}
        for number, (_, image, mask) in enumerate(group):
            parts[number in drawn].append((image, mask))
    return parts


def sitting(minutes: float | None) -> Progress:
    """Return a progress that ends the sitting, so that the next one goes on from there."""
    began, shown = time.monotonic(), terminal()

    def progress(stage: str, done: int, total: int) -> None:
        shown(stage, done, total)
        over = minutes is not None and time.monotonic() - began > minutes * 60
        if over and stage == "training" and done < total:
            raise Cancelled

    return progress


def trained(options: argparse.Namespace) -> None:
    parts = divide(options.data)
    resume = exists(options.out / FOLDER)
    settings = {"minutes": options.minutes}
    if not resume:
        settings |= SETTINGS | {"kind": options.kind}
    print(f"{len(parts[0])} images for training, {len(parts[1])} for validation", flush=True)
    train(
        Given(*parts),
        options.out,
        resume=resume,
        progress=sitting(options.sitting),
        watch=lambda e: print(e.epoch, f"{e.loss:.4f} {e.val_loss:.4f}", e.kept, flush=True),
        **settings,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("train", help="train, or go on with the training")
    one.add_argument("--data", type=Path, default=DATA, help="folder with images and masks")
    one.add_argument("--out", type=Path, required=True, help="the model's folder")
    one.add_argument("--kind", default="border", help="the method")
    one.add_argument("--minutes", type=float, default=600, help="of all sittings together")
    one.add_argument("--sitting", type=float, help="minutes after which this one ends")
    one.set_defaults(run=trained)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
