"""Run by the Python that has CAREamics; see serve.py for how it is asked."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
from careamics import CAREamist
from careamics.config import create_advanced_n2v_config
from careamics.lightning.utils import load_config_from_checkpoint
from lightning.pytorch import Callback
from serve import Arrays, Refused, Teller, Values, main

_FILE = "careamics.ckpt"
_ALGORITHMS = ("n2v", "n2n", "care")
_models: dict[Any, Any] = {}


def load(path: str, accelerator: str) -> Any:
    """Open a checkpoint, once. It holds tensors and plain values; anything else is refused."""
    if (path, accelerator) not in _models:
        check(path, checkpoints.opened(path))
        config = load_config_from_checkpoint(Path(path))
        # Those of the training name its own GPUs.
        config.training_config.trainer_params = {"accelerator": accelerator, "devices": 1}
        _models[path, accelerator] = CAREamist(
            config, work_dir=os.getcwd(), enable_progress_bar=False
        )
    return _models[path, accelerator]


def check(path: str, state: Any) -> None:
    """Refuse what is no checkpoint of CAREamics, or of no network for grey planes."""
    try:
        algorithm = state["hyper_parameters"]["algorithm_config"]
        name, network = algorithm["algorithm"], algorithm["model"]
        depth, channels = network.get("conv_dims", 2), network.get("in_channels", 1)
    except (KeyError, TypeError, AttributeError):
        raise Refused(f"{path} is no checkpoint of CAREamics") from None
    if name not in _ALGORITHMS:
        raise Refused(f"models of {name} are not predicted here, only {', '.join(_ALGORITHMS)}")
    if depth != 2:
        raise Refused("the model is for volumes, and planes are predicted here")
    if channels != 1:
        raise Refused(f"the model takes {channels} channels, and grey images are predicted here")


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the model, so that what is wrong with it is told before the first image."""
    load(values["model"], values["settings"]["accelerator"])
    return {}


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    """Denoise a plane."""
    settings, image = dict(values["settings"]), arrays["image"]
    engine = load(values["model"], settings.pop("accelerator"))
    if settings["tile_size"] is None:
        settings |= tiles(image.shape, 2**engine.config.algorithm_config.model.depth, settings)
    found, _ = engine.predict(
        image,
        axes="YX",
        output_axes="YX" if engine.config.data_config.target_axes else None,  # none of N2V
        data_type="array",
        num_workers=0,
        checkpoint=values["model"],
        **settings,
    )
    return {"image": np.asarray(found[0], np.float32).reshape(image.shape)}


def tiles(shape: tuple[int, ...], step: int, settings: Values) -> Values:
    """Return tiles for an image whose sides are no multiples of `step`; CAREamics takes squares.

    They are as large as fits, so that nothing is padded, and overlap by what they must at least.
    """
    if all(side % step == 0 for side in shape):
        return {}
    side = min(shape) // step * step
    if not side:
        raise Refused(f"an image of {shape[1]} × {shape[0]} px is too small for this network")
    overlap = [min(wanted, side // 4 * 2) for wanted in settings["tile_overlap"]]
    return {"tile_size": (side, side), "tile_overlap": overlap}


def fit(arrays: Arrays, values: Values, tell: Teller) -> tuple[Arrays, Values]:
    """Train Noise2Void on images alone."""
    settings = dict(values["settings"])
    if values["start"]:
        raise Refused("CAREamics starts from a new model here", "Leave --start out.")
    parts = [planes(arrays, values, part) for part in ("", "validation_")]
    least, side = min(min(plane.shape) for plane in parts[0]), settings["patch_size"][0]
    if least < side:
        raise Refused(
            f"an image is {least} px wide or high, and patches are {side} px",
            "Leave it out, or set a smaller patch_size.",
        )
    if settings["augmentations"] is None and settings["struct_n2v_axes"] != "none":
        settings["augmentations"] = []  # as `create_structn2v_config`: the noise has a direction
    network = {name: settings.pop(name) for name in ("depth", "num_channels_init")}
    config = create_advanced_n2v_config(
        experiment_name="careamics",
        data_type="array",
        axes="YX",
        num_workers=0,
        model_params=network,
        optimizer_params={"lr": settings.pop("lr")},
        trainer_params={"accelerator": settings.pop("accelerator"), "devices": 1},
        **settings,
    )
    epochs = Epochs(settings["num_epochs"], tell)
    engine = CAREamist(config, work_dir=os.getcwd(), callbacks=[epochs], enable_progress_bar=False)
    engine.train(train_data=parts[0], val_data=parts[1])
    engine.trainer.save_checkpoint(os.path.join(values["out"], _FILE))
    return {}, {"model": _FILE, "validation loss": epochs.last}


def planes(arrays: Arrays, values: Values, part: str) -> list[np.ndarray]:
    """Return the images of a training; `part` is "validation_" for those that validate."""
    found = [arrays[f"{part}image_{number}"] for number in range(values[f"{part}count"])]
    if any(plane.ndim > 2 for plane in found):
        raise Refused("CAREamics is trained on grey images here")
    return [plane.astype(np.float32) for plane in found]


class Epochs(Callback):
    """Tell each epoch, and keep the last validation loss."""

    def __init__(self, epochs: int, tell: Teller) -> None:
        self.epochs, self.tell, self.last = epochs, tell, float("nan")

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        loss = trainer.callback_metrics.get("val_loss")
        if loss is None or trainer.sanity_checking:
            return
        self.last = float(loss)
        self.tell.progress("train", trainer.current_epoch + 1, self.epochs)
        self.tell.note(f"val_loss {self.last:.4f}")


if __name__ == "__main__":
    main(lambda: version("careamics"), load=opened, segment=segment, train=fit)
