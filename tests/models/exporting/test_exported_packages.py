"""Packages of our models: what they hold, and that they give what the model gives."""

from __future__ import annotations

import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[3] / "bench"))

from exported_packages import untrained

from imagej_dl import images, models
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.methods.registry import METHODS
from imagej_dl.models import ModelConfig
from imagej_dl.models.config import Volume
from imagej_dl.models.exporting import graph, rdf
from imagej_dl.models.exporting.about import about, plain
from imagej_dl.models.exporting.geometry import Geometry
from imagej_dl.models.exporting.package import export, refuse
from imagej_dl.models.exporting.preprocessing import preprocessing
from imagej_dl.models.packages.known_operations import operation
from imagej_dl.models.packages.operations import applied
from imagej_dl.prediction import predict, predict_image

# Found, not imported: that would bring TensorFlow to whatever collects the tests.
pytestmark = [
    pytest.mark.tf,
    pytest.mark.skipif(find_spec("tf2onnx") is None, reason="needs tf2onnx"),
]

yaml = pytest.importorskip("yaml")


def said(name="border model"):
    return about(name, "What it does", ("A. Author",), "CC0-1.0", ("10.1000/182",), None)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return untrained("border", tmp_path_factory.mktemp("border") / "model", side=72, depth=1)


@pytest.fixture(scope="module")
def package(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("package") / "border.zip"
    export(model, out, said())
    return out


@pytest.fixture(scope="module")
def content(package):
    with zipfile.ZipFile(package) as archive:
        return yaml.safe_load(archive.read("rdf.yaml"))


def plane(side=90, seed=7):
    return np.random.default_rng(seed).integers(100, 1000, (side, side)).astype(np.uint16)


def test_the_axes_are_those_of_the_network(model, content):
    config = models.load_config(model)
    source, target = content["inputs"][0], content["outputs"][0]
    y = source["axes"][1]
    assert y["size"]["step"] == config.multiple_of == 2
    halo = target["axes"][1]["halo"]
    assert halo >= config.halo
    assert halo % config.multiple_of == 0
    assert y["size"]["min"] == 2 * halo + config.multiple_of
    assert [axis["type"] for axis in source["axes"]] == ["batch", "space", "space", "channel"]
    assert target["axes"][3]["channel_names"] == ["background", "object", "border"]


def test_the_description_names_authors_licence_and_citations(content):
    assert content["authors"] == [{"name": "A. Author"}]
    assert content["license"] == "CC0-1.0"
    assert "10.1000/182" in [one["doi"] for one in content["cite"]]
    assert content["weights"]["onnx"]["parent"] == "keras_v3"
    assert content["weights"]["onnx"]["opset_version"] == 17


def test_the_package_has_a_nickname_as_deepimagej_needs(content):
    assert content["config"]["bioimageio"]["nickname"] == rdf.nickname(content["name"])
    assert rdf.nickname("Nuclei (2-D)  model") == "nuclei-2-d-model"
    assert rdf.nickname("细胞") == "model"


def test_the_digests_are_those_of_the_files(package, content):
    import hashlib

    files = [*content["weights"].values()]
    files += [content[side][0]["test_tensor"] for side in ("inputs", "outputs")]
    with zipfile.ZipFile(package) as archive:
        for one in files:
            assert hashlib.sha256(archive.read(one["source"])).hexdigest() == one["sha256"]
        assert b"## Validation" in archive.read("README.md")
        assert archive.read("cover.png").startswith(b"\x89PNG")


def test_the_same_model_gives_the_same_bytes(model, package, tmp_path):
    export(model, tmp_path / "again.zip", said())
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_the_package_predicts_what_the_model_predicts(model, package):
    image = plane()
    ours, theirs = (predict(models.load(p), image, probabilities=True) for p in (model, package))
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-5)


def test_the_onnx_weights_alone_give_the_same(model, package, tmp_path):
    """As in other programs: without Keras, and without what imagej-dl has written for itself."""

    def other(content):
        del content["config"], content["weights"]["keras_v3"]
        del content["weights"]["onnx"]["parent"]

    path = changed(package, tmp_path / "other.zip", other)
    bundle, ours = models.load(path), models.load(model)
    assert bundle.config.kind == "bioimageio"
    image = plane()
    found = predict(bundle, image, probabilities=True, tile=64).probabilities
    wanted = predict(ours, image, probabilities=True).probabilities
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_keras_weights_alone_give_the_same(model, package, tmp_path):
    def other(content):
        del content["config"], content["weights"]["onnx"]

    bundle = models.load(changed(package, tmp_path / "other.zip", other))
    found = predict(bundle, plane(), probabilities=True).probabilities
    wanted = predict(models.load(model), plane(), probabilities=True).probabilities
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def changed(package, path, change):
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "rdf.yaml":
                content = yaml.safe_load(data)
                change(content)
                data = yaml.safe_dump(content).encode()
            new.writestr(name, data)
    return path


def test_keras_weights_with_code_are_refused(package, tmp_path):
    def other(content):
        del content["config"], content["weights"]["onnx"]

    path = changed(package, tmp_path / "other.zip", other)
    keras = tmp_path / "model.keras"
    with zipfile.ZipFile(path) as archive:
        keras.write_bytes(archive.read("model.keras"))
    text = zipfile.ZipFile(keras).read("config.json").decode()
    with zipfile.ZipFile(keras) as old, zipfile.ZipFile(tmp_path / "bad.keras", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                data = text.replace('"class_name": "MaxPooling2D"', '"class_name": "Lambda"')
                assert data != text
                data = data.encode()
            new.writestr(name, data)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "model.keras":
                data = (tmp_path / "bad.keras").read_bytes()
            elif name == "rdf.yaml":
                content = yaml.safe_load(data)
                del content["weights"]["keras_v3"]["sha256"]
                data = yaml.safe_dump(content).encode()
            new.writestr(name, data)
    with pytest.raises(UserError, match="Lambda") as caught:
        models.load(tmp_path / "bad.zip")
    assert caught.value.path == str(tmp_path / "bad.zip")


def test_a_package_of_pn2v_has_onnx_alone_and_denoises(tmp_path):
    from exported_packages import camera

    own = {"method_settings": {"noise_model": camera(), "samples": 5}}
    folder = untrained("pn2v", tmp_path / "model", side=64, depth=1, **own)
    made = export(folder, tmp_path / "pn2v.zip", said())
    assert made.formats == ("onnx",)
    image = images.make(plane(64).astype(np.float32))
    ours, theirs = (
        predict_image(models.load(path), image) for path in (folder, tmp_path / "pn2v.zip")
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def config_of(**more):
    values = {
        "kind": "binary",
        "classes": ("object",),
        "architecture": {"name": "unet", "arguments": {}},
        "normalisation": {},
        "patch": 64,
        "halo": 13,
        "multiple_of": 8,
        "imagej_dl_version": "0",
        "keras_version": "3",
        "tensorflow_version": "2",
    }
    return ModelConfig.model_validate(values | more)


@pytest.mark.parametrize(
    "rule",
    [
        {"method": "percentile", "lower": 2, "upper": 99},
        {"method": "percentile", "clip": True},
        {"method": "range"},
        {"method": "range", "largest": 4095},
    ],
)
def test_operations_equal_the_normalisation(rule):
    config = config_of(normalisation=rule)
    image = plane()[..., None]
    made = preprocessing(config, image.dtype)
    steps = [operation(one["id"], one["kwargs"]) for one in made.declared]
    wanted = config.normalisation(image)
    np.testing.assert_allclose(applied(steps, image.astype(np.float32)), wanted, atol=1e-5)


@pytest.mark.parametrize(
    "rule", [{"method": "mean"}, {"method": "equalise"}, {"illumination": 20.0}]
)
def test_normalisations_without_operations_are_left_to_the_user(rule):
    made = preprocessing(config_of(normalisation=rule), np.dtype(np.uint16))
    assert made.operations is None
    assert "normalised already" in made.notes[0]


def test_sizes_leave_something_between_the_halos():
    geometry = Geometry.of(config_of())
    assert (geometry.least, geometry.step, geometry.halo) == (40, 8, 16)
    for side in (10, 40, 47, 300, 700):
        fitted = geometry.fitted(np.zeros((side, 45, 1)))
        assert fitted.shape[0] <= 512
        assert (fitted.shape[0] - 40) % 8 == 0
        assert fitted.shape[1] == 40


@pytest.mark.parametrize("kind", [n for n, m in METHODS.items() if getattr(m, "draws_samples", 0)])
def test_models_that_draw_samples_are_refused(kind, tmp_path):
    config = config_of().model_copy(update={"kind": kind})
    with pytest.raises(UserError, match="draws samples"):
        refuse(config, tmp_path)
    with pytest.raises(UserError, match="5 frames"):
        refuse(config_of(frames=5, axes="TYX"), tmp_path)
    volume = Volume(slices=8, halo=2, multiple_of=1, pixel_depth=1.0)
    with pytest.raises(UserError, match="volumes"):
        refuse(config_of().model_copy(update={"volume": volume}), tmp_path)


def test_names_have_the_letters_that_are_allowed():
    assert plain("Käfer: models/2") == "K fer models 2"
    assert plain("ab") == "model ab"
    assert len(plain("x" * 200)) == 64


def test_missing_authors_are_warned_of_and_wrong_words_refused():
    with pytest.warns(DataWarning, match="no authors and no licence"):
        about("name of it", "", (), "", (), None)
    with pytest.raises(UserError, match="SPDX"):
        about("name of it", "", ("A",), "free for all", (), None)
    with pytest.raises(UserError, match="DOI"):
        about("name of it", "", ("A",), "MIT", ("http://a.b",), None)


def test_a_missing_library_is_named_with_the_remedy(monkeypatch, model, tmp_path):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError, match=r"tf2onnx.*imagej-dl\[export\]"):
        export(model, tmp_path / "a.zip", said())
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_there_stays(model, tmp_path):
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(UserError, match="already there"):
        export(model, tmp_path / "a.zip", said())
    assert (tmp_path / "a.zip").read_text() == "mine"


def test_a_conversion_that_fails_leaves_nothing(monkeypatch, model, tmp_path):
    monkeypatch.setattr(graph, "difference", lambda *_: 0.5)
    with pytest.raises(UserError, match=r"other values than in Keras \(by 0.5\)"):
        export(model, tmp_path / "a.zip", said())
    assert not list(tmp_path.iterdir())
