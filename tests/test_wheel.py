"""The wheel holds what is read at run time besides Python's modules."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from imagej_dl.models.ready import registry

TOP = Path(__file__).resolve().parents[1]


def test_the_wheel_holds_the_ready_models(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs hatchling (the extra test)")
    line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(line, cwd=TOP, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        for name in registry.names():
            folder = registry.HOME / name
            for path in folder.iterdir():
                packed = f"imagej_dl/models/ready/{name}/{path.name}"
                assert packed in inside
                assert archive.read(packed) == path.read_bytes()
    assert "imagej_dl/fiji/front/Start.groovy" in inside
    assert wheel.stat().st_size < 10 * 10**6
