"""The engine µSAM: which models and settings it takes, and which it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagej_dl.engines import registry
from imagej_dl.errors import UserError


def test_models_of_micro_sam(tmp_path: Path) -> None:
    engine = registry.of("micro-sam")
    assert engine.model(Path("vit_b_lm")) == "vit_b_lm"
    assert engine.files("vit_b_lm") == []
    for name in ("mine.pt", "mine_decoder.pt"):
        (tmp_path / name).write_bytes(b"")
    model = engine.model(tmp_path / "mine.pt")
    assert [path.name for path in engine.files(model)] == ["mine.pt", "mine_decoder.pt"]
    for named, words in {
        None: "µSAM needs a model",
        tmp_path: "is a folder, and a model of µSAM is a file",
        tmp_path / "none.pt": "there is no such model",
    }.items():
        with pytest.raises(UserError, match=words):
            engine.model(named)


def test_settings_of_micro_sam() -> None:
    engine = registry.of("micro-sam")
    assert engine.settings({"tile_shape": [384, 384], "halo": [64, 64]})
    with pytest.raises(UserError, match="tile_shape and halo go together"):
        engine.settings({"tile_shape": [384, 384]})
