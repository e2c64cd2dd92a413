"""Test the search for what the modules of a package declare."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagej_dl import registries
from imagej_dl.images.formats.base import Format

BASE = "class Base:\n    name = ''\n    place = 0\n"
ONE = "from {0}.base import Base\nclass One(Base):\n    name = 'one'\n    place = 2\n"
TWO = "from {0}.base import Base\nfrom {0}.one import One\nclass Two(Base):\n    name = 'two'\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "package_of_test_registries"
    folder = tmp_path / name
    (folder / "inner").mkdir(parents=True)
    for path, text in {"__init__": "", "base": BASE, "one": ONE, "two": TWO}.items():
        (folder / f"{path}.py").write_text(text.format(name))
    (folder / "inner" / "__init__.py").write_text("raise ValueError('it is not imported')")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[module]


def test_named_classes_are_found_where_they_are_defined(package: str) -> None:
    base = __import__(f"{package}.base", fromlist=["Base"]).Base
    found = registries.by_name(package, base, order=lambda one: one.place)
    assert [*found] == ["two", "one"]
    assert [found[name].__module__ for name in found] == [f"{package}.two", f"{package}.one"]


def test_two_of_one_name_are_refused(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "zwei.py").write_text(TWO.format(package))
    base = __import__(f"{package}.base", fromlist=["Base"]).Base
    with pytest.raises(ValueError, match=r"zwei\.Two'> have the same name"):
        registries.by_name(package, base, order=lambda one: one.place)


def test_classes_of_other_bases_are_passed_over(package: str) -> None:
    assert registries.by_name(package, Format, order=lambda one: one.name) == {}
