"""The example for appose-python, a script language of Fiji with an environment for each script."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imagej_dl import images, models, prediction

FOLDER = Path(__file__).parents[2] / "macros" / "examples" / "appose-python"


def test_its_environment_is_beside_it() -> None:
    lines = (FOLDER / "Segment_Image.py").read_text().splitlines()
    assert lines[0] == "#!appose-python"
    named = re.search(r'env="([^"]+)"', lines[1])
    assert named is not None
    assert (FOLDER / named[1]).read_text().split() == ["imagej-dl"]


def test_its_outputs_are_those_that_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    def segmented(model: str, image: Any) -> Any:
        assert model == "model of nuclei"
        return SimpleNamespace(labels=images.make(np.where(image.data > 0, 3, 0), "YX"))

    monkeypatch.setattr(models, "load", lambda name: f"model of {name}")
    monkeypatch.setattr(prediction, "predict", segmented)
    text = (FOLDER / "Segment_Image.py").read_text()
    # As the language gives inputs, and takes outputs: by their names.
    names: dict[str, Any] = {"image": np.eye(4, 5, dtype=np.uint8), "model": "nuclei"}
    exec(text, names)
    assert set(re.findall(r"#@output \w+ (\w+)", text)) == {"labels", "objects"}
    assert names["objects"] == 3
    assert np.array_equal(names["labels"], 3 * np.eye(4, 5))
