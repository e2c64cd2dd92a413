"""The networks by their names, as config.json and the training's settings say them."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import ValidationError

from imagej_dl.errors import UserError
from imagej_dl.models.networks.base import Network
from imagej_dl.models.networks.mobilenet_unets import MobileUNet, MobileUNetLstm, UNetLstm
from imagej_dl.models.networks.suite_unets import (
    CategoricalUNet,
    CategoricalUNetFc,
    CategoricalUNetFcDil,
    CategoricalUNetTranspose,
    UNetSuite,
)
from imagej_dl.models.networks.unet import UNet

Name = Literal[
    "unet",
    "unet_suite",
    "categorical_unet",
    "categorical_unet_fc",
    "categorical_unet_fc_dil",
    "categorical_unet_transpose",
    "mobilenet_mobileunet",
    "mobilenet_mobileunet_lstm",
    "unet_lstm",
]

NETWORKS: dict[str, type[Network]] = dict(
    zip(
        get_args(Name),
        (
            UNet,
            UNetSuite,
            CategoricalUNet,
            CategoricalUNetFc,
            CategoricalUNetFcDil,
            CategoricalUNetTranspose,
            MobileUNet,
            MobileUNetLstm,
            UNetLstm,
        ),
        strict=True,
    )
)
"""`unet` is Fluffy's, `unet_suite` the `unet` of microscopy-dl-suite-tf; the others are its own."""


def network(name: str, arguments: dict[str, Any]) -> Network:
    """Return the network of this name with these arguments.

    Raises
    ------
    UserError : for a name that is not known, or arguments that the network has not.
    """
    if name not in NETWORKS:
        raise UserError(
            f"there is no network called {name}", remedy=f"There are {', '.join(NETWORKS)}."
        )
    try:
        return NETWORKS[name].model_validate(arguments)
    except ValidationError as error:
        known = NETWORKS[name].model_fields
        raise UserError.of_validation(
            error,
            known,
            "arguments",
            prefix=f"the network {name} cannot be built with ",
            remedy=f"Its arguments are {', '.join(known)}.",
        ) from error


def takes(name: str) -> set[str]:
    """Return the names of a network's arguments."""
    return set(NETWORKS[name].model_fields) if name in NETWORKS else set()
