"""The engine CochleaNet: what it refuses; where it is installed, the results are its own."""

from __future__ import annotations

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

# A small network of its kind, which learns bright balls for seconds. It is saved as CochleaNet
# publishes its models: as an object, which is code.
_OWN = """
import numpy as np, os, torch, tifffile, z5py
from flamingo_tools.segmentation.unet_prediction import run_unet_prediction
from elf.io import open_file
from torch_em.model import UNet3d
from torch_em.transform.label import PerObjectDistanceTransform

torch.manual_seed(0)
random = np.random.default_rng(0)
labels = np.zeros((32, 64, 64), np.int32)
places = np.indices(labels.shape)
for z in (8, 23):
    for y in (12, 32, 52):
        for x in (12, 32, 52):
            middle = np.array((z, y, x + z // 8))[:, None, None, None]
            labels[((places - middle) ** 2).sum(0) < 50] = labels.max() + 1
image = (random.normal(60, 8, labels.shape) + 200 * (labels > 0)).clip(0, None).astype(np.uint16)
distances = PerObjectDistanceTransform(distances=True, boundary_distances=True,
                                       directed_distances=False, foreground=True)(labels)
model = UNet3d(1, 3, depth=2, initial_features=4, final_activation="Sigmoid")
given = torch.from_numpy(((image - image.mean()) / image.std())[None, None].astype("float32"))
wanted = torch.from_numpy(distances[None].astype("float32"))
optimizer = torch.optim.Adam(model.parameters(), 0.01)
for _ in range(40):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(given), wanted).backward()
    optimizer.step()
model.eval()
cache = "cache/cochlea-net/models"
os.makedirs(cache)
torch.save(model, f"{cache}/IHC")
torch.save(UNet3d(1, 1, depth=2, initial_features=4), f"{cache}/Synapses")
np.save("image.npy", image)
tifffile.imwrite("own.tif", image)
given = dict(block_shape=(16, 32, 32), halo=(8, 8, 8), min_size=30)
ihc = dict(center_distance_threshold=0.5, boundary_distance_threshold=0.6, fg_threshold=0.5,
           distance_smoothing=0.6, seg_class="ihc")
other = dict(center_distance_threshold=None, boundary_distance_threshold=0.5, scale=1.2,
             seg_class="sgn")
for name, settings in dict(ihc=ihc, other=other).items():
    run_unet_prediction("own.tif", None, name, f"{cache}/IHC", **given, **settings)
    np.save(f"{name}.npy", open_file(f"{name}/segmentation.zarr", "r")["segmentation"][:])
"""
BLOCKS = {"block_shape": [16, 32, 32], "halo": [8, 8, 8], "min_size": 30}
OTHER = {
    "center_distance_threshold": "None",
    "boundary_distance_threshold": 0.5,
    "distance_smoothing": 0,
    "scale": 1.2,
    "seg_class": "sgn",
}


def test_models_and_settings_of_cochlea_net(tmp_path: Path) -> None:
    engine = registry.of("cochlea-net")
    assert engine.model(Path("SGN")) == "SGN"
    with pytest.raises(UserError, match=r"is no model of CochleaNet: there is no best\.pt"):
        engine.model(tmp_path)
    assert engine.settings({"center_distance_threshold": "None"})
    for wrong, words in [
        ({"center_distance_threshold": "none"}, "center_distance_threshold"),
        ({"scale": 2, "use_mask": False}, "scale needs use_mask"),
    ]:
        with pytest.raises(UserError, match=f"settings of CochleaNet: .*{words}"):
            engine.settings(wrong)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with models, an image, and what CochleaNet makes of it."""
    engine = needed("cochlea-net")
    folder = tmp_path_factory.mktemp("cochlea-net")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        python = engine.program.find()
        subprocess.run([python, "-c", _OWN], cwd=folder, check=True, capture_output=True)
        images.write(make(np.load(folder / "image.npy"), "ZYX"), folder / "volume.tif")
        yield folder


@pytest.mark.parametrize(("settings", "own"), [(BLOCKS, "ihc"), (BLOCKS | OTHER, "other")])
def test_labels_are_those_of_cochlea_net(
    folder: Path, tmp_path: Path, settings: dict, own: str
) -> None:
    wanted = np.load(folder / f"{own}.npy")
    assert wanted.max() > 1
    given = {"images": [folder / "volume.tif"], "engine": "cochlea-net", "model": Path("IHC")}
    given |= {"engine_settings": settings, "out": tmp_path, "rois": False}
    load("predict").declare(given).run(silent)
    assert np.array_equal(images.read_labels(next(tmp_path.glob("*.tif"))), wanted)


def test_what_cochlea_net_refuses(folder: Path) -> None:
    values = {"settings": registry.of("cochlea-net").settings({}).model_dump()}
    with Session(registry.of("cochlea-net").program) as session:
        for model, words in {
            "SGN": "the weights of SGN are absent",
            "Synapses": "has 1 outputs, and 3 are segmented",
        }.items():
            with pytest.raises(UserError, match=words):
                session.ask("load", {}, values | {"model": model})
