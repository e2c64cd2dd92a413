"""Run by the Python that has StarDist; see serve.py for how it is asked."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from csbdeep.utils import normalize
from serve import Arrays, Refused, Teller, Values, examples, main
from stardist import __version__, fill_label_holes
from stardist.models import Config2D, StarDist2D

_models: dict[Any, Any] = {}
_random = [np.random.default_rng()]


def load(folder: str) -> Any:
    """Open a model's folder, once."""
    if folder not in _models:
        basedir, name = os.path.split(folder)
        _models[folder] = StarDist2D(None, name=name, basedir=basedir)
    return _models[folder]


def normalised(image: np.ndarray, settings: Values) -> np.ndarray:
    """Normalise a plane as StarDist's own command does, each channel on its own."""
    return normalize(image, settings["pmin"], settings["pmax"], axis=(0, 1))


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    model, settings = load(values["model"]), values["settings"]
    image = arrays["image"]
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != model.config.n_channel_in:
        raise Refused(
            f"the model takes {model.config.n_channel_in} channel(s), the image has {channels}"
        )
    axes = "YX" if image.ndim == 2 else "YXC"
    image = normalised(image, settings)
    tiles = settings["n_tiles"]
    how = {key: settings[key] for key in ("prob_thresh", "nms_thresh", "scale")}
    if max(image.shape[:2]) > settings["block_size"]:
        block = [min(settings["block_size"], side) for side in image.shape[:2]]
        overlap = [min(settings["min_overlap"], side // 4) for side in block]
        more = {"n_tiles": (*tiles, 1)[: image.ndim]} if tiles else {}
        tell.note(f"block by block of {settings['block_size']} px")
        labels, found = big(model, image, axes, block, overlap, {**how, **more})
    else:
        n_tiles = (*tiles, 1)[: image.ndim] if tiles else None
        labels, found = model.predict_instances(
            image, axes=axes, n_tiles=n_tiles, show_tile_progress=False, **how
        )
    return {"labels": labels}, {"objects": len(found["prob"])}


def big(
    model: Any, image: np.ndarray, axes: str, block: list[int], overlap: list[int], how: Values
) -> tuple[np.ndarray, Values]:
    """Predict a large image with StarDist's own `predict_instances_big`."""
    more = [0] * (image.ndim - 2)
    if how.get("scale") is None:
        how.pop("scale", None)
    try:
        return model.predict_instances_big(
            image,
            axes=axes,
            block_size=[*block, *(image.shape[2:])],
            min_overlap=[*overlap, *more],
            show_progress=False,
            show_tile_progress=False,
            **how,
        )
    except AssertionError:
        size = " × ".join(str(side) for side in image.shape[:2])
        raise Refused(
            f"an image of {size} px cannot be divided into blocks of {block[0]} × {block[1]} px",
            "Set a larger block_size, or a smaller min_overlap.",
        ) from None


def train(arrays: Arrays, values: Values, tell: Teller) -> tuple[Arrays, Values]:
    settings = values["settings"]
    parts = {}
    for part in ("", "validation_"):
        images, labels = examples(arrays, values, part)
        parts[part] = [normalised(image, settings) for image in images], labels
    images, labels = parts[""]
    channels = 1 if images[0].ndim == 2 else images[0].shape[2]
    names = ["n_rays", "grid", "unet_n_depth", "unet_n_filter_base", "train_patch_size"]
    names += ["train_batch_size", "train_epochs", "train_steps_per_epoch", "train_learning_rate"]
    chosen = {name: settings[name] for name in names}
    chosen["train_patch_size"] = fitting(images, chosen, tell)
    basedir, name = os.path.split(values["out"])
    if values["start"]:
        begun = load(values["start"])
        kept = dict(vars(begun.config))
        kept.update({k: v for k, v in chosen.items() if k.startswith("train_")})
        model = StarDist2D(Config2D(**kept), name=name, basedir=basedir)
        model.keras_model.set_weights(begun.keras_model.get_weights())
        del _models[values["start"]]
    else:
        config = Config2D(
            n_channel_in=channels,
            axes="YX" if channels == 1 else "YXC",
            train_tensorboard=False,
            **chosen,
        )
        model = StarDist2D(config, name=name, basedir=basedir)
    _random[0] = np.random.default_rng(settings["seed"])
    labels = [truth if truth.min() < 0 else fill_label_holes(truth) for truth in labels]
    model.prepare_for_training()
    model.callbacks.append(_progress(settings["train_epochs"], tell))
    history = model.train(
        images,
        labels,
        validation_data=parts["validation_"],
        augmenter=augmented if settings["augment"] else None,
        seed=settings["seed"],
    )
    tell.progress("thresholds", 0, 1)
    held = parts["validation_"]
    model.optimize_thresholds(held[0], [np.maximum(truth, 0) for truth in held[1]])
    losses = [float(v) for v in history.history["val_loss"]]
    return {}, {"model": "", "validation loss": min(losses)}


def fitting(images: list[np.ndarray], chosen: Values, tell: Teller) -> list[int]:
    """Return the size of patches: as asked for, or as the smallest image allows."""
    least = [min(image.shape[axis] for image in images) for axis in (0, 1)]
    wanted, step = chosen["train_patch_size"], 2 ** chosen["unet_n_depth"] * max(chosen["grid"])
    size = [min(w, s // step * step) if s < w else w for w, s in zip(wanted, least, strict=True)]
    if min(size) < step:
        raise Refused(f"the smallest image, {least[0]} × {least[1]} px, is too small")
    if size != list(wanted):
        tell.warning(f"patches of {size[0]} × {size[1]} px, since an image is that small")
    return size


def augmented(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flip, turn and change the intensities of a patch, as in StarDist's examples."""
    turns, flipped = int(_random[0].integers(4)), _random[0].random() < 0.5
    # A patch that is not square keeps its shape: half turns only.
    turns = turns if image.shape[0] == image.shape[1] else 2 * (turns // 2)
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if flipped:
        image, labels = image[::-1], labels[::-1]
    image = image * _random[0].uniform(0.6, 2) + _random[0].uniform(-0.2, 0.2)
    image = image + 0.02 * _random[0].random() * _random[0].normal(size=image.shape)
    return image.astype(np.float32), labels


def _progress(epochs: int, tell: Teller) -> Any:
    from keras.callbacks import Callback

    class Told(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            tell.progress("train", epoch + 1, epochs)
            tell.note(f"val_loss {logs['val_loss']:.4f}")

    return Told()


if __name__ == "__main__":
    main(lambda: __version__, load=opened, segment=segment, train=train)
