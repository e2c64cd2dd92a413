"""The work of a worker: one job."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from imagej_dl import __version__
from imagej_dl.errors import UserError


def perform(function: str, arguments: dict[str, Any], version: str) -> dict[str, Any]:
    """Do a job; return the fields of its :class:`.Outcome`.

    Parameters
    ----------
    function, arguments : of the :class:`.Job`.
    version : of the imagej-dl that asks for it.
    """
    heard: list[str] = []
    try:
        if version != __version__:
            raise UserError(
                f"a worker has imagej-dl {__version__}, and this is {version}",
                remedy="Install the same version in the environment of the workers, and start "
                "them again.",
            )
        module, name = function.split(":")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                value = getattr(import_module(module), name)(**arguments)
            finally:
                heard = [str(one.message) for one in caught if _is_ours(one)]
    except UserError as error:
        facts = {"problem": error.problem, "path": error.path, "remedy": error.remedy}
        return {"warnings": heard, "error": facts}
    return {"value": value, "warnings": heard}


def _is_ours(one: warnings.WarningMessage) -> bool:
    from imagej_dl.errors import DataWarning

    return issubclass(one.category, DataWarning)
