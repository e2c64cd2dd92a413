"""What `imagej-dl doctor` says of the ready models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from imagej_dl.fiji import diagnosis
from imagej_dl.models.ready import registry

pytestmark = pytest.mark.tf


def test_each_ready_model_loads_and_predicts() -> None:
    found = list(diagnosis._ready_models())
    assert [finding.part for finding in found] == list(registry.names())
    assert all(finding.found for finding in found), found
    assert registry.card(registry.DEFAULT).title in found[0].text


def test_a_damaged_one_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(registry.HOME / registry.DEFAULT, tmp_path / registry.DEFAULT)
    monkeypatch.setattr(registry, "HOME", tmp_path)
    file = tmp_path / registry.DEFAULT / "model.keras"
    file.write_bytes(file.read_bytes()[:1000])
    [finding, *_] = diagnosis._ready_models()
    assert not finding.found
    assert finding.needed
    assert "model.keras" in finding.text
    assert "Install imagej-dl again" in finding.text
