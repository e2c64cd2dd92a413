"""The tables of trackers in the documentation, made from the registry.

python -m imagej_dl.tracking.trackers.documentation docs/tracking.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from imagej_dl.filesystem.atomic import atomic
from imagej_dl.filesystem.text import with_section
from imagej_dl.tracking.trackers import registry
from imagej_dl.tracking.trackers.base import EMBEDDED, TRACKMATE, SettingsMap


def engines() -> str:
    """Return a Markdown table of the foreign engines."""
    rows = [
        f"| [{tracker.label}]({tracker.homepage}) | `{tracker.key}` | {_install(name)} | "
        f"`{tracker.program.variable}` |"
        for name, tracker in registry.foreign().items()
    ]
    head = ["| engine | `tracker` | to install it | variable of its Python |", "| --- " * 4 + "|"]
    return "\n".join([*head, *rows])


def _install(name: str) -> str:
    extra = registry.foreign()[name].extra
    return (
        f"`pip install imagej-dl[{extra}]`" if extra else f"own environment: `pip install {name}`"
    )


def settings() -> str:
    """Return a Markdown table of the settings of each tracker."""
    tables = []
    shown: dict[type[SettingsMap], str] = {}
    for key, tracker in registry.trackers().items():
        model = tracker.settings_model
        engines = " and ".join(
            {EMBEDDED: "embedded engine", TRACKMATE: "TrackMate"}.get(name, name)
            for name in tracker.engines
        )
        tables.append(f"**`{key}`** ({tracker.label}; {engines}).\n")
        if model in shown:
            tables[-1] += f"\nThe settings of `{shown[model]}`.\n"
            continue
        shared: set[str] = set()
        if base := next((b for b in shown if issubclass(model, b)), None):
            tables[-1] += f"\nThe settings of `{shown[base]}`, and:\n"
            shared = {*base.declared()}
        shown[model] = key
        rows = ["| setting | default | unit | |", "| --- " * 4 + "|"]
        defaults = model().to_map()
        for field in model.model_fields.values():
            name = str(field.alias)
            if name in shared:
                continue
            unit = model.declared()[name].unit
            rows.append(f"| `{name}` | {_text(defaults[name])} | {unit} | {field.description} |")
        tables.append("\n".join(rows) + "\n")
    return "\n".join(tables).rstrip()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in ({}, ".") else str(value)


TABLES = {"engines": engines, "settings": settings}


def updated(page: str) -> str:
    """Return a Markdown page with its tables up to date.

    Each table stands between `<!-- trackers: NAME -->` and `<!-- end -->`.
    """
    for name, table in TABLES.items():
        page = with_section(page, f"<!-- trackers: {name} -->", "<!-- end -->", f"{table()}\n")
    return page


if __name__ == "__main__":
    path = Path(sys.argv[1])
    text = updated(path.read_text(encoding="utf-8"))
    with atomic(path) as new:
        new.write_text(text, encoding="utf-8")
