"""The table of all menu commands and their macro keys for the documentation.

`python -m imagej_dl.commands.reference docs/macros.md` brings the table in a document up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from imagej_dl.commands import menu
from imagej_dl.filesystem.atomic import atomic

BEGIN, END = "<!-- keys: made by imagej_dl.commands.reference -->", "<!-- end of keys -->"


def markdown() -> str:
    """Return a section for each command of the menu: its macro line's keys, what they mean."""
    return "\n".join(_section(menu.describe(name)) for name in menu.MENU)


def updated(document: str) -> str:
    """Return a document with the sections between its two marks made anew."""
    before, rest = document.split(BEGIN)
    return f"{before}{BEGIN}\n\n{markdown()}\n{END}{rest.split(END)[1]}"


def _section(command: dict[str, Any]) -> str:
    lines = [f"### {command['label']}", "", command["summary"], ""]
    lines += ["| key | takes | usual | meaning |", "| --- | --- | --- | --- |"]
    for field in command["fields"]:
        cells = (f"`{field['key']}`", _takes(field), _usual(field), field["help"])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _takes(field: dict[str, Any]) -> str:
    kind = {"bool": "switch", "int": "whole number", "float": "number"}.get(
        field["type"], field["type"]
    )
    if field["type"] == "choice":
        kind = ", ".join(field["choices"])
    if field["several"]:
        kind = f"{kind}s, apart by `{menu.SEPARATOR}`"
    return f"{kind} ({field['unit']})" if field["unit"] else kind


def _usual(field: dict[str, Any]) -> str:
    if field["required"]:
        return "**needed**"
    if field["type"] == "bool":
        return "on" if field["default"] else "off"
    return "" if field["default"] is None else str(field["default"])


if __name__ == "__main__":
    path = Path(sys.argv[1])
    text = updated(path.read_text(encoding="utf-8"))
    with atomic(path) as new:
        new.write_text(text, encoding="utf-8")
