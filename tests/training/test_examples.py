import gc
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import Normalisation
from imagej_dl.models import ModelConfig
from imagej_dl.models.config import Architecture
from imagej_dl.training import find_pairs
from imagej_dl.training.examples import Examples

NORMALISATION = Normalisation()


def pair(image_shape=(20, 30), dims="YX", labels_dims=None, ids=(1, 2), **attrs):
    image = np.random.default_rng(0).integers(0, 999, image_shape).astype(np.uint16)
    kept = [(size, d) for size, d in zip(image_shape, dims, strict=True) if d != "C"]
    labels = np.zeros([size for size, _ in kept], np.uint16)
    for i, label in enumerate(ids):
        labels[..., 2:10, 3 + 12 * i : 12 + 12 * i] = label
    names = labels_dims or "".join(d for _, d in kept)
    return images.make(image, dims, **attrs), images.make(labels, names)


def read(*pairs, **more):
    return Examples(pairs, NORMALISATION, **more)


def test_a_plane_is_normalised_and_keeps_its_labels():
    image, labels = pair(pixel_width=0.5, pixel_height=0.5, unit="µm", title="a.tif")
    found = read((image, labels))
    (example,) = found.sources[0]
    np.testing.assert_array_equal(example.image[..., 0], NORMALISATION(image.data))
    np.testing.assert_array_equal(example.labels, labels.data)
    assert (found.channels, found.calibration.pixel_width, example.name) == (1, 0.5, "a.tif")
    np.testing.assert_array_equal(found.raw, image.data)


@pytest.mark.parametrize(("dims", "labels_dims"), [("TYX", "TYX"), ("ZYX", "TYX"), ("TYX", "ZYX")])
def test_each_plane_of_a_stack_is_an_example(dims, labels_dims):
    found = read(pair((4, 20, 30), dims, labels_dims, title="v"))
    assert [e.name for e in found.sources[0]] == [f"v {dims[0]}={i}" for i in (1, 2, 3, 4)]


def test_channels_come_last_and_share_the_labels():
    image, labels = pair((2, 3, 20, 30), "TCYX")
    found = read((image, labels))
    assert found.channels == 3
    assert [e.image.shape for e in found.sources[0]] == [(20, 30, 3)] * 2
    expected = NORMALISATION(np.moveaxis(image.data[1], 0, -1))
    np.testing.assert_array_equal(found.sources[0][1].image, expected)


def test_planes_nobody_labelled_are_left_out_of_stacks():
    image, labels = pair((4, 20, 30), "TYX", title="v")
    labels[2] = 0
    with pytest.warns(DataWarning, match="1 of 4 planes"):
        found = read((image, labels))
    assert [e.name for e in found.sources[0]] == ["v T=1", "v T=2", "v T=4"]


def test_a_single_image_without_objects_is_kept():
    found = read(pair(), pair(ids=()))
    assert [len(planes) for planes in found.sources] == [1, 1]


def test_ids_above_65535_are_kept():
    image, labels = pair()
    wide = images.with_data(labels, labels.data.astype(np.int64) * 70_000)
    found = read((image, wide))
    assert set(np.unique(found.sources[0][0].labels)) == {0, 70_000, 140_000}


def test_diameter_is_the_median_over_all_images():
    found = read(pair(ids=(1,)), pair())
    assert found.diameter == pytest.approx(np.sqrt(4 * 72 / np.pi))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda i, m: (i, m[:, :-1]), r"\(20, 29\).*\(20, 30\)"),
        (lambda i, m: (i, m.transpose()[:, ::-1].T[:10]), r"\(10, 30\)"),
        (lambda i, m: (i, m + 0.5), "whole numbers"),
        (lambda i, m: (i, m.astype(np.int32) - 1), "-1"),
        (lambda i, m: (i, m * 0), "none of the label maps"),
        (lambda i, m: (i.astype(np.float32) * np.inf, m), "NaN or infinite"),
    ],
)
def test_pairs_that_do_not_fit(change, words):
    image, labels = pair()
    with pytest.raises(UserError, match=words):
        read(change(image, labels))


def test_colour_label_maps_are_refused():
    image, _ = pair()
    colours = np.zeros((20, 30, 3), np.uint8)
    colours[5, 5, 0] = 1
    with pytest.raises(UserError, match="has channels"):
        read((image, images.make(colours, "YXC")))


def test_images_of_other_channels_are_named():
    one, labels = pair(title="one.tif")
    two, _ = pair((2, 20, 30), "CYX", title="two.tif")
    with pytest.raises(UserError, match=r"two\.tif: has 2 channel.*one\.tif has 1.*Split Channels"):
        read((one, labels), (two, labels))


def test_other_pixel_sizes_are_warned_of():
    small = pair(pixel_width=0.1, pixel_height=0.1, unit="µm")
    large = pair(pixel_width=0.5, pixel_height=0.5, unit="µm", title="large.tif")
    with pytest.warns(DataWarning, match=r"large\.tif: pixels of 0.5 µm"):
        read(small, large)


def test_pixel_sizes_are_compared_in_any_unit_of_length():
    one = pair(pixel_width=0.5, pixel_height=0.5, unit="micron")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        read(one, pair(pixel_width=500, pixel_height=500, unit="nm"))
    with pytest.warns(DataWarning, match=r"nm\.tif: pixels of 0.5 nm"):
        read(one, pair(pixel_width=0.5, pixel_height=0.5, unit="nm", title="nm.tif"))


def model_like(**fields):
    return ModelConfig(
        kind="border",
        classes=["background", "object", "border"],
        architecture=Architecture(name="unet", arguments={}),
        normalisation=NORMALISATION,
        patch=64,
        halo=8,
        multiple_of=4,
        imagej_dl_version="0",
        keras_version="0",
        tensorflow_version="0",
        **fields,
    )


def test_fine_tuned_on_other_pixels_the_model_records_what_it_learns():
    like = model_like(pixel_width=0.65, pixel_height=0.65, unit="µm")
    new = {"pixel_width": 0.325, "pixel_height": 0.325, "unit": "µm"}
    with pytest.warns(DataWarning, match=r"0\.325 µm, those of the model .* records the former"):
        found = read(pair(title="a.tif", **new), pair(title="b.tif", **new), like=like)
    assert (found.calibration.pixel_width, found.calibration.unit) == (0.325, "µm")
    with pytest.warns(DataWarning, match=r"1 pixel, those of the model .* records the latter"):
        found = read(pair(), like=like)
    assert (found.calibration.pixel_width, found.calibration.unit) == (0.65, "µm")


def test_slices_of_the_model_to_start_from_keep_their_distance():
    volume = {"slices": 4, "halo": 3, "multiple_of": 1, "pixel_depth": 0.7}
    like = model_like(pixel_width=0.2, pixel_height=0.2, unit="µm", axes="ZYX", volume=volume)
    with pytest.warns(DataWarning, match="records the latter"):
        assert read(pair(), like=like).calibration.pixel_depth == 0.7


def test_nothing_to_train_on():
    with pytest.raises(UserError, match="no image"):
        read()


@pytest.mark.slow
def test_large_data_are_memory_mapped_and_vanish(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    small = read(pair(title="a"))
    large = read(pair(title="a"), memory_limit=1000)
    mapped = large.sources[0][0]
    assert isinstance(mapped.image, np.memmap)
    np.testing.assert_array_equal(mapped.image, small.sources[0][0].image)
    assert large.fingerprint == small.fingerprint
    assert list(tmp_path.iterdir())
    del large, mapped
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_fingerprint_is_of_pixels_and_labels():
    image, labels = pair()
    one = read((image, labels)).fingerprint
    labels[0, 0] = 9
    assert read((image, labels)).fingerprint != one


def save(folder: Path, name: str, labels: str | None = "labels.tif", rois_name: str = ""):
    image, truth = pair(title=name)
    images.write(image, folder / "image.tif")
    if labels:
        images.write(truth, folder / labels)
    if rois_name:
        rois.write(rois.trace(truth), folder / rois_name)
    return truth


def test_folders_with_images_and_masks(tmp_path):
    image, labels = pair()
    for name in ("b", "a"):
        images.write(image, tmp_path / "P" / "Processed" / "images" / f"{name}.tif")
        images.write(labels, tmp_path / "P" / "Processed" / "masks" / f"{name}.tif")
    for folder in (tmp_path / "P", tmp_path / "P" / "Processed"):
        found = find_pairs(folder)
        assert [(i.name, m.parent.name) for i, m in found] == [
            ("a.tif", "masks"),
            ("b.tif", "masks"),
        ]


def test_folders_with_label_maps(tmp_path):
    for name in ("b", "a"):
        save(tmp_path / "data" / name, name)
    found = find_pairs(tmp_path / "data")
    assert [(i.parent.name, m.name) for i, m in found] == [("a", "labels.tif"), ("b", "labels.tif")]
    names = [planes[0].name for planes in Examples(found, NORMALISATION).sources]
    assert names == ["a/image.tif", "b/image.tif"]


def test_folders_with_roi_sets(tmp_path):
    truth = save(tmp_path / "data" / "a", "a", labels=None, rois_name="RoiSet.zip")
    found = find_pairs(tmp_path / "data")
    examples = Examples(found, NORMALISATION)
    np.testing.assert_array_equal(examples.sources[0][0].labels, truth.data)


def test_real_nuclei_folder(shared_data):
    found = find_pairs(shared_data / "nuclei" / "train")
    assert len(found) == 36
    assert all(i.parent == m.parent for i, m in found)


def test_folders_with_nothing_to_train_on(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        find_pairs(tmp_path / "none")
    with pytest.raises(UserError, match="to train on"):
        find_pairs(tmp_path)
    (tmp_path / "f").write_text("")
    with pytest.raises(UserError, match="no folder"):
        find_pairs(tmp_path / "f")


def noisy(seed, filled):
    """An image of bright squares on noise, or of noise alone, and its labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((96, 96), np.uint16)
    if filled:
        labels[10:30, 10:30], labels[50:70, 40:60] = 1, 2
    plane = rng.normal(100, 5, labels.shape) + 200 * (labels > 0)
    image = images.make(plane.round().astype(np.uint16), title=f"{seed}.tif")
    return image, images.make(labels)


def test_planes_without_objects_are_trained_on_as_they_are_predicted():
    pairs = [noisy(0, True), noisy(1, False), noisy(2, True)]
    found = Examples(pairs, Normalisation())
    assert found.seen.planes == 2
    assert found.seen.channels[0].levels[0] == pytest.approx(90, abs=5)
    full, empty, _ = (planes[0].image for planes in found.sources)
    np.testing.assert_array_equal(full[..., 0], Normalisation()(pairs[0][0].data))
    assert Normalisation()(pairs[1][0].data).std() > 0.1
    assert empty.std() < 0.06
    predicted = Normalisation()(pairs[1][0].data, None, found.seen)
    np.testing.assert_allclose(empty[..., 0], predicted, atol=1e-5)


def test_other_ways_to_normalise_keep_nothing():
    assert Examples([noisy(0, True)], Normalisation(method="range")).seen is None
