"""Turn the project's docstrings into Markdown as Griffe, which mkdocstrings uses, reads them.

They have NumPy's sections, but leave types to the annotations, so that a parameter is `name : what
it is`. A parser of NumPy's style takes those words for the type; here they become a list. Sphinx'
roles become links where the site has the object, and pydantic's fields get their descriptions.
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:func|class|meth|mod|data|attr):`(~?)([\w.]+)`")
ITEM = re.compile(r"([*\w][\w.*]*(?: \([^)]*\))?(?:, [*\w][\w.*]*(?: \([^)]*\))?)*) : (.*)")


class Docstrings(griffe.Extension):
    """Rewrite each docstring as it is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
        elif isinstance(obj, griffe.Attribute) and (field := declared(str(obj.value or ""))):
            obj.docstring = griffe.Docstring(field[0], parent=obj)
            obj.value = field[1]


def markdown(docstring: str) -> str:
    """Return a docstring in Markdown: a bold heading and a list for each of its sections."""
    made: list[str] = []
    section = False
    lines = ROLE.sub(_link, inspect.cleandoc(docstring)).split("\n")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch(r"\w+", line) and re.fullmatch(r"-{3,}", after):
            section = True
            made += [f"**{line}**", ""]
        elif section and re.fullmatch(r"-{3,}", line):
            continue
        elif section and (item := ITEM.fullmatch(line)):
            names = item[1].replace("*", "\\*")
            made.append(f"- **{names}**: {item[2]}")
        else:
            made.append(line)
    return "\n".join(made)


def declared(value: str) -> tuple[str, str | None] | None:
    """Return description and default of a field whose value is pydantic's `Field(...)`."""
    try:
        call = ast.parse(value, mode="eval").body
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "Field"):
            return None
        given = {one.arg: one.value for one in call.keywords}
        default = call.args[0] if call.args else given.get("default")
        if default is None and "default_factory" in given:
            default = ast.Call(given["default_factory"], [], [])
        words = str(ast.literal_eval(given["description"]))
    except (KeyError, SyntaxError, ValueError):
        return None
    return words, None if default is None else ast.unparse(default)


def _link(role: re.Match[str]) -> str:
    name = role[2].rsplit(".", 1)[-1] if role[1] else role[2]
    return f'<autoref identifier="{role[2]}" optional><code>{name}</code></autoref>'
