"""Nothing outside `methods/` names a method: adding one touches no other module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import imagej_dl
from imagej_dl.methods.registry import METHODS

PACKAGE = Path(imagej_dl.__file__).parent

ELSEWHERE = {
    ("models/packages/outputs.py", "border"): "what a channel of a package is, by its name",
    ("suite/convert.py", "contour"): "part of datagen_type in the suite's own configuration",
    ("training/unheeded.py", "foreground"): "a setting: the share of patches near objects",
}
"""(module, name) with the reason why it names a method there."""


def constants(path: Path) -> set[str]:
    """The string constants of a module that are the name of a method, docstrings left aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in values if isinstance(value, str) and value in METHODS}


def modules() -> list[Path]:
    # Engines of others have words of their own, some of them the same.
    inside = {PACKAGE / "methods", PACKAGE / "engines"}
    return [path for path in sorted(PACKAGE.rglob("*.py")) if inside.isdisjoint(path.parents)]


@pytest.mark.slow
def test_no_module_names_a_method():
    said = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in modules()
        for name in constants(path)
    }
    assert said == set(ELSEWHERE)


@pytest.mark.slow
def test_no_module_imports_a_method():
    """Public names of two targets are the exception."""
    allowed = {("training/__init__.py", "imagej_dl.methods.border")}
    named = {f"imagej_dl.methods.{name}" for name in METHODS}
    said = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = []
            if isinstance(node, ast.ImportFrom):
                found = [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
            elif isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            said |= {(path.relative_to(PACKAGE).as_posix(), n) for n in found if n in named}
    assert said == allowed


@pytest.mark.parametrize("suffix", ["groovy", "js", "html"])
def test_no_script_of_a_front_names_a_method(suffix):
    for path in PACKAGE.rglob(f"*.{suffix}"):
        text = path.read_text(encoding="utf-8")
        for name in METHODS:
            assert f'"{name}"' not in text, path
            assert f"'{name}'" not in text, path


def test_the_check_finds_a_name(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""About border."""\nif kind == "border":\n    pass\n')
    assert constants(module) == {"border"}
