"""Files that are one image together are read and found as one, whichever is named."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cut_layouts import STACK, write_micromanager
from imagej_dl.project.raw_images import raw_files
from ome_sets import block, movie, ome, pixels, write_pages, write_set

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.evaluation import pairing
from imagej_dl.images.tiff import image_description
from imagej_dl.prediction import inputs
from imagej_dl.project.preparing import prepare_all
from imagej_dl.training.data_sources import find_pairs

NAMES = [f"t{t}.ome.tif" for t in range(4)]


def said(path: Path) -> tuple[np.ndarray, list[str]]:
    """Return what is read of a file, and what is said of it."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        image = images.read(path)
    return image.values, [str(w.message) for w in found]


def names(found: list[Path]) -> list[str]:
    return [path.name for path in found]


def test_a_whole_set_is_one_image(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "faults" / "sets" / "set_whole"
    first, words = said(folder / NAMES[0])
    assert (first.shape, words) == ((4, 32, 40), [])
    for name in NAMES[1:]:
        np.testing.assert_array_equal(said(folder / name)[0], first)
    assert names(images.find([folder])) == NAMES[:1]
    # As a shell gives all files, or some of them, in any order.
    assert names(images.find(sorted(folder.iterdir(), reverse=True))) == NAMES[:1]
    assert names(images.find([folder / NAMES[3], folder / NAMES[1]])) == NAMES[1:2]
    assert [s.name for s in inputs.find([folder])] == ["t0.ome"]
    raw = tmp_path / "Raw"
    shutil.copytree(folder, raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = prepare_all(tmp_path)
    assert [(item.image.name, item.part.name) for item in made] == [("t0.tif", "t0")]
    np.testing.assert_array_equal(images.read(made[0].image), first)


def test_the_missing_file_of_a_set_is_named(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "faults" / "sets" / "set_missing"
    for name in ("t0.ome.tif", "t1.ome.tif", "t3.ome.tif"):
        found, words = said(folder / name)
        assert found.any((1, 2)).tolist() == [True, True, False, True]
        assert "t2.ome.tif, of its set, is not there" in words[0]
        assert "frame 3 of the 4 frames declared by its OME-XML is missing" in words[1]
    assert names(images.find([folder])) == NAMES[:1]
    shutil.copytree(folder, tmp_path / "Raw")
    with pytest.warns(DataWarning, match=r"t2\.ome\.tif, of its set, is not there"):
        assert len(prepare_all(tmp_path)) == 1


def test_the_ends_of_a_set_may_lack(tmp_path: Path) -> None:
    stack = movie(4, 2)
    paths = write_set(tmp_path, stack, NAMES)
    paths[0].unlink()
    found, words = said(paths[2])
    np.testing.assert_array_equal(found[1:], stack[1:, 0])
    assert not found[0].any()
    assert "frame 1 of the 4" in words[1]
    assert names(raw_files(tmp_path)) == NAMES[1:2]
    paths[3].unlink()
    found, words = said(paths[1])
    assert len(found) == 3
    assert "t0.ome.tif, t3.ome.tif, of its set, are not there" in words[0]


def test_two_sets_in_one_folder_and_files_of_none(tmp_path: Path) -> None:
    one, two = movie(3), movie(3, seed=1)
    write_set(tmp_path, one, [f"a{t}.ome.tif" for t in range(3)])
    write_set(tmp_path, two, [f"b{t}.tif" for t in range(3)])
    images.write(images.make(one[0, 0, 0]), tmp_path / "aa.tif")
    write_set(tmp_path, one[:1], ["c.ome.tif"])
    found = images.find([tmp_path])
    assert names(found) == ["a0.ome.tif", "aa.tif", "b0.tif", "c.ome.tif"]
    np.testing.assert_array_equal(images.read(found[0]), one[:, 0, 0])
    np.testing.assert_array_equal(images.read(found[2]), two[:, 0, 0])
    assert names(list(pairing.find(tmp_path).values())) == names(found)


def test_files_that_were_renamed(tmp_path: Path) -> None:
    stack = movie(3)
    write_set(tmp_path, stack[:1], ["a.ome.tif"])[0].rename(tmp_path / "z.ome.tif")
    found, words = said(tmp_path / "z.ome.tif")
    np.testing.assert_array_equal(found, stack[0, 0, 0])
    assert words == []
    for t, path in enumerate(write_set(tmp_path, stack, NAMES[:3])):
        path.rename(tmp_path / f"x{t}.tif")
    for t in range(3):
        found, words = said(tmp_path / f"x{t}.tif")
        np.testing.assert_array_equal(found, stack[:, 0, 0])
        assert words == []
    assert names(images.find([tmp_path])) == ["x0.tif", "z.ome.tif"]
    (tmp_path / "x2.tif").unlink()
    assert "t2.ome.tif, of its set, is not there" in said(tmp_path / "x1.tif")[1][0]


def test_copies_of_a_file_of_a_set(tmp_path: Path) -> None:
    stack = movie(3)
    paths = write_set(tmp_path, stack, NAMES[:3])
    shutil.copy(paths[1], tmp_path / "t1 copy.ome.tif")
    with pytest.warns(DataWarning, match=r"copy.*has the UUID of t1\.ome\.tif, .* left out"):
        assert names(images.find([tmp_path])) == NAMES[:1]
    np.testing.assert_array_equal(said(tmp_path / "t1 copy.ome.tif")[0], stack[:, 0, 0])
    # A single file and its copy are two images: the copy may be another by now.
    other = tmp_path / "single"
    other.mkdir()
    shutil.copy(*write_set(other, stack[:1], ["a.ome.tif"]), other / "b.ome.tif")
    assert names(images.find([other])) == ["a.ome.tif", "b.ome.tif"]


def test_one_uuid_for_several_files(tmp_path: Path) -> None:
    """A writer that gives all files one UUID does not make all frames the first."""
    stack = movie(3)
    paths = write_set(tmp_path, stack, NAMES[:3], ["same"] * 3)
    for path in paths:
        np.testing.assert_array_equal(said(path)[0], stack[:, 0, 0])
    assert names(images.find([tmp_path])) == NAMES[:1]


def test_a_file_of_another_set_under_the_name(tmp_path: Path) -> None:
    stack = movie(3)
    paths = write_set(tmp_path, stack, NAMES[:3])
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(write_set(other, movie(3, seed=1), NAMES[:3])[1], paths[1])
    assert "t1.ome.tif, of its set, has another UUID than the set states" in said(paths[0])[1][0]
    write_pages(paths[1], [stack[0, 0, 0, :5]], "")
    with pytest.raises(UserError, match=r"t1\.ome\.tif, of its set, has pixels of other size"):
        images.read(paths[0])


@pytest.mark.parametrize("name", ["../secret.tif", "/etc/secret.tif", "..\\secret.tif"])
def test_no_file_of_another_folder_is_a_member(tmp_path: Path, name: str) -> None:
    stack = movie(2)
    folder = tmp_path / "set"
    folder.mkdir()
    write_pages(tmp_path / "secret.tif", stack[1, 0], "")
    data = block("a.ome.tif", "a", 0, 0) + block(name, "b", 0, 1)
    write_pages(folder / "a.ome.tif", stack[0, 0], ome(pixels(stack, data), "a"))
    found, words = said(folder / "a.ome.tif")
    np.testing.assert_array_equal(found, stack[0, 0, 0])
    assert re.search("secret.tif, of its set, is not there", words[0])


def companion(folder: Path, stack: np.ndarray, name: str = "a.companion.ome") -> list[Path]:
    """Write a movie as files whose XML is in a further file."""
    files = NAMES[: len(stack)]
    data = "".join(block(file, file, 0, t) for t, file in enumerate(files))
    (folder / name).write_text(ome(pixels(stack, data), "c"), "utf-8")
    for t, file in enumerate(files):
        only = f'<BinaryOnly MetadataFile="{name}" UUID="urn:uuid:c"/>'
        write_pages(folder / file, stack[t, 0], ome(only, file))
    return [folder / file for file in files]


def test_xml_in_a_companion(tmp_path: Path) -> None:
    stack = movie(3)
    paths = companion(tmp_path, stack)
    for path in paths:
        found, words = said(path)
        np.testing.assert_array_equal(found, stack[:, 0, 0])
        assert words == []
    assert images.read(paths[1]).attrs["pixel_width"] == 0.5
    assert names(images.find([tmp_path])) == NAMES[:1]
    raw = tmp_path / "project" / "Raw"
    raw.mkdir(parents=True)
    for path in [*paths, tmp_path / "a.companion.ome"]:
        shutil.copy(path, raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(prepare_all(tmp_path / "project")) == 1
    paths[1].unlink()
    assert "t1.ome.tif, of its set, is not there" in said(paths[0])[1][0]
    (tmp_path / "a.companion.ome").unlink()
    found, words = said(paths[2])
    np.testing.assert_array_equal(found, stack[2, 0, 0])
    assert "its OME-XML is in a.companion.ome, which is not there" in words[0]


def test_xml_in_the_first_file_of_a_set(tmp_path: Path) -> None:
    """As Micro-Manager and Bio-Formats write sets: the others only name the first."""
    stack = movie(3)
    write_set(tmp_path, stack, NAMES[:3])
    for t in (1, 2):
        only = '<BinaryOnly MetadataFile="t0.ome.tif" UUID="urn:uuid:x"/>'
        write_pages(tmp_path / NAMES[t], stack[t, 0], ome(only, f"{NAMES[t]}-{stack[0].flat[0]}"))
    for name in NAMES[:3]:
        found, words = said(tmp_path / name)
        np.testing.assert_array_equal(found, stack[:, 0, 0])
        assert words == []
    assert names(images.find([tmp_path])) == NAMES[:1]


def test_sets_of_channels_with_all_frames_in_each(tmp_path: Path) -> None:
    stack = movie(4, 3)
    files = ["DAPI.ome.tif", "GFP.ome.tif", "RFP.ome.tif"]
    data = "".join(block(file, file, t, t, 0, c) for c, file in enumerate(files) for t in range(4))
    for c, file in enumerate(files):
        write_pages(tmp_path / file, stack[:, 0, c], ome(pixels(stack, data), file))
    for file in files:
        np.testing.assert_array_equal(said(tmp_path / file)[0], stack[:, 0])
    assert names(images.find([tmp_path])) == files[:1]
    (tmp_path / files[1]).unlink()
    found, words = said(tmp_path / files[2])
    np.testing.assert_array_equal(found[:, [0, 2]], stack[:, 0][:, [0, 2]])
    assert not found[:, 1].any()
    assert "GFP.ome.tif, of its set, is not there" in words[0]


def test_an_entity_bomb_in_a_companion_is_refused(tmp_path: Path) -> None:
    path = companion(tmp_path, movie(2))[0]
    bomb = "<!DOCTYPE OME [<!ENTITY a 'b'>]><OME>&a;</OME>"
    (tmp_path / "a.companion.ome").write_text(bomb)
    with pytest.raises(UserError, match="document type"):
        images.read(path)
    (tmp_path / "a.companion.ome").write_text("<OME")
    assert "which is not there" in said(path)[1][0]


def test_a_long_stack_of_micromanager(tmp_path: Path) -> None:
    first = tmp_path / "a_MMStack_Pos0.ome.tif"
    second = tmp_path / "a_MMStack_Pos0_1.ome.tif"
    write_micromanager(first, {(t, 0, 0, 0): STACK[t] for t in range(4)}, Frames=6)
    write_micromanager(second, {(t, 0, 0, 0): STACK[t] for t in (4, 5)}, Frames=6)
    for path in (first, second):
        found, words = said(path)
        np.testing.assert_array_equal(found, STACK)
        assert words == []
    assert names(images.find([tmp_path])) == [first.name]
    second.rename(tmp_path / "elsewhere.tif")
    assert "declares 6 frames, and the file has 4" in said(first)[1][0]


def test_each_position_in_a_file_of_its_own(tmp_path: Path) -> None:
    for r in range(2):
        path = tmp_path / f"a_MMStack_Pos{r}.ome.tif"
        planes = {(t, 0, 0, r): STACK[t + 3 * r] for t in range(3)}
        write_micromanager(path, planes, Frames=3, Positions=2)
    found = images.find([tmp_path])
    assert len(found) == 2
    for r, path in enumerate(found):
        pixels_read, words = said(path)
        np.testing.assert_array_equal(pixels_read, STACK[3 * r : 3 * r + 3])
        assert words == []


def test_descriptions_are_read_alone(tmp_path: Path) -> None:
    for big in (False, True):
        for order in "<>":
            path = tmp_path / "a.tif"
            for text in ("abc", "d" * 300):
                options = {"bigtiff": big, "byteorder": order, "metadata": None}
                tifffile.imwrite(path, STACK[0], description=text, **options)
                assert image_description.read(path) == text
    path.write_bytes(b"II*\0\xff\xff\xff\xff")
    assert image_description.read(path) is None


def test_sets_are_one_image_to_train_on(tmp_path: Path) -> None:
    stack = movie(3)
    labels = images.make((stack[:, 0, 0] > 30000).astype(np.uint16), "TYX")
    places = {
        "p/Processed/images": "p/Processed/masks/t0.ome.tif",
        "s/inputs": "s/labels/t0.ome.tif",
        "n/cells": "n/cells/labels.tif",
    }
    for inputs_of, mask in places.items():
        (tmp_path / inputs_of).mkdir(parents=True)
        write_set(tmp_path / inputs_of, stack, NAMES[:3])
        (tmp_path / mask).parent.mkdir(exist_ok=True)
        images.write(labels, tmp_path / mask)
        folder = tmp_path / inputs_of.split("/")[0]
        ((image, found),) = find_pairs(folder)
        assert (Path(str(image)).name, found) == ("t0.ome.tif", tmp_path / mask)
