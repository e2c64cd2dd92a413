"""The cards of the ready models in the documentation.

python -m imagej_dl.models.ready.documentation docs/ready-models.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from imagej_dl.filesystem.atomic import atomic
from imagej_dl.filesystem.text import with_section
from imagej_dl.models.ready import registry

BEGIN, END = "<!-- cards: made by imagej_dl.models.ready.documentation -->", "<!-- end of cards -->"


def cards() -> str:
    """Return the cards of all ready models as sections."""
    return "\n".join(registry.card(name).markdown() for name in registry.names())


def updated(page: str) -> str:
    """Return a Markdown page with the cards between its two marks up to date."""
    return with_section(page, BEGIN, END, cards())


if __name__ == "__main__":
    path = Path(sys.argv[1])
    text = updated(path.read_text(encoding="utf-8"))
    with atomic(path) as new:
        new.write_text(text, encoding="utf-8")
