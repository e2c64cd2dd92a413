"""From the suite's keys to the parameters of our own commands."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.methods import registry
from imagej_dl.methods.base import Method
from imagej_dl.models.networks.registry import takes
from imagej_dl.suite.config import SuiteConfig
from imagej_dl.suite.data import items
from imagej_dl.suite.intensities import normalisation
from imagej_dl.suite.paths import inference_weights, pretrained, there
from imagej_dl.training.settings import EARLIER

_ONE = ("binary_cce", "weighted_bce", "weighted_bce_dice")
_LOGGED = ("accuracy", "acc", "jaccard", "dice")
_SEVERAL = ("sparse_cce", "categorical_cce", "multiple_output", "weighted_bce_dice")

AUGMENTATION = {
    "rotation": 30,
    "shear": 0.2,
    "zoom": 1.25,
    "gamma": 1,
    "contrast": 0,
    "brightness": 0,
    "noise": 0,
}
"""The suite varies patches always so."""


def train_values(config: SuiteConfig, *, elsewhere: bool = False) -> dict[str, Any]:
    """Return the parameters of `imagej-dl train` that say the same as a configuration.

    What the suite ignored is honoured: the loss of its MobileNets, the weights of categories in
    categorical_cce. Where a key cannot be followed the error, or a DataWarning, says so.

    Parameters
    ----------
    elsewhere : whether the folders are another machine's, so need not be here.

    Raises
    ------
    UserError : for keys that cannot be followed, and folders or a table of videos that are not
        there: before the training, not after it.
    """
    if config.TRAINPATH is None:
        raise UserError("TRAINPATH is missing: it names the folder to train on")
    if not elsewhere:
        there(config, "TRAINPATH", "VALPATH", "TESTPATH", "PATH2VIDEOS")
    if "tips" in config.datagen_type:
        raise UserError(
            "datagen_type: tips of protrusions are not supported",
            remedy="Write segmentation or contours.",
        )
    if config.model_padding != "same":
        raise UserError(
            "model_padding: valid makes the result smaller than the image, and tiles do not fit",
            remedy='Write "same": tiles overlap by the receptive field here, so edges are right.',
        )
    _metrics(config)
    method, loss = _method(config)
    side = max(config.datagen_dim_size)
    if len(set(config.datagen_dim_size)) > 1:
        warn(f"datagen_dim_size: patches are square; {side} px are used")
    settings = {
        "network": _network(config),
        "frames": _frames(config) if config.recurrent else None,
        "dropout": config.model_dropout,
        "loss": loss,
        "class_weights": _weights(config, method, loss),
        "weight_map": "unet" if loss == "weighted_bce" else "none",
        "schedule": "plateau",
        "plateau": config.callbacks_patience,
        "steps": _steps(config),
        "per_image": config.datagen_patch_batch,
        "sampling_pdf": config.datagen_sampling_pdf,
        "seed_weights": config.model_seed_initializer,
        "pretrained": pretrained(config),
        "normalisation": normalisation(config),
        "augmentation": AUGMENTATION,
        "log_every": config.callbacks_tb_update_freq,
    }
    values: dict[str, Any] = {
        "project": str(config.TRAINPATH),
        "validation_folder": config.VALPATH and str(config.VALPATH),
        "test_folder": config.TESTPATH and str(config.TESTPATH),
        "videos": config.PATH2VIDEOS and str(config.PATH2VIDEOS),
        "out": str(config.OUTPUTPATH),
        "architecture": config.architecture,
        "kind": method.name,
        "epochs": config.train_max_epochs,
        "patience": config.train_max_epochs,
        "patch": side,
        "batch": config.datagen_batch_size * config.datagen_patch_batch,
        "learning_rate": config.model_lr,
        "depth": config.model_pools if "depth" in takes(config.architecture) else None,
        "width": config.model_n_filters,
        **EARLIER,
        "seed": config.train_seed_initializer,
        "tensorboard": find_spec("tensorboard") is not None,
        "checkpoints": None if config.callbacks_save_best_only else config.callbacks_save_freq,
        "settings": {key: value for key, value in settings.items() if value is not None},
    }
    return {key: value for key, value in values.items() if value is not None}


def predict_values(config: SuiteConfig, *, elsewhere: bool = False) -> dict[str, Any]:
    """Return the parameters of `imagej-dl predict`; all as in :func:`train_values`."""
    source = config.newinfer_data or config.TESTPATH
    if source is None:
        raise UserError(
            "newinfer_data and TESTPATH are missing: one of them must name the images to predict"
        )
    if not elsewhere:
        there(config, "newinfer_data" if config.newinfer_data else "TESTPATH", "PATH2VIDEOS")
    values: dict[str, Any] = {
        "model": str(config.OUTPUTPATH),
        "images": [str(source)],
        "out": str(config.OUTPUTPATH / config.newinfer_output_folder_name),
        "videos": config.PATH2VIDEOS and str(config.PATH2VIDEOS),
        "halo": _halo(config),
        "weights": inference_weights(config),
    }
    return {key: value for key, value in values.items() if value is not None}


def test_values(config: SuiteConfig, model: Path) -> dict[str, Any]:
    """Return the parameters that predict TESTPATH with a trained model; none without TESTPATH."""
    if config.TESTPATH is None:
        return {}
    values = {
        "model": model,
        "images": [config.TESTPATH],
        "out": model / "test_output",
        "videos": config.PATH2VIDEOS,
        "halo": _halo(config),
        "overwrite": True,
    }
    return {key: value for key, value in values.items() if value is not None}


def _frames(config: SuiteConfig) -> int:
    if config.recurrent and config.model_time_windows < 2:
        warn("model_time_windows: a recurrent network needs at least 2 frames; 2 are used")
    return max(config.model_time_windows, 2)


def _halo(config: SuiteConfig) -> int | None:
    return max(config.newinfer_padding) if config.newinfer_padding else None


def _steps(config: SuiteConfig) -> int | None:
    """Return the batches of an epoch that shows each plane once, as the suite's do.

    (Of a video the suite shows one window an epoch.)
    """
    try:
        found = items(config.TRAINPATH or Path())
        sizes = [images.read(str(item.image), mapped=True).sizes for item in found]
    except UserError:
        return None  # the training will say what is wrong with the folder
    planes = sum(size.get("T", 1) * size.get("Z", 1) for size in sizes)
    batch = config.datagen_batch_size * config.datagen_patch_batch
    return max(1, -(-planes // batch))


def _method(config: SuiteConfig) -> tuple[Method, str]:
    loss, one = config.model_lossfunction, config.architecture == "unet_suite"
    known, instead = (_ONE, "binary_cce") if one else (_SEVERAL, "categorical_cce")
    if loss not in known:
        warn(
            f"model_lossfunction: {loss} is not available for {config.cnn_name}; {instead} "
            f"is used (known are {', '.join(known)})"
        )
        loss = instead
    activation = config.model_last_activation
    if loss.startswith("weighted_bce") and activation != "sigmoid":
        warn(f"model_last_activation: {activation} does not give probabilities; sigmoid is used")
    if one:
        return registry.of_suite("mask"), loss
    contours = "contour" in config.datagen_type
    return registry.of_suite("contours" if contours else "categories"), loss


def _weights(config: SuiteConfig, method: Method, loss: str) -> list[float] | None:
    if loss not in ("categorical_cce", "multiple_output"):
        return None
    given = list(config.model_category_weights)
    if len(given) == 2 < len(method.channels):
        warn("model_category_weights: contours get the class weight of the cells")
        given.append(given[-1])
    return given


def _network(config: SuiteConfig) -> dict[str, Any]:
    known = takes(config.architecture)
    arguments = {
        "kernel_size": list(config.model_kernel_size),
        "dilation_rate": config.model_dilation_rate,
        "alpha": config.model_mobile_alpha,
        "activation": config.model_activation,
        "kernel_initializer": config.model_kernel_initializer,
        "batch_norm": config.model_batch_norm,
        "frozen": config.model_train_decoder_only,
    }
    return {name: value for name, value in arguments.items() if name in known}


def _metrics(config: SuiteConfig) -> None:
    given = config.model_metrics
    others = [
        name for name in ([given] if isinstance(given, str) else given) if name not in _LOGGED
    ]
    if others:
        warn(
            f"model_metrics: {', '.join(others)} is not measured; log.csv has accuracy, Jaccard "
            "index and Dice coefficient"
        )
