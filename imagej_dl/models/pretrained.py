"""Weights to begin a training with: ImageNet's by Keras, or those of a file."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError, first_line, warn
from imagej_dl.models import backend, suite_weights, trust
from imagej_dl.models.networks.base import Network
from imagej_dl.models.networks.mobilenet_unets import MobileUNet

IMAGENET = "imagenet"
_SUFFIXES = (".weights.h5", ".h5", ".hdf5", ".keras")


def initialise(model: Any, network: Network, source: str) -> None:
    """Load the weights that an untrained model begins with.

    Parameters
    ----------
    model : what `network.build()` returned.
    source : a file of weights of the whole network; "imagenet" for the encoder of a MobileNet,
        which Keras downloads and keeps; nothing when empty.

    Raises
    ------
    UserError : for a file that is not there, or not of this network.

    Warns
    -----
    DataWarning : when the ImageNet weights cannot be obtained: the network begins at random.
    """
    if source == IMAGENET:
        _imagenet(model, network)
    elif source:
        load_weights(model, Path(source))


def load_weights(model: Any, path: Path) -> None:
    """Read the weights of a whole network: a .keras, .weights.h5, .h5 or .hdf5 file.

    Those that microscopy-dl-suite-tf saved of its MobileNets are known.

    Raises
    ------
    UserError : when the file is not there, is none of these, or not of this network.
    """
    if not path.is_file():
        raise UserError("there is no such weights file", path=path)
    if not path.name.endswith(_SUFFIXES):
        raise UserError(
            "is not a weights file", path=path, remedy=f"Known are {', '.join(_SUFFIXES)}."
        )
    if zipfile.is_zipfile(path):
        trust.check_parts(path)
    theirs = None if path.suffix == ".keras" else suite_weights.read(path)
    try:
        if theirs is not None:
            suite_weights.assign(model, theirs)
            return
        with warnings.catch_warnings():
            # Of its own bookkeeping, which holds no weights beside those of the layers.
            warnings.filterwarnings("ignore", message="Skipping nested container")
            model.load_weights(path)
    except Exception as error:  # Keras and h5py raise whatever a damaged or foreign file makes.
        raise UserError(
            f"cannot be loaded into this network ({first_line(error)})",
            path=path,
            remedy="Weights fit only the network that they were saved from, with the same "
            "arguments.",
        ) from error


def _imagenet(model: Any, network: Network) -> None:
    if not isinstance(network, MobileUNet):
        _warn("Keras has no ImageNet weights for this network")
        return
    if not network.imagenet:
        _warn(
            "Keras has ImageNet weights for 1 or 3 channels and alpha .35, .5, .75, 1, 1.3, 1.4, "
            f"not for {network.channels} and {network.alpha:g}"
        )
        return
    keras = backend.keras()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no size of images was given
            encoder = keras.applications.MobileNetV2(
                include_top=False, alpha=network.alpha, weights="imagenet"
            )
    except Exception as error:  # Keras raises a bare Exception when the download fails.
        _warn(f"the ImageNet weights cannot be obtained ({first_line(error)})")
        return
    ours = model.get_layer("each_frame").layer if network.window > 1 else model
    names = {layer.name for layer in ours.layers}
    for layer in encoder.layers:
        if layer.name in names and layer.get_weights():
            ours.get_layer(layer.name).set_weights(layer.get_weights())


def _warn(words: str) -> None:
    warn(f"{words}: weights are initialised at random")
