"""docs/macros.md says what is there: every key, every macro, every function."""

from __future__ import annotations

import re
from pathlib import Path

from imagej_dl.commands.reference import updated

TOP = Path(__file__).resolve().parents[2]
TEXT = (TOP / "docs" / "macros.md").read_text(encoding="utf-8")


def test_keys_are_up_to_date() -> None:
    assert updated(TEXT) == TEXT, "python -m imagej_dl.commands.reference docs/macros.md"


def test_every_macro_is_named() -> None:
    macros = {path.name for path in (TOP / "macros").glob("*.ijm")}
    assert set(re.findall(r"^\| `(\w+\.ijm)`", TEXT, re.MULTILINE)) == macros


def test_every_function_is_named() -> None:
    front = TOP / "imagej_dl" / "fiji" / "front" / "imagejdl" / "Extensions.groovy"
    declared = re.findall(r"private \w+ (dl_\w+)\(", front.read_text(encoding="utf-8"))
    assert len(declared) > 5
    assert set(re.findall(r"Ext\.(dl_\w+)", TEXT)) == set(declared)


def test_macros_say_their_options() -> None:
    """The comment of each names all keys that it reads."""
    for path in (TOP / "macros").glob("*.ijm"):
        text = path.read_text(encoding="utf-8")
        comment = text[: text.index("\n\n")]
        for key in re.findall(r'(?:option|given)\("(\w+)"', text):
            assert re.search(rf"\b{key}\b", comment), f"{path.name}: {key}"


def test_macros_are_ascii() -> None:
    """ImageJ reads a macro in the platform's encoding."""
    for path in (TOP / "macros").rglob("*.*"):
        assert path.read_bytes().isascii(), path.name
