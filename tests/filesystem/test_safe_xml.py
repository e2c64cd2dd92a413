"""XML of strangers: entities are refused before anything is expanded."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagej_dl.errors import UserError
from imagej_dl.filesystem import safe_xml


def test_a_file_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<?xml version='1.0'?><a b='µ'>x<c/>y</a>", encoding="utf-8")
    root = safe_xml.parse(path)
    assert (root.tag, root.get("b"), root.text, root[0].tail) == ("a", "µ", "x", "y")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a><b></a>", "is not well-formed XML"),
        ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "DOCTYPE"),
        ("<a>&e;</a>", "is not well-formed XML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"a\.xml: .*{words}"):
        safe_xml.parse(path, "Save it again.")
    with pytest.raises(UserError, match=r"b\.xml: there is no such file"):
        safe_xml.parse(tmp_path / "b.xml")


def test_a_text_is_checked_up_to_its_first_element() -> None:
    safe_xml.check("<a>" * 10**6, Path("a"))
    safe_xml.check("no XML", Path("a"))
    safe_xml.check("\ud800<a/>", Path("a"))
    with pytest.raises(UserError, match=r"a: .*DOCTYPE.*Copy it again"):
        safe_xml.check("<!-- --> <!DOCTYPE a><a/>", Path("a"), "Copy it again.")
