"""The engine SynapseNet: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
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

# Small networks of its kind, which learn bright balls and their shells for seconds. They are saved
# as SynapseNet publishes its models: as objects, which are code.
_OWN = """
import numpy as np, os, torch
from scipy.ndimage import binary_erosion
from synapse_net.inference import run_segmentation
from torch_em.model import AnisotropicUNet, UNet2d
from torch_em.transform.raw import standardize

torch.manual_seed(0)
random = np.random.default_rng(0)
balls = np.zeros((16, 64, 64), bool)
places = np.indices(balls.shape)
for z in (5, 11):
    for y in (12, 32, 52):
        for x in (12, 32, 52):
            middle = np.array((z, y + z - 8, x))[:, None, None, None]
            balls |= ((places - middle) ** 2 * [[[[2.0]]], [[[1.0]]], [[[1.0]]]]).sum(0) < 36
image = (random.normal(60, 8, balls.shape) + 120 * balls).clip(0, 255).astype(np.uint8)
inside = np.stack([binary_erosion(plane) for plane in balls])

def learnt(model, image, targets):
    given = torch.from_numpy(standardize(image)[None, None])
    wanted = torch.from_numpy(np.stack(targets)[None].astype("float32"))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy(model(given), wanted).backward()
        optimizer.step()
    return model.eval()

kind = dict(initial_features=4, final_activation="Sigmoid")
model = AnisotropicUNet(1, 2, scale_factors=[[1, 2, 2], [2, 2, 2]], **kind)
model = learnt(model, image, (balls, balls & ~inside))
flat = learnt(UNet2d(1, 2, depth=2, **kind), image[5], (balls[5], (balls & ~inside)[5]))
cache = "cache/synapse-net/models"
os.makedirs(cache)
torch.save(model, f"{cache}/vesicles_3d")
torch.save(flat, f"{cache}/vesicles_2d")
os.makedirs("checkpoint")
init = dict(model_class="torch_em.model.unet.AnisotropicUNet", model_kwargs=model.init_kwargs)
torch.save(dict(model_state=model.state_dict(), init=init), "checkpoint/best.pt")

class Hostile(torch.nn.Module):
    def __reduce__(self):
        return os.makedirs, ("ran",)

torch.save(Hostile(), "hostile")
np.save("image.npy", image)
tiling = dict(tile=dict(z=16, y=32, x=32), halo=dict(z=4, y=8, x=8))
for name, given in dict(vesicles_3d=image, vesicles_2d=image[5]).items():
    own = torch.load(f"{cache}/{name}", weights_only=False)
    labels = run_segmentation(given, own, name, tiling=tiling, distance_based_segmentation=False,
                              min_size=20, exclude_boundary_vesicles=False)
    np.save(f"{name}.npy", labels)
labels = run_segmentation(image, model, "mitochondria", tiling=tiling, scale=[1, 0.9, 0.9],
                          min_size=20, seed_distance=0)
np.save("mitochondria.npy", labels)
"""
TILES = {"tile_shape": [16, 32, 32], "halo": [4, 8, 8], "min_size": 20}
SIMPLE = TILES | {"distance_based_segmentation": False}


def test_models_and_settings_of_synapse_net(tmp_path: Path) -> None:
    engine = registry.of("synapse-net")
    assert engine.model(Path("vesicles_3d")) == "vesicles_3d"
    with pytest.raises(UserError, match=r"is no model of SynapseNet: there is no best\.pt"):
        engine.model(tmp_path)
    (tmp_path / "best.pt").write_bytes(b"")
    assert engine.model(tmp_path) == str(tmp_path / "best.pt")
    with pytest.raises(UserError, match="settings of SynapseNet: model_type"):
        engine.settings({"model_type": "ribbon"})
    with pytest.raises(UserError, match="settings of SynapseNet: scale"):
        engine.settings({"scale": [0]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with models, an image, and what SynapseNet makes of it."""
    engine = needed("synapse-net")
    folder = tmp_path_factory.mktemp("synapse-net")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        python = engine.program.find()
        subprocess.run([python, "-c", _OWN], cwd=folder, check=True, capture_output=True)
        image = np.load(folder / "image.npy")
        images.write(make(image, "ZYX"), folder / "volume.tif")
        images.write(make(image[5], "YX"), folder / "plane.tif")
        yield folder


@pytest.mark.parametrize(
    ("model", "image", "settings", "own"),
    [
        ("vesicles_3d", "volume", SIMPLE, "vesicles_3d"),
        ("checkpoint", "volume", SIMPLE | {"model_type": "vesicles_3d"}, "vesicles_3d"),
        ("vesicles_2d", "plane", SIMPLE, "vesicles_2d"),
        (
            "checkpoint",
            "volume",
            TILES | {"model_type": "mitochondria", "scale": [1, 0.9, 0.9], "seed_distance": 0},
            "mitochondria",
        ),
    ],
)
def test_labels_are_those_of_synapse_net(
    folder: Path, tmp_path: Path, model: str, image: str, settings: dict, own: str
) -> None:
    wanted = np.load(folder / f"{own}.npy")
    assert wanted.max() > 1
    named = folder / model if model == "checkpoint" else Path(model)
    given = {"images": [folder / f"{image}.tif"], "engine": "synapse-net", "model": named}
    given |= {"engine_settings": settings, "out": tmp_path, "rois": False}
    load("predict").declare(given).run(silent)
    assert np.array_equal(images.read_labels(next(tmp_path.glob("*.tif"))), wanted)


def test_what_synapse_net_refuses(folder: Path) -> None:
    engine = registry.of("synapse-net")
    volume = {"image": np.load(folder / "image.npy")}
    plane = {"image": volume["image"][0]}
    with Session(engine.program) as session:
        for model, image, settings, words in [
            ("hostile", volume, {"model_type": "vesicles_3d"}, "hostile is no checkpoint"),
            ("checkpoint/best.pt", volume, {}, "does not say what best.pt segments"),
            ("vesicles_cryo", volume, {}, "the weights of vesicles_cryo are absent"),
            ("vesicles_3d", plane, {}, "takes a volume of one channel"),
            ("vesicles_2d", volume, {}, "takes a plane of one channel"),
            ("vesicles_3d", volume, {"tile_shape": [16, 30, 32], "halo": [4, 8, 8]}, "tiles of 30"),
            ("vesicles_3d", volume, {"model_type": "cristae"}, "take two channels"),
        ]:
            path = folder / model
            values = {
                "model": str(path) if path.is_file() else model,
                "settings": engine.settings(settings).model_dump(),
            }
            with pytest.raises(UserError, match=words):
                session.ask("segment", image, values)
    assert not os.path.exists(folder / "ran")
