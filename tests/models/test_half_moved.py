"""A model folder whose replacement was killed halfway is whole again when it is read."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from killed_replacement import killed_at

sys.path.append(str(Path(__file__).parents[1] / "prediction"))
import small_models

from imagej_dl.filesystem import atomic
from imagej_dl.models.folder import load_config

FILES = ("model.keras", "metrics.json", "split.json", "loss.png")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("at", range(1, 8))
def test_a_killed_replacement_is_finished_when_the_model_is_read(tmp_path: Path, at: int) -> None:
    config = small_models.bundle_of(None, "binary", halo=0, multiple_of=1).config
    out = tmp_path / "M"

    def write(folder: Path, patch: int) -> None:
        for name in FILES:
            (folder / name).write_text(f"{patch}")
        text = json.dumps({**config.model_dump(mode="json"), "patch": patch})
        (folder / "config.json").write_text(text)

    out.mkdir()
    write(out, 64)
    (out / "notes.txt").write_text("mine")

    def replace() -> None:
        with atomic.atomic_folder(out, overwrite=True) as folder:
            write(folder, 96)

    killed_at(at, replace)
    patch = load_config(out).patch
    assert patch == (64 if at == 1 else 96)
    assert {(out / name).read_text() for name in FILES} == {str(patch)}
    assert sorted(p.name for p in out.iterdir()) == sorted([*FILES, "config.json", "notes.txt"])
