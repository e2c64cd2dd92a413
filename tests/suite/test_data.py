import shutil
import warnings

import numpy as np
import pytest
import tifffile
from suite_movie import movie

from imagej_dl import ctc, images
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.progress import silent
from imagej_dl.suite import assemble, items, read_relation, rebuild, results, table_of, write_frames
from imagej_dl.suite.videos import write_relation
from imagej_dl.training import find_pairs
from imagej_dl.training.data_sources import find_given


def make(seed=0, frames=4, shape=(9, 11)):
    rng = np.random.default_rng(seed)
    video = images.make(rng.integers(0, 999, (frames, *shape)).astype(np.uint16), "TYX")
    labels = images.make(rng.integers(0, 4, (frames, *shape)).astype(np.uint16), "TYX")
    return video, labels


@pytest.fixture
def frames(tmp_path):
    """Two videos as single frames."""
    videos, truth = {}, {}
    for seed, name in enumerate(("first_3-6", "second")):
        videos[name], truth[name] = make(seed)
    write_frames(videos, truth, tmp_path / "data")
    return tmp_path / "data", videos, truth


def test_frames_are_named_and_related_as_the_suite_does(frames):
    folder, videos, _ = frames
    assert sorted(p.name for p in (folder / "inputs").iterdir()) == [
        f"raw_{i:03}.tif" for i in range(1, 9)
    ]
    table = read_relation(folder / "videos2im_relation.csv")
    assert list(table) == ["first_3-6", "second_1-4"]
    assert table["second_1-4"] == [f"raw_{i:03}.tif" for i in range(5, 9)]
    np.testing.assert_array_equal(
        images.read(folder / "inputs" / "raw_006.tif").data, videos["second"].data[1]
    )


def test_pairs_are_found_by_number_and_by_name(frames, tmp_path):
    folder, *_ = frames
    found = items(folder)
    assert [(i.image.name, i.labels.name) for i in found][:2] == [
        ("raw_001.tif", "instance_ids_001.tif"),
        ("raw_002.tif", "instance_ids_002.tif"),
    ]
    assert len(find_pairs(folder)) == 8
    other = tmp_path / "named"
    video, labels = make()
    images.write(video, other / "input" / "a_1-4.tif")
    images.write(labels, other / "labels" / "a_1-4.tif")
    images.write(labels, other / "contours" / "a_1-4.tif")
    images.write(labels, other / "weights" / "a_1-4_weight.tif")
    (only,) = items(other)
    assert {only.contours.parent.name, only.weights.parent.name} == {"contours", "weights"}


def test_frames_become_the_videos_they_were(frames):
    folder, videos, truth = frames
    found = items(folder, recurrent=True)
    assert [item.name for item in found] == ["first_3-6", "second_1-4"]
    for item, name in zip(found, videos, strict=True):
        np.testing.assert_array_equal(item.image.data, videos[name].data)
        np.testing.assert_array_equal(item.labels.data, truth[name].data)
        assert item.image.dims == ("T", "Y", "X")


def test_frames_without_a_table_stand_for_themselves(frames):
    folder, *_ = frames
    (folder / "videos2im_relation.csv").unlink()
    with pytest.warns(DataWarning, match="each frame is used by itself"):
        assert len(items(folder, recurrent=True)) == 8


def test_plain_stacks_are_videos_for_a_recurrent_network(tmp_path):
    for place in ("inputs", "labels"):
        (tmp_path / place).mkdir()
        plain = np.zeros((5, 20, 20), np.uint16)
        tifffile.imwrite(tmp_path / place / "a.tif", plain, metadata=None)
    (item,) = items(tmp_path, recurrent=True)
    image = item.image if not hasattr(item.image, "suffix") else images.read(item.image)
    assert image.dims == ("T", "Y", "X")


def test_each_missing_partner_is_named(frames):
    folder, *_ = frames
    (folder / "labels" / "instance_ids_002.tif").unlink()
    (folder / "labels" / "instance_ids_005.tif").unlink()
    (folder / "inputs" / "raw_007.tif").unlink()
    with pytest.raises(UserError) as error:
        items(folder)
    words = str(error.value)
    assert "raw_002.tif has no label map" in words
    assert "raw_005.tif has no label map" in words
    assert "labels/instance_ids_007.tif has no image" in words
    assert "raw_003" not in words
    assert len(items(folder, labelled=False)) == 7


def test_a_folder_without_images(tmp_path):
    with pytest.raises(UserError, match="no folder inputs"):
        items(tmp_path)
    (tmp_path / "inputs").mkdir()
    with pytest.raises(UserError, match="holds no image"):
        items(tmp_path)


def test_videos_and_labels_of_unequal_length(tmp_path):
    video, labels = make()
    with pytest.raises(UserError, match="4 frames, its labels 3"):
        write_frames({"a": video}, {"a": labels.isel(T=slice(3))}, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_frames_of_unequal_size_and_stacks_are_no_video(tmp_path):
    paths = [tmp_path / f"{i}.tif" for i in range(3)]
    images.write(images.make(np.zeros((5, 6), np.uint8)), paths[0])
    images.write(images.make(np.zeros((5, 7), np.uint8)), paths[1])
    images.write(images.make(np.zeros((3, 5, 6), np.uint8), "TYX"), paths[2])
    with pytest.raises(UserError, match=r"1\.tif.*has the size"):
        assemble(paths[:2])
    with pytest.raises(UserError, match="is a stack"):
        assemble([paths[0], paths[2]])


def test_tables_that_are_wrong(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Video;Frame\na_1-3;raw_001.tif\na_1-3;raw_002.tif\n")
    with pytest.warns(DataWarning, match="2 frames, but its name states 3"):
        read_relation(path)
    path.write_text("Video;Frame\na raw_001.tif\n")
    with pytest.raises(UserError, match="line 2 is not VIDEO;FRAME"):
        read_relation(path)
    path.write_text("a_1-2;raw_001.tif\na_1-2;raw_002.tif\n")
    with pytest.raises(UserError, match="line 1 is a frame"):
        read_relation(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_relation(tmp_path / "none.csv")


def test_a_video_that_lacks_a_frame_is_named(frames):
    folder, *_ = frames
    (folder / "inputs" / "raw_006.tif").unlink()
    (folder / "labels" / "instance_ids_006.tif").unlink()
    with pytest.warns(
        DataWarning,
        match=r"second_1-4 is left out with its 3 frames, since raw_006\.tif is missing",
    ):
        assert [item.name for item in items(folder, recurrent=True)] == ["first_3-6"]
    for path in [*folder.glob("inputs/raw_00[5-8].tif"), *folder.glob("labels/*_00[5-8].tif")]:
        path.unlink()
    with warnings.catch_warnings():  # the table of several folders: the video is another's
        warnings.simplefilter("error")
        assert [item.name for item in items(folder, recurrent=True)] == ["first_3-6"]


def test_a_table_that_is_not_there_is_named(frames, tmp_path):
    folder, *_ = frames
    with pytest.raises(UserError, match=r"none\.csv: there is no such table"):
        items(folder, recurrent=True, relation=tmp_path / "none.csv")
    command = Predict(model=tmp_path, images=[folder], out=tmp_path / "o", videos="none.csv")
    with pytest.raises(UserError, match=r"none\.csv: cannot be read"):
        command.run(silent)


def test_two_files_of_one_number_are_named(frames):
    folder, *_ = frames
    shutil.copy(folder / "inputs" / "raw_002.tif", folder / "inputs" / "raw_2.tif")
    with pytest.raises(
        UserError, match=r"raw_002\.tif and raw_2\.tif, whose names stand for the same"
    ):
        items(folder)


def test_videos_are_rebuilt_of_frames_or_of_whole_results(tmp_path):
    write_relation(tmp_path / "t.csv", {"a_1-2": ["raw_001.tif", "raw_002.tif"], "b": ["no.tif"]})
    _, labels = movie(frames=2)
    for t in range(2):
        images.write(labels.isel(T=t), tmp_path / "out" / f"raw_{t + 1:03}.tif")
    assert rebuild(tmp_path / "out", [tmp_path / "t.csv"]) == ["a_1-2"]
    video = images.read(tmp_path / "out" / "reconstructed_videos" / "a_1-2.tif")
    np.testing.assert_array_equal(video.data, labels.data)
    found = ctc.read(tmp_path / "out" / "CTC_evaluation" / "01_RES")
    np.testing.assert_array_equal(found.masks > 0, labels.data > 0)
    assert found.tracks.tolist() == [[1, 0, 1, 0], [2, 0, 1, 0]]
    with pytest.raises(UserError, match="already there"):
        rebuild(tmp_path / "out", [tmp_path / "t.csv"])
    images.write(labels, tmp_path / "lstm" / "a_1-2.tif")
    assert rebuild(tmp_path / "lstm", [tmp_path / "t.csv"]) == ["a_1-2"]
    write_relation(tmp_path / "png.csv", {"a_1-2": ["raw_001.png", "raw_002.png"]})
    assert list(results(tmp_path / "out", tmp_path / "png.csv")) == ["a_1-2"]
    (tmp_path / "empty").mkdir()
    assert rebuild(tmp_path / "empty", [tmp_path / "t.csv"]) == []


def test_the_table_that_knows_the_frames(frames, tmp_path):
    folder, *_ = frames
    own = folder / "videos2im_relation.csv"
    write_relation(tmp_path / "other.csv", {"a_1-2": ["raw_101.tif", "raw_102.tif"]})
    assert table_of(folder) == table_of(folder, tmp_path / "other.csv") == own
    shutil.copy(own, tmp_path / "given.csv")
    assert table_of(folder, tmp_path / "given.csv") == tmp_path / "given.csv"
    own.unlink()
    assert table_of(folder, tmp_path / "other.csv") is None


@pytest.fixture
def parts(tmp_path):
    """Folders train, val and test, whose frames have the same names and are of other videos."""
    lengths = {"train": (3, 3), "val": (2, 4), "test": (4, 4)}
    for seed, (part, frames) in enumerate(lengths.items()):
        made = [make(seed, count) for count in frames]
        videos = {f"{part}{n}": video for n, (video, _) in enumerate(made)}
        labels = {f"{part}{n}": truth for n, (_, truth) in enumerate(made)}
        write_frames(videos, labels, tmp_path / part)
    return tmp_path


def frames_of(found):
    return [[image.sizes["T"] for image, _ in part] for part in found]


def test_the_table_of_the_test_folder_is_not_that_of_the_others(parts, recwarn):
    # The real configurations name the test folder's table for all three folders.
    given = find_given(
        parts / "train",
        parts / "val",
        parts / "test",
        recurrent=True,
        videos=parts / "test" / "videos2im_relation.csv",
    )
    assert frames_of((given.train, given.validation, given.test)) == [[3, 3], [2, 4], [4, 4]]
    assert not [w for w in recwarn if issubclass(w.category, DataWarning)]


def test_a_folder_without_a_table_does_not_take_the_test_folders(parts):
    (parts / "val" / "videos2im_relation.csv").unlink()
    table = parts / "test" / "videos2im_relation.csv"
    with pytest.warns(DataWarning, match=r"val: no videos2im_relation.csv assigns"):
        given = find_given(
            parts / "train", parts / "val", parts / "test", recurrent=True, videos=table
        )
    assert len(given.validation) == 6
    # A table that lies by itself may be meant for all: it is taken, and said.
    shutil.copy(table, parts / "all.csv")
    with pytest.warns(DataWarning, match=r"val: has no videos2im_relation.csv of its own; .*all"):
        find_given(
            parts / "train", parts / "val", parts / "test", recurrent=True, videos=parts / "all.csv"
        )


def test_a_given_table_that_contradicts_the_folders_own_is_said(parts):
    given = parts / "given.csv"
    write_relation(given, {"a": [f"raw_{n:03}.tif" for n in range(1, 9)]})
    with pytest.warns(DataWarning, match=r"groups the frames differently; .*given.csv is use"):
        assert len(items(parts / "test", recurrent=True, relation=given)) == 1


def test_a_table_that_does_not_know_the_frames_is_named(parts):
    table = parts / "val" / "videos2im_relation.csv"
    write_relation(table, {"a": ["raw_001.tif", "raw_002.tif"]})
    with pytest.warns(DataWarning, match=r"relation.csv does not list 4 of the 6 frames \(raw_003"):
        items(parts / "val", recurrent=True)


def test_frames_in_two_videos_or_twice_in_one_are_said(tmp_path):
    path = tmp_path / "t.csv"
    write_relation(path, {"a": ["1.tif", "2.tif"], "b": ["2.tif", "3.tif"]})
    with pytest.warns(DataWarning, match=r"2.tif is in a and in b"):
        read_relation(path)
    write_relation(path, {"a": ["1.tif", "1.tif"]})
    with pytest.raises(UserError, match=r"a has the frame 1.tif twice"):
        read_relation(path)


def test_videos_of_two_tables_are_numbered_on(tmp_path):
    _, labels = movie(frames=2)
    for name in ("a", "b"):
        write_relation(tmp_path / f"{name}.csv", {name: [f"{name}_{t}.tif" for t in range(2)]})
        for t in range(2):
            images.write(labels.isel(T=t), tmp_path / "out" / f"{name}_{t}.tif")
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert rebuild(tmp_path / "out", tables) == ["a", "b"]
    assert (tmp_path / "out" / "CTC_evaluation" / "02_RES" / "res_track.txt").is_file()
    with pytest.raises(UserError, match=r"a video a, as another table has"):
        rebuild(tmp_path / "out", [tmp_path / "a.csv", tmp_path / "a.csv"], overwrite=True)


def test_frames_without_objects_are_rebuilt_too(tmp_path):
    write_relation(tmp_path / "t.csv", {"a_1-2": ["raw_001.tif", "raw_002.tif"]})
    for t in range(2):
        empty = images.make(np.zeros((9, 8), np.uint16))
        images.write(empty, tmp_path / "out" / f"raw_{t + 1:03}.tif")
    assert rebuild(tmp_path / "out", [tmp_path / "t.csv"]) == ["a_1-2"]
    assert len(ctc.read(tmp_path / "out" / "CTC_evaluation" / "01_RES").masks) == 2


def test_validation_and_test_have_their_own_folders(frames, tmp_path):
    folder, *_ = frames
    (tmp_path / "bare" / "inputs").mkdir(parents=True)
    images.write(make()[0], tmp_path / "bare" / "inputs" / "x.tif")
    given = find_given(folder, folder, tmp_path / "bare", recurrent=True)
    assert [len(part) for part in (given.train, given.validation, given.test)] == [2, 2, 0]
    assert len(given.maps) == len(given.pairs) == 4
