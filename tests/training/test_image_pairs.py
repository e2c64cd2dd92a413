"""Pairs of images are found by their names, and those without partner are named."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.training import data_sources, image_pairs


def write(folder, *names):
    for name in names:
        path = folder / name
        if path.suffix == ".png":
            PIL.Image.new("L", (8, 8)).save(path)
        else:
            images.write(images.make(np.zeros((8, 8), np.uint8)), path)


@pytest.mark.parametrize(("first", "second"), image_pairs.LAYOUTS)
def test_the_two_folders_of_a_training_are_known_by_their_names(tmp_path, first, second):
    write(tmp_path / first, "b.tif", "a.tif")
    write(tmp_path / second, "a.tif", "b.tif")
    found = image_pairs.find(tmp_path)
    assert found == [
        (tmp_path / first / name, tmp_path / second / name) for name in ("a.tif", "b.tif")
    ]


def test_a_folder_of_targets_can_be_anywhere_and_of_another_format(tmp_path):
    write(tmp_path / "noisy", "a.ome.tif", "é.tif")
    write(tmp_path / "good", "a.tif", "e\u0301.png")
    found = image_pairs.find(tmp_path / "noisy", tmp_path / "good")
    assert [(a.name, b.name) for a, b in found] == [
        ("a.ome.tif", "a.tif"),
        ("é.tif", "e\u0301.png"),
    ]


def test_files_without_partner_are_all_named_in_one_error(tmp_path):
    write(tmp_path / "low", "a.tif", "b.tif", "c.tif")
    write(tmp_path / "high", "b.tif", "d.tif")
    with pytest.raises(UserError) as caught:
        image_pairs.find(tmp_path)
    assert all(word in str(caught.value) for word in ("a.tif, c.tif", "d.tif", "same name"))
    write(tmp_path / "high", *(f"more{i}.tif" for i in range(9)))
    with pytest.raises(UserError, match="and 7 more"):
        image_pairs.find(tmp_path)


def test_two_files_are_one_pair_whatever_their_names(tmp_path):
    write(tmp_path, "noisy.tif", "good.tif")
    one, other = tmp_path / "noisy.tif", tmp_path / "good.tif"
    assert image_pairs.find(one, other) == [(one, other)]
    with pytest.raises(UserError, match=r"noisy\.tif: is one image, without another"):
        image_pairs.find(one)
    with pytest.raises(UserError, match="is no folder"):
        image_pairs.find(tmp_path, other)
    with pytest.raises(UserError, match="its own target"):
        image_pairs.find(one, one)


def test_the_target_of_one_file_may_be_in_a_folder_of_targets(tmp_path):
    write(tmp_path / "noisy", "a.tif")
    write(tmp_path / "good", "b.tif", "a.png")
    image = tmp_path / "noisy" / "a.tif"
    target = tmp_path / "good" / "a.png"
    assert image_pairs.find(image, tmp_path / "good") == [(image, target)]
    assert image_pairs.partners([image], tmp_path / "good") == [target]
    with pytest.raises(UserError, match=r"no file in .*noisy is called as b\.tif"):
        image_pairs.partners([tmp_path / "good" / "b.tif"], tmp_path / "noisy")


def test_images_in_memory_are_a_pair(tmp_path):
    write(tmp_path, "good.tif")
    one, other = (images.make(np.full((8, 8), value), title="t") for value in (1, 2))
    assert image_pairs.find(one, other) == [(one, other)]
    assert image_pairs.find(one, tmp_path / "good.tif") == [(one, tmp_path / "good.tif")]
    for target, words in (
        (None, "t: is one image, without another"),
        (one.copy(), "its own target"),
        (tmp_path, "is a folder, and t one image"),
        (tmp_path / "no.tif", "no such file, and t one image"),
    ):
        with pytest.raises(UserError, match=words):
            image_pairs.find(one, target)
    with pytest.raises(UserError, match="is a folder"):
        image_pairs.find(tmp_path, other)


def test_what_is_no_pair_of_folders_is_refused(tmp_path):
    with pytest.raises(UserError, match="low and high"):
        image_pairs.find(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        image_pairs.find(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no such folder"):
        image_pairs.find(tmp_path, tmp_path / "nowhere")
    with pytest.raises(UserError, match="cannot be that of their targets"):
        image_pairs.find(tmp_path, tmp_path)
    (tmp_path / "low").mkdir()
    (tmp_path / "high").mkdir()
    with pytest.raises(UserError, match="holds no image"):
        image_pairs.find(tmp_path)
    write(tmp_path / "low", "a.tif", "a.png")
    with pytest.raises(UserError, match="same name as"):
        image_pairs.find(tmp_path)


def zarr(path):
    (path / "0").mkdir(parents=True)
    (path / ".zattrs").write_text("{}")
    return path


def test_an_ome_zarr_is_one_image_and_no_folder_of_images(tmp_path):
    write(tmp_path / "good", "a.tif")
    one, other = zarr(tmp_path / "noisy" / "a.ome.zarr"), zarr(tmp_path / "good.ome.zarr")
    assert image_pairs.find(one, other) == [(one, other)]
    assert image_pairs.find(one, tmp_path / "good") == [(one, tmp_path / "good" / "a.tif")]
    assert image_pairs.find(tmp_path / "noisy", tmp_path / "good") == [
        (one, tmp_path / "good" / "a.tif")
    ]
    with pytest.raises(UserError, match=r"a\.ome\.zarr: is one image, without another one"):
        image_pairs.find(one)
    with pytest.raises(UserError, match=r"good\.ome\.zarr: is no folder$"):
        image_pairs.find(tmp_path / "noisy", other)
    with pytest.raises(UserError, match=r"good: is a folder, and .*a\.ome\.zarr one image"):
        image_pairs.pair(one, tmp_path / "good")
    with pytest.raises(UserError, match=r"good\.ome\.zarr: is no folder with a target for each"):
        image_pairs.partners([one], other)


def test_the_chunks_of_an_ome_zarr_are_no_images_to_learn_from(tmp_path):
    found = zarr(tmp_path / "set" / "sub" / "a.ome.zarr")
    write(found / "0", "chunk.tif")
    assert data_sources.find_images(tmp_path / "set") == [found]
    with pytest.raises(UserError, match=r"a\.ome\.zarr: is no folder"):
        data_sources.find_pairs(found)
