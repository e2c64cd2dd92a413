"""The command `export`: its keys, and what it refuses before the work."""

from __future__ import annotations

import pytest

from imagej_dl import commands
from imagej_dl.commands import menu
from imagej_dl.errors import UserError
from imagej_dl.progress import silent


def declared(**values):
    return commands.load("export").declare(values)


def test_macro_keys():
    described = menu.describe("export")
    assert described["label"] == "ImageJ-DL Export model"
    assert {field["key"]: (field["type"], field["several"]) for field in described["fields"]} == {
        "model": ("folder", False),
        "out": ("file", False),
        "name": ("text", False),
        "description": ("text", False),
        "authors": ("text", True),
        "licence": ("text", False),
        "citations": ("text", True),
        "overwrite": ("bool", False),
    }


def test_the_name_of_a_package_ends_with_zip(tmp_path):
    with pytest.raises(UserError, match=r"\.zip"):
        declared(model="nuclei", out=tmp_path / "nuclei.onnx").run(silent)


def test_a_package_is_not_exported(tmp_path):
    (tmp_path / "rdf.yaml").write_text("type: model")
    with pytest.raises(UserError, match="already"):
        declared(model=tmp_path, out=tmp_path / "a.zip").run(silent)
