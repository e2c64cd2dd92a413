"""The networks by their names, as config.json and the training's settings have them.

Every class in a module of this folder that declares its `name` is one: a new network is a module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from imagej_dl import registries
from imagej_dl.errors import UserError
from imagej_dl.models.networks.base import Network

DEFAULT = "unet"
"""The network of a training that names none."""


NETWORKS: dict[str, type[Network]] = registries.by_name(
    __package__, Network, order=lambda n: (n.name != DEFAULT, n.name)
)
"""`unet` is Fluffy's, `unet_suite` the `unet` of microscopy-dl-suite-tf, the others of the modules
`suite_unets` and `mobilenet_unets` have its names."""

if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[tuple(NETWORKS)]


def network(name: str, arguments: dict[str, Any]) -> Network:
    """Return the network of this name with these arguments.

    Raises
    ------
    UserError : for a name that is not known, or arguments that the network has not.
    """
    if name not in NETWORKS:
        raise UserError(
            f"there is no network called {name}", remedy=f"Known are {', '.join(NETWORKS)}."
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


def summaries() -> str:
    """Return the names and summaries of networks that have one, each after a semicolon."""
    return "".join(f"; {name}: {one.summary}" for name, one in NETWORKS.items() if one.summary)
