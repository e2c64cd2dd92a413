"""The choice of the devices that train a network: one, several, or those of several machines."""

from __future__ import annotations

from imagej_dl.errors import UserError
from imagej_dl.models import backend
from imagej_dl.training.devices import SingleDevice
from imagej_dl.training.distributed import strategy, tf_config


def select(*, several: bool = True) -> SingleDevice:
    """Return the devices that the user's settings and TF_CONFIG name.

    Waits for the machines that TF_CONFIG names.

    Raises
    ------
    UserError : for an invalid TF_CONFIG or, unless `several`, one that names other machines.
    """
    task = tf_config.task()
    if task is not None and len(task.addresses) > 1:
        if not several:
            raise UserError(
                "TF_CONFIG names several machines, which a search does not use",
                remedy="Unset it, and start the search on each with --storage and --worker.",
            )
        return strategy.connect(task)
    names = backend.together()
    return strategy.mirrored(tuple(names)) if len(names) > 1 else SingleDevice()
