"""ImageJ's menu Plugins > ImageJ-DL: which commands are in it, and what their dialogs ask.

The labels are the commands' names in macros, the fields' names the macro keys: both are public
and never change (tests/commands/test_menu.py holds them).
"""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic_core import to_jsonable_python

from imagej_dl import commands
from imagej_dl.commands.base import Command, Shown

MENU = {name: entry.menu for name, entry in commands.TABLE.items() if entry.menu}
"""The labels of the commands that are in the menu."""
_LABELS = {
    "rois": "ROIs",
    "roiset": "RoiSet",
    "json": "JSON file",
    "tensorboard": "TensorBoard",
}
SEPARATOR = ";"
"""Between the paths of a key that takes several."""


def describe(name: str) -> dict[str, Any]:
    """Describe a command for ImageJ's dialog: label, help, and fields in their order.

    A field has key, label, type (text, int, float, bool, choice, file, folder), choices,
    default (None: nothing), required, several, unit, advanced, help, and of :class:`Shown`
    needed, empty, once, gives, shares, offers and opened. `holds`: the command sets what holds from
    then on.
    """
    declaration = commands.load(name)
    return {
        "name": name,
        "label": MENU[name],
        "summary": commands.TABLE[name].summary,
        "help": declaration.__doc__ or "",
        "holds": declaration.holding() is not None,
        "fields": [field(declaration, key) for key in declaration.model_fields],
    }


def parse(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a macro or a dialog gave, with the words of lists apart and blanks left out.

    Without a screen ImageJ reads a macro's UTF-8 as Latin-1: such values are set right.
    """
    fields = commands.load(name).model_fields
    values: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, str):
            value = _as_written(value.strip())
            if not value:
                continue
            if key in fields and _kind(fields[key].annotation)[1]:
                value = [part.strip() for part in value.split(SEPARATOR) if part.strip()]
        values[key] = value
    return values


def _as_written(value: str) -> str:
    """Return a value whose UTF-8 was read as Latin-1 (Ã¤ for ä) as it stands in the macro."""
    try:
        meant = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
    return value if meant == value or os.path.lexists(value) else meant


def field(declaration: type[Command], key: str) -> dict[str, Any]:
    """Describe a field of a command; see :func:`describe`."""
    declared = declaration.model_fields[key]
    shown = next((mark for mark in declared.metadata if isinstance(mark, Shown)), Shown())
    kind, several, choices = _kind(declared.annotation)
    default = None if declared.is_required() else declared.get_default(call_default_factory=True)
    return {
        "key": key,
        "label": shown.label or _LABELS.get(key) or key.replace("_", " ").capitalize(),
        "type": shown.path if kind == "path" else kind,
        "choices": choices,
        "default": None if default == [] else to_jsonable_python(default),
        "required": declared.is_required(),
        "needed": declared.is_required() or shown.needed,
        "several": several,
        "unit": shown.unit,
        "advanced": shown.advanced,
        "empty": shown.empty,
        "once": shown.once,
        "gives": shown.gives,
        "shares": shown.takes,
        "offers": list(shown.offers()),
        "opened": shown.opened,
        "help": declared.description or "",
    }


def _kind(annotation: Any) -> tuple[str, bool, list[str]]:
    """Return a field's type, whether it takes several, and its choices."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "choice", False, [str(arg) for arg in args]
    if origin in (list, tuple):
        return _kind(args[0])[0], True, []
    if origin in (Union, types.UnionType):
        return _kind(next(arg for arg in args if arg is not type(None)))
    names: dict[Any, str] = {bool: "bool", int: "int", float: "float", Path: "path"}
    return names.get(annotation, "text"), False, []
