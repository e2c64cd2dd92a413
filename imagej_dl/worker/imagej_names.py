"""Messages for a user of ImageJ: options and commands by the names that they have there.

Messages are written for a shell (`--overwrite`, `imagej-dl labels`). Here they are rewritten for
the door that the command came through: a dialog, with the labels that it shows, or a macro, with
its keys. What does not exist in ImageJ is marked as for a terminal.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

from imagej_dl import commands
from imagej_dl.commands import menu
from imagej_dl.commands.base import WrongValues
from imagej_dl.errors import UserError

Door = Literal["dialog", "macro"]

# `pip install --force-reinstall …` is a terminal's, whole.
_TERMINAL = re.compile(r"pip install [^;]*|xvfb-run\b[^;.]*")
_COMMAND = re.compile(r"(?P<tick>`)?imagej-dl (?P<name>[a-z][a-z-]*)(?P<rest>(?<=.)[^`]*`)?")
_OPTION = re.compile(
    r"(?P<verb>\b(?:[Pp]ass|[Uu]se|[Ww]ith|[Ll]eave|[Nn]ame it with|[Ss]ay with) )?"
    r"(?<![\w/.-])--(?P<name>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)"
    r"(?: (?P<value>[A-Z]{2,}\b(?:\.\w+)?|[0-9]+\b|embedded\b|all\b|model\b))?"
    r"(?P<out> out\b)?"
)
_AXES = re.compile(r"[^.;,()]*--(?:image-)?axes(?: [A-Z]+)?(?:, for instance --axes [A-Z]+)?")
_PROPERTIES = "set the axes in ImageJ's Image > Properties..., and save the image again"
# Of the settings for all commands, those that a remedy may name.
_SETTINGS = ("tile", "device")


def spoken(text: str, command: str, door: Door) -> str:
    """Rewrite a message for those who gave `command` through this door."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    text = _TERMINAL.sub(keep, text)
    text = _COMMAND.sub(_command, text)
    if "axes" not in _fields(command):
        text = _AXES.sub(_properties, text)
    text = _OPTION.sub(lambda match: _option(match, command, door), text)
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)


def error(error: UserError, command: str, door: Door) -> str:
    """Return what is wrong, and what to do about it through this door."""
    if not isinstance(error, WrongValues):
        return spoken(str(error), command, door)
    parts = []
    for key, words in error.wrong:
        parts.append(f"{_name(command, key, door)}: {spoken(words, command, door)}")
    if door == "dialog":
        return f"{menu.MENU.get(command, command)}: " + "; ".join(parts)
    return "; ".join(parts) + (f". {error.remedy}" if error.remedy else "")


def _command(match: re.Match[str]) -> str:
    name, rest = match["name"], match["rest"] or ""
    if name not in commands.TABLE:
        return match[0]
    if name in menu.MENU:
        return menu.MENU[name] + ("" if match["tick"] else rest)
    whole = match[0] if match["tick"] else f"`imagej-dl {name}`{rest}"
    return f"{whole} in a terminal"


def _properties(match: re.Match[str]) -> str:
    words = match[0].lstrip()
    return match[0][: len(match[0]) - len(words)] + _as(words, _PROPERTIES)


def _option(match: re.Match[str], command: str, door: Door) -> str:
    verb, value, out = match["verb"] or "", match["value"], match["out"] or ""
    key = match["name"].replace("-", "_")
    field = _fields(command).get(key)
    bare = verb.strip().lower()
    if field is None:
        return _elsewhere(match, key)
    switch = field["type"] == "bool"
    if door == "macro":
        said = f"{key}={value}" if value and not out else key
        if bare == "pass":
            return _as(verb, f"add {said}")
        if bare == "with" and not switch and not value:
            return _as(verb, f"with the key {said}")
        return verb + said + out
    label = field["label"]
    if switch:
        if bare in ("pass", "use"):
            return _as(verb, f"tick {label}")
        if bare == "with":
            return _as(verb, f"with {label} ticked")
        return _as(verb, f"untick {label}") if out else verb + label
    said = f"{label} {value}" if value else label
    if bare == "pass":
        return _as(verb, f"set {label} to {value}" if value else f"fill in {label}")
    if bare == "leave":
        return _as(verb, f"leave {label} as it was")
    if bare in ("with", "name it with", "say with"):
        words = verb.strip()[:-4].strip() if bare != "with" else ""
        where = f"with {said}" if value else f"in the field {label}"
        return _as(verb, f"{words} {where}".strip())
    return verb + said + out


def _elsewhere(match: re.Match[str], key: str) -> str:
    """Name an option that the command does not have in ImageJ."""
    verb = match["verb"] or ""
    if key in _SETTINGS:
        return f"{verb}{_fields('settings')[key]['label']} in {menu.MENU['settings']}"
    value = f" {match['value']}" if match["value"] else ""
    return f"{verb}{key}{value}{match['out'] or ''} (in a terminal)"


def _as(verb: str, words: str) -> str:
    """Capitalise `words` where the text they replace began with a capital letter."""
    return words[0].upper() + words[1:] if verb[:1].isupper() else words


def _name(command: str, key: str, door: Door) -> str:
    first = key.split(".")[0]
    if door == "macro" or first not in _fields(command):
        return key
    return str(_fields(command)[first]["label"])


@cache
def _fields(command: str) -> dict[str, dict[str, Any]]:
    declaration = commands.load(command)
    return {key: menu.field(declaration, key) for key in declaration.model_fields}
