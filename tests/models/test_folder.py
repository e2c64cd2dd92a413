import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from imagej_dl import images, models
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation
from imagej_dl.models import CLASSES, Architecture, ModelConfig, backend
from imagej_dl.models.networks.unet import UNet

pytestmark = pytest.mark.tf


def config(kind="border", channels=1, **more):
    network = UNet(depth=1, width=2, last_width=2, channels=channels, classes=len(CLASSES[kind]))
    return ModelConfig(
        kind=kind,
        classes=CLASSES[kind],
        architecture=Architecture(name="unet", arguments=network.model_dump()),
        normalisation=Normalisation(),
        axes="YX" if channels == 1 else "YXC",
        channels=channels,
        patch=16,
        halo=6,
        multiple_of=2,
        imagej_dl_version="0",
        keras_version="0",
        tensorflow_version="0",
        **more,
    )


def plane(shape=(21, 34), dtype=np.uint16):
    return np.random.default_rng(0).integers(0, 250, shape).astype(dtype)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "M"
    made = config()
    model = UNet(**made.architecture.arguments).build()
    models.save(model, made, folder, test_image=plane(), metrics={"a": 1}, split={"seed": 3})
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the saved model that a test may damage."""
    return shutil.copytree(saved, tmp_path / "M")


def test_comes_back_with_equal_probabilities(folder):
    bundle = models.load(folder, verify=True)
    assert bundle.config == config()
    assert json.loads((folder / "split.json").read_text()) == {"seed": 3}
    expected = images.read(folder / "test_expected.tif")
    assert expected.dims == ("C", "Y", "X")
    found = bundle.probabilities(plane())
    assert found.shape == (21, 34, 3)
    np.testing.assert_allclose(np.moveaxis(found, -1, 0), expected.data, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "channels", "dtype"),
    [("binary", 1, np.uint8), ("border", 3, np.float32), ("binary", 2, np.float64)],
)
def test_all_kinds_channels_and_pixel_types_are_verified(tmp_path, kind, channels, dtype):
    made = config(kind, channels)
    model = UNet(**made.architecture.arguments).build()
    shape = (12, 17) if channels == 1 else (12, 17, channels)
    models.save(model, made, tmp_path / "M", test_image=plane(shape, dtype))
    models.load(tmp_path / "M", verify=True)


def test_single_pixel_row_is_predicted(folder):
    assert models.load(folder).probabilities(plane((1, 5))).shape == (1, 5, 3)


def test_other_channels_are_refused(folder):
    with pytest.raises(UserError, match=r"2 channel.*trained on 1"):
        models.load(folder).probabilities(plane((8, 8, 2)))


def test_is_not_overwritten_unasked(saved):
    made = config()
    with pytest.raises(UserError, match="already there"):
        models.save(UNet(**made.architecture.arguments).build(), made, saved, test_image=plane())
    models.load(saved, verify=True)


def test_changed_weights_are_found_by_verify(folder):
    bundle = models.load(folder)
    bundle.model.set_weights([w + 0.1 for w in bundle.model.get_weights()])
    bundle.model.save(folder / "model.keras")
    models.load(folder)
    with pytest.raises(UserError, match="differently"):
        models.load(folder, verify=True)


def test_not_a_number_is_found_by_verify(folder):
    bundle = models.load(folder)
    bundle.model.set_weights([w * np.nan for w in bundle.model.get_weights()])
    bundle.model.save(folder / "model.keras")
    with pytest.raises(UserError, match="differently"):
        models.load(folder, verify=True)


def test_folders_that_are_no_model(tmp_path):
    with pytest.raises(UserError, match="no such model folder"):
        models.load(tmp_path / "none")
    with pytest.raises(UserError, match=r"not a model.*config\.json"):
        models.load(tmp_path)
    (tmp_path / ".training").mkdir()
    with pytest.raises(UserError, match=r"not finished.*--resume"):
        models.load(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, -200])
def test_network_cut_short(folder, keep):
    path = folder / "model.keras"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"model\.keras"):
        models.load(folder)


def test_network_of_a_newer_keras(folder):
    """Of a layer that has an argument more."""
    path, parts = folder / "model.keras", {}
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    network = json.loads(parts["config.json"])
    conv = next(x for x in network["config"]["layers"] if x["class_name"] == "Conv2D")
    conv["config"]["of_next_year"] = 1
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (parts | {"config.json": json.dumps(network)}).items():
            archive.writestr(name, content)
    config = folder / "config.json"
    said = json.loads(config.read_text()) | {"keras_version": "99.1"}
    config.write_text(json.dumps(said))
    with pytest.raises(UserError, match=r"model\.keras.*written with Keras 99\.1; installed is"):
        models.load(folder)


def test_network_missing(folder):
    (folder / "model.keras").unlink()
    with pytest.raises(UserError, match="missing"):
        models.load(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format_version": 2}, "format version 2"),
        ({"format_version": None}, "format version None"),
        ({"surprise": 1}, "surprise"),
        ({"halo": -1}, "halo"),
        ({"classes": ["object", "background", "border"]}, "background, object, border"),
        ({"channels": 2}, "YX"),
    ],
)
def test_config_that_is_not_right(folder, change, words):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=words):
        models.load(folder)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"a"'])
def test_config_that_is_no_json_object(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json"):
        models.load(folder)


def test_config_of_another_network(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"channels": 2, "axes": "YXC"}))
    with pytest.raises(UserError, match=r"\(1, 1, 3\).*\(1, 2, 3\)"):
        models.load(folder)


def test_code_in_a_network_is_not_run(folder):
    keras = backend.keras()
    inputs = keras.Input((None, None, 1))
    outputs = keras.layers.Lambda(lambda x: x * np.ones(3))(inputs)
    keras.Model(inputs, outputs).save(folder / "model.keras")
    with pytest.raises(UserError, match=r"does not load.*Lambda"):
        models.load(folder)


def test_nothing_in_a_model_is_pickled(saved):
    with zipfile.ZipFile(saved / "model.keras") as archive:
        assert {n.rsplit(".")[-1] for n in archive.namelist()} <= {"json", "h5"}
        assert "Lambda" not in archive.read("config.json").decode()


def test_reading_a_config_needs_no_tensorflow(saved):
    code = (
        "import sys; from imagej_dl import models; "
        f"models.load_config({str(saved)!r}); "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_tensorflow_is_loaded_quietly(saved):
    code = f"from imagej_dl import models; models.load({str(saved)!r}, verify=True)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stderr == ""
    assert run.stdout == ""
