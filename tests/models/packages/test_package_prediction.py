"""Packages of BioImage.IO as models: label maps, images, windows, what is refused."""

from __future__ import annotations

import json
import sys
import zipfile

import numpy as np
import pytest
from scipy import ndimage as ndi
from small_packages import (
    SCALED,
    STEEP,
    discs,
    mean_of,
    npy,
    package,
    sigmoid,
    tensors,
    threshold,
)

from imagej_dl import images, models, preferences
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.models.packages import verification
from imagej_dl.prediction import predict, predict_image

pytest.importorskip("onnxruntime")


@pytest.fixture(autouse=True)
def no_memory(tmp_path, monkeypatch):
    """What was checked in one test is not known in another."""
    monkeypatch.setattr(preferences, "path", lambda: tmp_path / "home" / "settings.json")


def expected_labels(image):
    return ndi.label(image > 127)[0]


@pytest.mark.parametrize("name", ["discs.zip", "discs"])
def test_a_probability_of_objects_becomes_a_label_map(tmp_path, name):
    bundle = models.load(package(tmp_path / name))
    image = discs(100, seed=1)
    found = predict(bundle, image, probabilities=True)
    np.testing.assert_array_equal(found.labels, expected_labels(image))
    wanted = sigmoid(STEEP * (image / np.float32(255) - 0.5))
    np.testing.assert_allclose(found.probabilities.values.squeeze(), wanted, atol=1e-5)


def test_a_folder_is_named_by_its_description_too(tmp_path):
    folder = package(tmp_path / "discs")
    assert models.load_config(folder / "rdf.yaml").classes == ("object",)
    assert models.config.holds_model(folder)


@pytest.mark.parametrize("side", [40, 64, 150])
def test_a_network_of_one_size_sees_windows_of_just_that_size(tmp_path, side, monkeypatch):
    shape = ["batch", 1, 64, 64]
    tests = tensors(64)
    path = package(tmp_path / "fixed.zip", data=threshold(shape), tests=tests, size=64, halo=8)
    bundle = models.load(path)
    seen = []
    run = bundle.model.run
    monkeypatch.setattr(bundle.model, "run", lambda w: seen.append(w.shape[1:3]) or run(w))
    image = discs(side, seed=2)
    np.testing.assert_array_equal(predict(bundle, image).labels, expected_labels(image))
    assert set(seen) == {(64, 64)}


def blurred(path, halo, **more):
    image = discs(64)[None, None].astype(np.float32)
    mean = ndi.uniform_filter(image[0, 0], 9, mode="constant")[None, None]
    tests = {"in.npy": image, "out.npy": mean.astype(np.float32)}
    return package(path, data=mean_of(9), tests=tests, halo=halo, before=[], after=[], **more)


def test_tiles_overlap_by_the_halo_and_begin_on_the_grid(tmp_path, monkeypatch):
    """The result of tiles is that of the whole plane, since the halo is what the network sees."""
    bundle = models.load(blurred(tmp_path / "mean.zip", 4, size={"min": 32, "step": 8}))
    assert bundle.config.gives == "image"
    image = discs(160, seed=3)
    whole = predict_image(bundle, image, tile=4096)
    seen = []
    run = bundle.model.run
    monkeypatch.setattr(bundle.model, "run", lambda w: seen.append(w.shape[1:3]) or run(w))
    tiled = predict_image(bundle, image, tile=60)
    assert set(seen) == {(56, 56)}
    np.testing.assert_allclose(tiled, whole, atol=1e-3)
    wanted = ndi.uniform_filter(image.astype(np.float32), 9, mode="constant")
    np.testing.assert_allclose(whole[4:-4, 4:-4], wanted[4:-4, 4:-4], atol=1e-3)


def test_an_image_is_given_as_the_package_gives_it(tmp_path):
    bundle = models.load(blurred(tmp_path / "mean.zip", 4))
    stack = images.make(np.stack([discs(48), discs(48, seed=4)]), "TYX")
    found = predict_image(bundle, stack)
    assert found.dims == ("T", "Y", "X")
    wanted = ndi.uniform_filter(stack[1].values.astype(np.float32), 9, mode="constant")
    np.testing.assert_allclose(found[1], wanted, atol=1e-3)


def test_operations_on_the_whole_output_know_the_input(tmp_path):
    image = discs(64)[None, None].astype(np.float32)
    mean = ndi.uniform_filter(image[0, 0], 9, mode="constant")
    like = (mean - mean.mean()) / (mean.std() + 1e-6) * (image.std() + 1e-6) + image.mean()
    after = [{"id": "scale_mean_variance", "kwargs": {"reference_tensor": "raw"}}]
    tests = {"in.npy": image, "out.npy": like[None, None].astype(np.float32)}
    path = package(
        tmp_path / "like.zip", data=mean_of(9), tests=tests, halo=4, before=[], after=after
    )
    found = predict_image(models.load(path), images.make(np.stack([discs(64)] * 2), "TYX"))
    np.testing.assert_allclose(found[1], like, atol=1e-3)


def test_statistics_are_those_of_the_plane_not_of_the_tile(tmp_path):
    def standardised(plane):
        return (plane - plane.mean()) / (plane.std() + 1e-6)

    image = discs(64)[None, None].astype(np.float32)
    before = [{"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}}]
    tests = {"in.npy": image, "out.npy": STEEP * (standardised(image) - 0.5)}
    tests["out.npy"] = tests["out.npy"].astype(np.float32)
    path = package(tmp_path / "mean.zip", tests=tests, before=before, after=[])
    plane = discs(130, seed=5).astype(np.float32)
    plane[:40] += 50
    found = predict_image(models.load(path), plane, tile=32)
    np.testing.assert_allclose(found, STEEP * (standardised(plane) - 0.5), atol=1e-3)


def test_batches_are_taken_apart_where_the_package_takes_one(tmp_path):
    shape = [1, 1, 64, 64]
    path = package(tmp_path / "one.zip", data=threshold(shape), size=64, halo=8, batch={"size": 1})
    image = discs(150, seed=2)
    found = predict(models.load(path), image, batch=4)
    np.testing.assert_array_equal(found.labels, expected_labels(image))


def test_version_0_4_is_read(tmp_path):
    def older(content):
        source, target = content["inputs"][0], content["outputs"][0]
        content["format_version"] = "0.4.9"
        content["inputs"] = [
            {
                "name": source["id"],
                "axes": "bcyx",
                "data_type": "float32",
                "shape": {"min": [1, 1, 16, 16], "step": [0, 0, 8, 8]},
                "preprocessing": [{"name": "scale_linear", "kwargs": {"gain": 1 / 255}}],
            }
        ]
        content["outputs"] = [
            {
                "name": target["id"],
                "axes": "bcyx",
                "data_type": "float32",
                "halo": [0, 0, 8, 8],
                "shape": {
                    "reference_tensor": "raw",
                    "scale": [1, 1, 1, 1],
                    "offset": [0, 0, 0, 0],
                },
                "postprocessing": [{"name": "sigmoid"}],
            }
        ]
        content["test_inputs"], content["test_outputs"] = ["in.npy"], ["out.npy"]

    bundle = models.load(package(tmp_path / "old.zip", change=older))
    assert (bundle.config.halo, bundle.config.multiple_of) == (8, 8)
    image = discs(90, seed=6)
    np.testing.assert_array_equal(predict(bundle, image).labels, expected_labels(image))


def test_another_result_of_the_test_tensors_is_refused(tmp_path):
    tests = tensors()
    tests["out.npy"] = 1 - tests["out.npy"]
    path = package(tmp_path / "wrong.zip", tests=tests)
    with pytest.raises(UserError, match="another result for its test input") as caught:
        models.load(path)
    assert caught.value.path == str(path)


def test_the_check_is_done_once_for_a_package(tmp_path, monkeypatch):
    path = package(tmp_path / "discs.zip")
    calls = []
    check = verification.check
    monkeypatch.setattr(verification, "check", lambda *a: calls.append(1) or check(*a))
    models.load(path)
    models.load(path)
    assert len(calls) == 1
    package(path, name="the same with another name")
    models.load(path)
    assert len(calls) == 2
    assert len(json.loads((tmp_path / "home" / "packages.json").read_text())) == 2


def test_a_file_is_unpacked_once_for_all_that_asks_for_it(tmp_path, monkeypatch):
    path = package(tmp_path / "discs.zip")
    names = []
    unpacked = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile, "open", lambda *a, **k: names.append(a[1]) or unpacked(*a, **k)
    )
    models.load(path)
    assert sorted(names) == ["in.npy", "net.onnx", "out.npy", "rdf.yaml"]


def test_no_test_tensors_are_warned_of(tmp_path):
    def untested(content):
        for side in ("inputs", "outputs"):
            del content[side][0]["test_tensor"]

    with pytest.warns(DataWarning, match="no test tensors"):
        models.load(package(tmp_path / "bare.zip", change=untested))


def test_a_changed_file_is_refused(tmp_path):
    path = package(tmp_path / "discs", files={"in.npy": npy(np.zeros((1, 1, 64, 64), "f4"))})
    with pytest.raises(UserError, match=r"SHA-256 of in\.npy"):
        models.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format_version="0.3.6"), "version 0.3.6"),
        (lambda c: c.update(type="dataset"), "type dataset"),
        (lambda c: c.update(weights={"pytorch_state_dict": {"source": "a.pt"}}), "PyTorch weights"),
        (lambda c: c.update(weights={"tensorflow_js": {"source": "a.zip"}}), "tensorflow_js"),
        (
            lambda c: c["inputs"][0].update(preprocessing=[{"id": "custom", "kwargs": {}}]),
            "does not run",
        ),
        (lambda c: c["inputs"].append(dict(c["inputs"][0], id="two")), "several inputs"),
        (
            lambda c: c["inputs"][0]["axes"].append(
                {"type": "space", "id": "z", "size": {"min": 8, "step": 8}}
            ),
            "one of stacks",
        ),
        (
            lambda c: c["outputs"][0]["axes"][2].update(
                size={"tensor_id": "raw", "axis_id": "y", "offset": -8}
            ),
            "another size",
        ),
        (
            lambda c: c["weights"]["onnx"].update(source="https://example.org/net.onnx"),
            "nothing from the network",
        ),
        (lambda c: c["weights"]["onnx"].update(source="../net.onnx"), "outside of the package"),
        (
            lambda c: c["weights"]["onnx"].update(external_data={"source": "a.data"}),
            "second file",
        ),
        (lambda c: c["inputs"][0].pop("axes"), "axes"),
        (lambda c: c["inputs"][0].update(axes="bcyx"), "axes"),
    ],
)
def test_what_is_not_predicted_is_refused_in_words(tmp_path, change, words):
    path = package(tmp_path / "odd.zip", change=change)
    with pytest.raises(UserError, match=words) as caught:
        models.load(path)
    assert caught.value.path == str(path)


def test_labels_of_an_output_that_is_none_are_refused(tmp_path):
    config = models.load_config(blurred(tmp_path / "mean.zip", 4))
    with pytest.raises(UserError, match="do not say which are object"):
        config.giving("labels")
    probable = models.load_config(package(tmp_path / "discs.zip"))
    assert probable.giving("image").method.gives == "image"


def test_the_description_is_data(tmp_path):
    path = package(tmp_path / "code")
    (path / "rdf.yaml").write_text("!!python/object/apply:os.system ['touch done']\n")
    with pytest.raises(UserError, match="is not YAML"):
        models.load_config(path)
    (path / "rdf.yaml").write_text("[" * 5000)
    with pytest.raises(UserError, match="is not YAML"):
        models.load_config(path)


def test_a_pixel_size_that_is_declared_counts(tmp_path):
    def calibrated(content):
        for side in ("inputs", "outputs"):
            for axis in content[side][0]["axes"][2:]:
                axis.update(unit="micrometer", scale=0.5)

    config = models.load_config(package(tmp_path / "discs.zip", change=calibrated))
    assert (config.pixel_width, config.pixel_height, config.unit) == (0.5, 0.5, "µm")


def test_processing_stands_in_its_order(tmp_path):
    before = [SCALED, {"id": "clip", "kwargs": {"min": 0.0, "max": 0.4}}]
    image = discs(64)[None, None].astype(np.float32)
    wanted = sigmoid(STEEP * (np.minimum(image / 255, 0.4) - 0.5))
    tests = {"in.npy": image, "out.npy": wanted}
    bundle = models.load(package(tmp_path / "dark.zip", tests=tests, before=before))
    assert predict(bundle, discs(64)).labels.max() == 0


def test_an_own_configuration_goes_with_the_tensors(tmp_path):
    own = {
        "kind": "border",
        "classes": ["background", "object", "border"],
        "architecture": {"name": "unet", "arguments": {}},
        "normalisation": {},
        "patch": 64,
        "halo": 8,
        "multiple_of": 8,
        "imagej_dl_version": "0",
        "keras_version": "3",
        "tensorflow_version": "2",
    }
    path = package(tmp_path / "odd.zip", config={"imagej_dl": {"model": own}})
    with pytest.raises(UserError, match="does not go with its tensors"):
        models.load(path)


def test_further_outputs_are_said_once(tmp_path):
    def two(content):
        content["outputs"].append(dict(content["outputs"][0], id="second"))

    path = package(tmp_path / "two.zip", change=two)
    models.load_config(path)
    with pytest.warns(DataWarning, match="left out: second"):
        models.load(path)


@pytest.mark.parametrize("library", ["onnxruntime", "yaml"])
def test_a_missing_library_is_named_with_the_remedy(tmp_path, monkeypatch, library):
    path = package(tmp_path / "discs.zip")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=r"is not installed.*imagej-dl\[bioimageio\]"):
        models.load(path)


def test_batches_that_the_memory_does_not_hold_are_halved(tmp_path, monkeypatch):
    bundle = models.load(package(tmp_path / "discs.zip", size=64, halo=8))
    compute = bundle.model.compute

    def small(tensor):
        if len(tensor) > 1:
            raise MemoryError
        return compute(tensor)

    monkeypatch.setattr(bundle.model, "compute", small)
    image = discs(150, seed=2)
    np.testing.assert_array_equal(predict(bundle, image, batch=5).labels, expected_labels(image))

    def none(tensor):
        raise MemoryError

    monkeypatch.setattr(bundle.model, "compute", none)
    with pytest.raises(UserError, match="not enough memory for a tile of 64×64 px"):
        predict(bundle, image)
