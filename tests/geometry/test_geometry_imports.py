"""Geometry is below ROIs and tracking: it may import neither, nor any other step."""

from __future__ import annotations

import ast
from pathlib import Path

import imagej_dl.geometry

ALLOWED = ("imagej_dl.geometry", "imagej_dl.errors")


def test_geometry_imports_no_step() -> None:
    folder = Path(imagej_dl.geometry.__file__).parent
    modules = sorted(folder.glob("*.py"))
    assert len(modules) > 5
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module.name} has a relative import"
                names = [node.module or ""]
            ours = [name for name in names if name.split(".")[0] == "imagej_dl"]
            assert all(name.startswith(ALLOWED) for name in ours), (module.name, ours)
