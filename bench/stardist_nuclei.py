"""Train StarDist itself on the images of the ready model `nuclei`, for the same time.

    python bench/stardist_nuclei.py train --out /data/stardist --minutes 78 --core 0
    python bench/stardist_nuclei.py score --out /data/stardist

The images are divided as in `bench/ready_models.py`, and normalised, augmented and trained on as in
StarDist's own examples (32 rays, subsampling 2, 4 patches of 256 px, a learning rate of 3e-4); the
learning rate falls with the time to nothing, as that of the ready model did. Both take the
validation images for choosing the epoch and the thresholds. Time is the processor time of one core;
it holds what reading and validating take. The same line, with `--sitting MINUTES`, is one sitting
after the other; the optimizer begins anew in each.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import ready_models

from imagej_dl import images

RATE, STATE = 3e-4, "minutes.json"
RANDOM = np.random.default_rng(0)
Planes = tuple[list[np.ndarray], list[np.ndarray]]


def normalised(image: Path) -> np.ndarray:
    """Return an image from 0 to 1, which are its 1st and its 99.8th percentile."""
    from csbdeep.utils import normalize

    return normalize(images.read(image).data.astype(np.float32), 1, 99.8)


def read(pairs: list[ready_models.Pair]) -> Planes:
    """Return images, and label maps without holes."""
    from stardist import fill_label_holes

    labels = [images.read_labels(labels, as_is=True).data for _, labels in pairs]
    planes = [normalised(image) for image, _ in pairs]
    return planes, [fill_label_holes(one.astype(np.int32)) for one in labels]


def varied(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both flipped and turned, and the image in other intensities: StarDist's example."""
    turns = RANDOM.integers(4)
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if RANDOM.integers(2):
        image, labels = image[::-1], labels[::-1]
    image = image * RANDOM.uniform(0.6, 2) + RANDOM.uniform(-0.2, 0.2)
    return image + 0.02 * RANDOM.uniform() * RANDOM.normal(0, 1, image.shape), labels


def trained(options: argparse.Namespace) -> None:
    os.sched_setaffinity(0, {options.core})
    before = time.process_time()
    import keras
    from stardist.models import Config2D, StarDist2D

    state = options.out / STATE
    done = json.loads(state.read_text()) if state.is_file() else {"minutes": 0.0, "steps": 0}
    first = done["minutes"]

    def minutes() -> float:
        return first + (time.process_time() - before) / 60

    class Time(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            share = min(1.0, minutes() / options.minutes)
            self.model.optimizer.learning_rate.assign(RATE * (1 + np.cos(np.pi * share)) / 2)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            done["steps"] += 100
            done["minutes"] = minutes()
            print(f"{minutes():.1f} min", done["steps"], logs, flush=True)
            model.keras_model.save_weights(str(options.out / "weights_now.h5"))
            state.write_text(json.dumps(done))
            if minutes() >= min(options.minutes, first + options.sitting):
                self.model.stop_training = True

    if first:
        model = StarDist2D(None, name=options.out.name, basedir=str(options.out.parent))
        model.load_weights("weights_now.h5")
    else:
        config = Config2D(
            n_rays=32,
            grid=(2, 2),
            n_channel_in=1,
            train_patch_size=(256, 256),
            train_batch_size=4,
            train_learning_rate=RATE,
            train_reduce_lr=None,
            train_tensorboard=False,
        )
        model = StarDist2D(config, name=options.out.name, basedir=str(options.out.parent))
    parts = [read(part) for part in ready_models.divide(options.data)]
    model.prepare_for_training()
    model.callbacks.append(Time())
    model.train(*parts[0], validation_data=parts[1], augmenter=varied, epochs=10_000)
    if done["minutes"] >= options.minutes:
        model.optimize_thresholds(*parts[1])


def scored(options: argparse.Namespace) -> None:
    from stardist.models import StarDist2D

    model = StarDist2D(None, name=options.out.name, basedir=str(options.out.parent))
    validation = ready_models.divide(options.data)[1]
    for on, pairs in ("validation", validation), ("nuclei/test", ready_models.tests()):
        found = ((labels, model.predict_instances(normalised(i))[0]) for i, labels in pairs)
        print(ready_models.pooled(found, on, "stardist").model_dump_json(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("train", help="train, or go on with the training")
    one.add_argument("--minutes", type=float, default=78, help="of all sittings together")
    one.add_argument("--sitting", type=float, default=1e9, help="minutes after which this one ends")
    one.add_argument("--core", type=int, default=0, help="the core that it runs on")
    one.set_defaults(run=trained)
    two = commands.add_parser("score", help="score it on the validation and the other images")
    two.set_defaults(run=scored)
    for each in one, two:
        each.add_argument("--data", type=Path, default=ready_models.DATA, help="images and masks")
        each.add_argument("--out", type=Path, required=True, help="the model's folder")
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
