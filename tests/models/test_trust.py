"""A model file from elsewhere is looked at before Keras opens it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from imagej_dl import UserError
from imagej_dl.models.trust import check_parts


def archive(path: Path, *parts: dict[str, Any]) -> Path:
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "config": {}}, *parts]
    network = {"module": "keras.src.models.functional", "class_name": "Functional"}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps(network | {"config": {"layers": layers}}))
    return path


def test_our_own_parts_are_known(tmp_path: Path) -> None:
    start = {"module": "keras.initializers", "class_name": "Zeros", "config": {}}
    conv = {"module": "keras.layers", "class_name": "Conv2D", "config": {"bias": start}}
    check_parts(archive(tmp_path / "a.keras", conv))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.layers", "Lambda"),
        ("keras.layers", "TFSMLayer"),
        ("keras.layers", "TorchModuleWrapper"),
        ("keras", "TFSMLayer"),
        ("os", "system"),
        ("builtins", "function"),
        (None, "MyLayer"),
    ],
)
def test_anything_else_is_refused_also_deep_inside(tmp_path: Path, module: str, name: str) -> None:
    part = {"module": module, "class_name": name, "config": {}}
    conv = {"module": "keras.layers", "class_name": "Conv2D", "config": {"activation": part}}
    path = archive(tmp_path / "a.keras", conv)
    with pytest.raises(UserError, match=rf"a\.keras.*{name}"):
        check_parts(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"not a Keras model|not packed like a Keras model"):
        check_parts(path)


@pytest.mark.parametrize("module", [[], {"a": 1}, 5, [["keras.layers"]]])
def test_module_that_is_no_text(tmp_path: Path, module: Any) -> None:
    part = {"module": module, "class_name": "Conv2D", "config": {}}
    with pytest.raises(UserError, match="holds a component"):
        check_parts(archive(tmp_path / "a.keras", part))
