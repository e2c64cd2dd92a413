"""The networks by their names, as config.json and the training's settings have them.

Every class in a module of this folder that declares its `name` is one: a new network is a module.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from imagej_dl.errors import UserError
from imagej_dl.models import networks
from imagej_dl.models.networks.base import Network

DEFAULT = "unet"
"""The network of a training that names none."""


def _found() -> dict[str, type[Network]]:
    """Return the classes by their names, the default first, the others in alphabetical order."""
    found: dict[str, type[Network]] = {}
    for item in pkgutil.iter_modules(networks.__path__, f"{networks.__name__}."):
        if item.name == __name__:
            continue
        for value in vars(import_module(item.name)).values():
            network = isinstance(value, type) and issubclass(value, Network)
            if network and value.__module__ == item.name and "name" in vars(value):
                if value.name in found:
                    raise ValueError(f"two networks are called {value.name}")
                found[value.name] = value
    return dict(sorted(found.items(), key=lambda pair: (pair[0] != DEFAULT, pair[0])))


NETWORKS = _found()
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
