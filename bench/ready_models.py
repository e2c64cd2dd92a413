"""Train the ready model `nuclei`, and put it with its card where the wheel is made from.

    python bench/ready_models.py train --out /data/nuclei --minutes 600 --sitting 60
    python bench/ready_models.py card --model /data/nuclei --machine "two cores"
    python bench/ready_models.py likeness

`train` goes on with what it finds in --out, so that the same line is one sitting after the other;
--minutes is the length of all of them together, which the learning rate follows. `begin` writes
what a training of another method may start from (`train --start`): a network of that method with
all weights of a model but those of its last layer. `card` scores the
model on its validation images, and on others of the collection that had no part in it, writes the
card, and copies both to imagej_dl/models/ready. `likeness` writes, of a model that is there
already, what its training images are like, by which `predict` knows images that are unlike them.

The images are divided by this file alone (see `divide`): nothing is learnt from the validation
images, but they choose the epoch and, as in any training, the post-processing settings.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl import images, models
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.evaluation import THRESHOLDS, match, total
from imagej_dl.images.intensities.likeness import FILE, Likeness
from imagej_dl.models.folder import TEST_IMAGE
from imagej_dl.models.ready import card as cards
from imagej_dl.models.ready import registry
from imagej_dl.models.ready.card import Card, Data, Diameter, Score
from imagej_dl.prediction import predict
from imagej_dl.progress import Progress, terminal
from imagej_dl.training import Given, train
from imagej_dl.training.checkpoint import FOLDER, exists
from imagej_dl.training.imaging import Camera
from imagej_dl.training.object_sizes import diameters
from imagej_dl.training.patches import Example
from imagej_dl.training.settings import EARLIER, Settings
from imagej_dl.training.training_likeness import likeness

Pair = tuple[Path, Path]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
DATA, TEST = SHARED / "dsb2018", SHARED / "nuclei" / "test"
SHARE, SEED = 0.15, 2018
FILES = (
    "model.keras",
    "config.json",
    "test_image.tif",
    "test_expected.tif",
    "metrics.json",
    "split.json",
    "log.csv",
)
"""What is shipped of the model's folder; and likeness.json, which older trainings did not write."""

AUGMENTATION = {"zoom": 2.0, "gamma": 2.0, "noise": 0.1, "blur": 1.5, "empty": 0.15}
"""More than by default: images of others differ in scale, contrast, noise and sharpness, and some
of their planes show nothing."""

SETTINGS = {
    "width": 24,
    "steps": 200,
    "epochs": 10_000,
    "patience": 10_000,
    "augmentation": AUGMENTATION,
}
"""The time alone ends the training."""


LIMITS = [
    "Nuclei in fluorescence, bright on dark, one channel, in 2-D images; each slice or frame of a "
    "stack is segmented by itself. It finds nothing where objects are dark on bright, as in "
    "phase contrast, and was not tried on stained tissue: train a model for these.",
    "Objects of other sizes than those above are found less reliably: resize the image.",
    "Holes in objects are filled; objects do not overlap.",
    "Training and validation images come from the same experiments, so that scores on images from "
    "elsewhere are lower.",
    "Noise costs objects: one of a tenth of the contrast (standard deviation) lowers the average "
    "precision by .04. Of twenty planes without nuclei, each made by a formula (noise, blotches, "
    "glow, dust, stripes), one gave an object.",
    "The training images are 8-bit crops without a pixel size.",
]


def divide(data: Path) -> tuple[list[Pair], list[Pair]]:
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
    parts: tuple[list[Pair], list[Pair]] = ([], [])
    for _, group in sorted(groups.items()):
        group.sort()
        count = round(len(group) * SHARE)
        ends = np.linspace(0, len(group), count + 1).astype(int)
        drawn = {int(rng.integers(a, b)) for a, b in pairwise(ends)}
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
    start = None if resume else options.start
    settings = {"minutes": options.minutes}
    if not resume:
        settings |= SETTINGS | ({} if start else {"kind": options.kind})
    print(f"{len(parts[0])} images for training, {len(parts[1])} for validation", flush=True)
    train(
        Given(*parts),
        options.out,
        start=start,
        resume=resume,
        progress=sitting(options.sitting),
        watch=lambda e: print(e.epoch, f"{e.loss:.4f} {e.val_loss:.4f}", e.kept, flush=True),
        **settings,
    )


def begun(options: argparse.Namespace) -> None:
    """Write a model of another method that has the weights of one, except for its outputs."""
    before = models.load(options.model)
    of_network = {**SETTINGS, "epochs": 1, "steps": 1, "kind": options.kind}
    few = Given(*(part[:8] for part in divide(options.data)))
    with tempfile.TemporaryDirectory() as folder:
        new = train(few, Path(folder) / "model", **of_network)
        given, own = before.model.get_weights(), new.model.get_weights()
        taken = [a if a.shape == b.shape else b for a, b in zip(given, own, strict=True)]
        new.model.set_weights(taken)
        print(f"{sum(a is b for a, b in zip(taken, given, strict=True))} of {len(own)} arrays")
        plane = images.read(new.folder / TEST_IMAGE).data
        models.save(new.model, new.config, options.out, test_image=plane)


def scored(folder: Path, pairs: Iterable[Pair], on: str) -> Score:
    """Predict images as `imagej-dl predict` does, and score all their objects together."""
    bundle = models.load(folder)
    found = ((labels, predict(bundle, images.read(image)).labels.data) for image, labels in pairs)
    return pooled(found, on, "imagej-dl predict, no option")


def pooled(found: Iterable[tuple[Path, NDArray]], on: str, how: str) -> Score:
    """Score the objects found in images, each with the file of its ground truth, all together."""
    thresholds = sorted({*THRESHOLDS, 0.75})
    matched = [
        match(images.read_labels(labels, as_is=True).data, one, thresholds) for labels, one in found
    ]
    whole = dict(zip(thresholds, total(matched), strict=True))
    precisions = {at: one.average_precision for at, one in whole.items()}
    return Score(
        on=on,
        how=how,
        images=len(matched),
        objects=whole[0.5].n_true,
        ap_50=round(precisions[0.5], 4),
        ap_75=round(precisions[0.75], 4),
        ap_mean=round(float(np.mean([precisions[at] for at in THRESHOLDS])), 4),
        f1_50=round(whole[0.5].f1, 4),
        pq_50=round(whole[0.5].panoptic_quality, 4),
    )


def tests() -> list[Pair]:
    """Return pairs of the same collection that neither trained nor validated."""
    return [(folder / "image.tif", folder / "labels.tif") for folder in sorted(TEST.iterdir())]


def likened(folder: Path, pairs: list[Pair]) -> Likeness:
    """Return what a training on these images keeps of them, with the settings of a model."""
    config = models.load_config(folder)
    settings = Settings.of({**EARLIER, **config.training})
    rule, camera = config.normalisation, None
    read = [(images.read(image).data, images.read(labels).data) for image, labels in pairs]
    examples = [Example("", rule(image)[..., None], labels) for image, labels in read]
    if settings.varies_imaging:
        assert config.object_diameter is not None, "it finds objects"
        assert config.seen is not None, "they are varied since it is recorded"
        conditions = settings.imaging_conditions
        camera = Camera(conditions, config.object_diameter, rule, config.seen)
    found = likeness(examples, camera, settings.seed, settings.augmentation)
    assert found is not None, "there are objects"
    return found


def compared(options: argparse.Namespace) -> None:
    """Write what the training images of a ready model are like into its folder."""
    folder = registry.HOME / options.name
    found = likened(folder, divide(options.data)[0])
    (folder / FILE).write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    print(found.model_dump_json(indent=2))


def described(pairs: list[Pair], part: str) -> tuple[Data, np.ndarray]:
    """Return what the card says of these images, and the diameters of their objects in px."""
    sizes = [diameters(images.read(labels).data) for _, labels in pairs]
    data = Data(
        name="Data Science Bowl 2018, fluorescence images (StarDist's selection)",
        source="Broad Bioimage Benchmark Collection, BBBC038",
        licence="CC0",
        images=len(pairs),
        objects=sum(map(len, sizes)),
        part=part,
    )
    return data, np.concatenate(sizes)


def carded(options: argparse.Namespace) -> None:
    """Score the model, write its card, and put both where the wheel is made from."""
    metrics = json.loads((options.model / "metrics.json").read_text(encoding="utf-8"))
    if metrics["ended"] == "cancelled":
        raise UserError("its training is not finished", path=options.model)
    train_, validation = divide(options.data)
    data, sizes = described(
        train_, f"all but the validation images of {len(train_) + len(validation)}"
    )
    held, _ = described(
        validation,
        f"{SHARE:.0%} of the images of each size, drawn evenly over the objects' diameters; they "
        "chose the epoch and, together with training images, the post-processing settings",
    )
    low, median, high = np.percentile(sizes, (5, 50, 95))
    with (options.model / "log.csv").open(encoding="utf-8") as log:
        epochs = len(list(csv.DictReader(log)))
    config = models.load_config(options.model)
    steps, batch = (config.training[name] for name in ("steps", "batch"))
    target = registry.HOME / options.name
    target.mkdir(exist_ok=True)
    for name in FILES:
        shutil.copyfile(options.model / name, target / name)
    like = options.model / FILE
    found = like.read_text("utf-8") if like.is_file() else None
    if found is None:
        found = likened(options.model, train_).model_dump_json(indent=2) + "\n"
    (target / FILE).write_text(found, encoding="utf-8")
    digests = {
        name: hashlib.sha256((target / name).read_bytes()).hexdigest()
        for name in ("model.keras", "config.json")
    }
    card = Card(
        name=options.name,
        title="nuclei in fluorescence images, bright on dark",
        version=options.version,
        authors="The imagej-dl developers",
        licence="CC0",
        data=data,
        validation=held,
        object_diameter=Diameter(median=round(median, 1), low=round(low, 1), high=round(high, 1)),
        scores=[
            scored(options.model, validation, "validation images"),
            scored(options.model, tests(), "other images of the same collection"),
        ],
        limits=LIMITS,
        training={
            "method": config.kind,
            "network": config.architecture.name,
            "minutes": round(metrics["seconds"] / 60),
            "steps": f"{epochs * steps:,} of {batch} patches",
            "machine": options.machine,
            "script": "bench/ready_models.py",
        }
        | _origin(metrics),
        sha256=digests,
    )
    path = target / cards.FILE
    path.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    print(card.markdown())


def _origin(metrics: dict[str, Any]) -> dict[str, str]:
    """Name the model that the training started from, with its digest."""
    before = metrics.get("started_from")
    return {} if before is None else {"from": f"{before['model']} ({before['sha256'][:16]})"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("train", help="train, or go on with the training")
    one.add_argument("--data", type=Path, default=DATA, help="folder with images and masks")
    one.add_argument("--out", type=Path, required=True, help="the model's folder")
    one.add_argument("--kind", default="border", help="the method")
    one.add_argument("--start", help="the model to start from, whose method is kept")
    one.add_argument("--minutes", type=float, default=600, help="of all sittings together")
    one.add_argument("--sitting", type=float, help="minutes after which this one ends")
    one.set_defaults(run=trained)
    begin = commands.add_parser("begin", help="write what another method may start from")
    begin.add_argument("--data", type=Path, default=DATA, help="folder with images and masks")
    begin.add_argument("--model", default=registry.DEFAULT, help="whose weights are taken")
    begin.add_argument("--kind", required=True, help="the method")
    begin.add_argument("--out", type=Path, required=True, help="the folder to be written")
    begin.set_defaults(run=begun)
    two = commands.add_parser("card", help="score a trained model, and put it into the package")
    two.add_argument("--data", type=Path, default=DATA, help="folder with images and masks")
    two.add_argument("--model", type=Path, required=True, help="the trained model's folder")
    two.add_argument("--name", default=registry.DEFAULT, help="of the ready model")
    two.add_argument("--version", type=int, default=1, help="one more than the one before")
    two.add_argument("--machine", required=True, help="that trained it, and what else it did")
    two.set_defaults(run=carded)
    three = commands.add_parser("likeness", help="write likeness.json of a ready model alone")
    three.add_argument("--data", type=Path, default=DATA, help="folder with images and masks")
    three.add_argument("--name", default=registry.DEFAULT, help="of the ready model")
    three.set_defaults(run=compared)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
