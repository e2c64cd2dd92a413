"""The commands and their keys for the documentation: of ImageJ's menu, and of the command line.

`python -m imagej_dl.commands.reference docs/macros.md` brings the table in a document up to date;
`python -m imagej_dl.commands.reference` prints the page of the command line.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from imagej_dl import commands
from imagej_dl.commands import menu
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.filesystem.text import with_section

BEGIN, END = "<!-- keys: made by imagej_dl.commands.reference -->", "<!-- end of keys -->"
_INTRODUCTION = """\
# Commands

Each command takes its options from the command line, from a JSON file (`--from-json FILE`, keys
with `_` in place of `-`), and, where it is in ImageJ's menu, from a [macro](macros.md). Options on
the command line take precedence over those of the file. `imagej-dl COMMAND --help` says the same as
this page.
"""


def markdown() -> str:
    """Return a section for each command of the menu: its macro line's keys, what they mean."""
    return "\n".join(_section(menu.describe(name)) for name in menu.MENU)


def command_line() -> str:
    """Return the page of all commands of the command line, with their options."""
    return "\n".join([_INTRODUCTION, *(_command(name) for name in commands.TABLE)])


def updated(document: str) -> str:
    """Return a document with the sections between its two marks up to date."""
    return with_section(document, BEGIN, END, markdown())


def _section(command: dict[str, Any]) -> str:
    lines = [f"### {command['label']}", "", command["summary"], ""]
    rows = [(f"`{field['key']}`", field) for field in command["fields"]]
    return "\n".join([*lines, *_table("key", rows), ""])


def _command(name: str) -> str:
    declaration = commands.load(name)
    keys = list(declaration.model_fields)
    placed = [key for key in keys if declaration.is_positional(key)]
    usage = " ".join(["imagej-dl", name, *(key.upper() for key in placed), "[OPTIONS]"])
    lines = [f"## {name}", "", "```", usage, "```", "", inspect.getdoc(declaration) or "", ""]
    rows = []
    for key in keys:
        field, dashed = menu.field(declaration, key), key.replace("_", "-")
        option = key.upper() if key in placed else f"--{dashed}"
        if field["type"] == "bool" and field["default"]:
            option += f", --no-{dashed}"
        rows.append((f"`{option}`", field))
    return "\n".join([*lines, *(_table("option", rows) if rows else []), ""])


def _table(first: str, rows: list[tuple[str, dict[str, Any]]]) -> list[str]:
    lines = [f"| {first} | value | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in rows:
        cells = (name, _takes(field, first == "key"), _usual(field), field["help"])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def _takes(field: dict[str, Any], macro: bool) -> str:
    kind = {"bool": "switch", "int": "whole number", "float": "number"}.get(
        field["type"], field["type"]
    )
    if field["type"] == "choice":
        kind = ", ".join(field["choices"])
    if field["several"]:
        kind = f"{kind}s, separated by `{menu.SEPARATOR}`" if macro else f"{kind}, one or several"
    return f"{kind} ({field['unit']})" if field["unit"] else kind


def _usual(field: dict[str, Any]) -> str:
    if field["required"]:
        return "**required**"
    if field["type"] == "bool":
        return "on" if field["default"] else "off"
    return "" if field["default"] is None else str(field["default"])


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(print(command_line()))
    path = Path(sys.argv[1])
    text = updated(path.read_text(encoding="utf-8"))
    with atomic(path) as new:
        new.write_text(text, encoding="utf-8")
