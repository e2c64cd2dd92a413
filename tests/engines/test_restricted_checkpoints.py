"""Checkpoints are opened without running what they say, whatever a library asks PyTorch for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import imagej_dl.engines
from imagej_dl.engines import registry

_RUNNERS = Path(imagej_dl.engines.__file__).parent / "runners"
_SCRIPT = f"""
import json, os, sys
sys.path.insert(0, {str(_RUNNERS)!r})
import numpy as np, torch, checkpoints
from serve import Refused

class Hostile:
    def __reduce__(self):
        return os.makedirs, ("ran",)

class Callback:
    def __init__(self):
        self.best = 3

weights = {{"w": torch.ones(2)}}
files = {{
    "plain": dict(state=weights, loss=np.float64(0.5), losses=np.arange(3.0)),
    "callback": dict(state=weights, callback=Callback(), kind=Callback),
    "hostile": dict(state=weights, hostile=Hostile()),
}}
told = {{}}
for name, kept in files.items():
    torch.save(kept, name)
    for inert in (False, True):
        with checkpoints.safely(inert):
            try:
                found = torch.load(name, weights_only=False)
                told[f"{{name}} {{inert}}"] = found["state"]["w"].tolist()
                if name == "callback":
                    named = found["callback"], found["kind"]
                    told["names"] = [checkpoints.name_of(one) for one in named]
            except Refused as error:
                told[f"{{name}} {{inert}}"] = str(error)
with open("none", "wb") as file:
    file.write(b"no checkpoint")
try:
    checkpoints.opened("none")
except Refused as error:
    told["none"] = str(error)
told["restored"] = torch.load is checkpoints._load
told["ran"] = os.path.exists("ran")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that has PyTorch 2.6; the tests skip where no engine has one."""
    for name in ("nnunet", "membrain-seg", "torch-em", "micro-sam"):
        if registry.of(name).diagnose()[0]:
            return registry.of(name).program.find()
    pytest.skip("needs nnU-Net, MemBrain-seg, torch-em or µSAM")


def test_nothing_of_a_checkpoint_is_run(python: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-c", _SCRIPT], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["plain False"] == told["plain True"] == told["callback True"] == [1, 1]
    assert told["names"] == ["__main__.Callback"] * 2
    assert (
        "callback holds more than tensors and numbers (__main__.Callback)"
        in (told["callback False"])
    )
    assert "hostile holds more than tensors and numbers (os.makedirs)" in told["hostile False"]
    assert "none is no checkpoint that can be opened safely" in told["none"]
    assert told["restored"]
    assert not told["ran"]
