"""The options of commands that can have an engine of others do the work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from imagej_dl.commands import unused
from imagej_dl.commands.base import Command, Shown
from imagej_dl.engines import registry
from imagej_dl.errors import UserError

if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[registry.names()]

EngineName = Annotated[Name | None, Shown("Engine of others", empty="imagej-dl")]
EngineSettings = Annotated[
    str | dict[str, Any] | None,
    Shown("Settings of the engine", advanced=True, empty="its defaults"),
]
EnginePython = Annotated[
    Path | None, Shown("Python of the engine", advanced=True, empty="as in engines")
]


def engine_settings(example: str) -> Any:
    """Declare the settings of an engine, as JSON."""
    return Field(
        None,
        description=f"Settings of the engine as JSON, such as {example}; names, units and defaults "
        "are the engine's own (`imagej-dl engines show NAME`).",
    )


def engine_python() -> Any:
    """Declare the Python of an engine."""
    return Field(
        None,
        description="The Python of the environment in which the engine is installed. Without it "
        "that of `imagej-dl engines`, or the one that a variable such as "
        "IMAGEJ_DL_CELLPOSE_PYTHON names.",
    )


def settings_given(settings: str | dict[str, Any] | None) -> dict[str, Any]:
    """Return the settings of an engine, which a command takes as JSON or an object."""
    return json_object("engine_settings", settings, '{"prob_thresh": 0.5}')


def json_object(key: str, given: str | dict[str, Any] | None, example: str) -> dict[str, Any]:
    """Return the values of a key that takes JSON or an object; UserError names the key."""
    if not isinstance(given, str):
        return given or {}
    try:
        values = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{key}: is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise UserError(f"{key}: must be one JSON object, such as {example}")
    return values


def refuse_others(command: Command, allowed: set[str], label: str) -> None:
    """Raise UserError for what is set, and is only for our own models."""
    unused.refuse(
        command,
        [name for name in type(command).model_fields if name not in allowed],
        f"for models of imagej-dl, not for {label}",
        remedy="Leave it out; the engine's own settings are in --engine-settings.",
    )


def refuse_settings(command: Command) -> None:
    """Raise UserError for settings, or the Python, of an engine where none does the work."""
    for name, verb, them in (("engine_settings", "are", "them"), ("engine_python", "is", "it")):
        unused.refuse(
            command,
            [name],
            f"{verb} for an engine of others, and none is named",
            remedy=f"Name it with --engine, or leave {them} out.",
        )
