"""The engine Omnipose: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from real_engines import needed

from imagej_dl import images
from imagej_dl.commands import load
from imagej_dl.engines import registry
from imagej_dl.errors import UserError
from imagej_dl.foreign.session import Session
from imagej_dl.images import make
from imagej_dl.progress import silent

# The threshold is one by which a network of random weights finds objects.
# Of a network as Omnipose trains today, and of one as its older models are.
_OWN = """
import json
import numpy as np, torch
from cellpose_omni import models
image = np.load("image.npy")
for nchan, nclasses in ((1, 2), (2, 3)):
    torch.manual_seed(0)
    how = dict(gpu=False, omni=True, nchan=nchan, nclasses=nclasses)
    model = models.CellposeModel(pretrained_model=False, **how)
    model.net.save_model(f"weights_{nchan}")
    model = models.CellposeModel(pretrained_model=f"weights_{nchan}", **how)
    channels = None if nchan == 1 else [0, 0]
    how = dict(channels=channels, omni=True, net_avg=False, flow_threshold=0.0)
    distances = model.eval(image, **how)[1][2]
    settings = {"mask_threshold": float(np.median(distances)), "min_size": 5}
    json.dump(settings, open(f"settings_{nchan}.json", "w"))
    masks = model.eval(image, **how, **settings)[0]
    np.save(f"masks_{nchan}.npy", masks)
models.CellposeModel(gpu=False, omni=True, nclasses=2, nsample=3).net.save_model("three_levels")
torch.save({"a": torch.zeros(1)}, "other")
state = torch.load("weights_1", weights_only=True)
state.pop("upsample.up.res_up_0.conv.conv_0.0.weight")
torch.save(state, "part")
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that has Omnipose; the test skips where there is none."""
    return needed("omnipose").program.find()


def test_label_maps_are_those_of_omnipose(python: str, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 56)).astype(np.uint8)
    np.save(tmp_path / "image.npy", image)
    images.write(make(image, "YX"), tmp_path / "image.tif")
    subprocess.run([python, "-c", _OWN], cwd=tmp_path, check=True, capture_output=True)
    for nchan in (1, 2):
        wanted = np.load(tmp_path / f"masks_{nchan}.npy")
        assert wanted.max() > 0
        settings = json.loads((tmp_path / f"settings_{nchan}.json").read_text())
        given = {"model": tmp_path / f"weights_{nchan}", "images": [tmp_path / "image.tif"]}
        given |= {"engine": "omnipose", "engine_settings": settings}
        load("predict").declare(given | {"out": tmp_path / str(nchan)}).run(silent)
        found = next((tmp_path / str(nchan)).glob("*.tif"))
        assert np.array_equal(images.read_labels(found), wanted)
    values = {"settings": registry.of("omnipose").settings({}).model_dump()}
    colour = {"image": np.zeros((32, 32, 3), np.uint8)}
    with Session(registry.of("omnipose").program) as session:
        session.ask("load", {}, values | {"model": str(tmp_path / "three_levels")})
        for name, words in (("other", "is no model of Omnipose"), ("part", "without upsample")):
            with pytest.raises(UserError, match=words):
                session.ask("load", {}, values | {"model": str(tmp_path / name)})
        model = {"model": str(tmp_path / "weights_1")}
        with pytest.raises(UserError, match="takes 1 channels, and the image has 3"):
            session.ask("segment", colour, values | model)
        values["settings"]["nclasses"] = 3
        with pytest.raises(UserError, match=r"nclasses of .* is 2, and 3 was asked for"):
            session.ask("load", {}, values | model)


def test_what_is_no_model_of_omnipose(tmp_path: Path) -> None:
    engine = registry.of("omnipose")
    with pytest.raises(UserError, match="is a folder"):
        engine.model(tmp_path)
    assert engine.model(Path("bact_phase_omni")) == "bact_phase_omni"
    with pytest.raises(UserError, match="settings of Omnipose: nchan"):
        engine.settings({"nchan": 3})
    with pytest.raises(UserError, match="Omnipose cannot be trained here"):
        engine.training({})
