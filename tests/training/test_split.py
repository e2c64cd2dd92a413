import warnings
from dataclasses import replace

import numpy as np
import pytest

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.training.patches import Example
from imagej_dl.training.split import split


def planes(name, count, shape=(20, 30)):
    return [
        Example(f"{name} T={t + 1}", np.zeros((*shape, 1), np.float32), np.ones(shape, np.uint16))
        for t in range(count)
    ]


def names(part):
    return [example.name for example in part]


def test_files_are_divided_whole():
    found = split([planes(f"v{i}", 4) for i in range(10)], 0.2, 0.1, seed=1)
    assert (len(found.train), len(found.validation), len(found.test)) == (28, 8, 4)
    files = [{name.split()[0] for name in names(p)} for p in (found.train, found.validation)]
    assert not files[0] & files[1]
    assert found.by == "files"


def test_the_seed_decides():
    sources = [planes(f"v{i}", 1) for i in range(12)]
    one, same, other = (split(sources, seed=seed).record() for seed in (3, 3, 4))
    assert one == same
    assert one["train"] != other["train"]
    assert one["seed"] == 3


def test_videos_are_divided_into_contiguous_blocks():
    found = split([planes("movie", 20)], 0.2, 0.1)
    everything = names(found.train) + names(found.validation) + names(found.test)
    assert everything == names(planes("movie", 20))
    assert (len(found.validation), len(found.test), found.by) == (4, 2, "planes")


def test_of_two_movies_the_shorter_validates():
    found = split([planes("short", 8), planes("long", 20)], 0.2, 0.1)
    assert names(found.train) == names(planes("long", 20))
    assert names(found.validation + found.test) == names(planes("short", 8))
    assert (len(found.test), found.by, found.shared) == (3, "movies", None)
    equal = split([planes("a", 6), planes("b", 6)], 0.2, 0)
    assert (names(equal.train), equal.test) == (names(planes("a", 6)), [])
    before = split([planes("short", 8), planes("long", 20)], 0.2, 0.1, by_movie=False)
    assert (before.by, len(before.train)) == ("planes", 19)


def test_a_movie_without_objects_cannot_validate():
    empty = [replace(one, labels=np.zeros((20, 30), np.uint16)) for one in planes("empty", 8)]
    assert split([planes("movie", 20), empty]).by == "planes"


def test_frames_of_the_training_movie_are_said_to_be_such():
    assert "frames" in split([planes("movie", 20)]).shared
    assert split([planes(f"v{i}", 4) for i in range(3)]).shared is None
    assert split([planes(f"v{i}", 1) for i in range(10)]).shared is None
    with pytest.warns(DataWarning):
        assert "part" in split([drawn("a", [(2, 6, 2, 20), (10, 18, 25, 28)])]).shared
    with pytest.warns(DataWarning):
        assert split([drawn("one", [(5, 9, 5, 9)]), drawn("two", [(1, 5, 1, 5)])]).shared is None


def drawn(name, boxes, shape=(20, 30)):
    """A plane with one object a box (y0, y1, x0, x1)."""
    labels = np.zeros(shape, np.uint16)
    for label, (top, bottom, left, right) in enumerate(boxes, 1):
        labels[top:bottom, left:right] = label
    return [Example(name, np.zeros((*shape, 1), np.float32), labels, digest=name)]


def test_one_plane_is_cut_along_its_longer_side():
    with pytest.warns(DataWarning, match="1 image"):
        found = split([drawn("a", [(2, 6, 2, 20), (10, 18, 25, 28)])], 0.2)
    assert found.train[0].labels.shape == (20, 24)
    assert found.validation[0].labels.shape == (20, 6)
    assert found.validation[0].image.shape == (20, 6, 1)
    assert found.test == []
    assert found.by == "regions"


def test_the_cut_goes_between_objects_and_leaves_some_on_both_sides():
    # By shares alone validation would be the empty columns 24 to 29.
    with pytest.warns(DataWarning) as said:
        found = split([drawn("a", [(0, 9, 1, 5), (0, 9, 7, 12), (8, 17, 11, 15)])], 0.2)
    assert found.validation[0].labels.any()
    assert set(np.unique(found.train[0].labels)) & set(np.unique(found.validation[0].labels)) == {0}
    assert "both sides" not in str(said[0].message)


def test_objects_on_both_sides_of_the_cut_are_said():
    with pytest.warns(DataWarning, match="1 object.s. lie on both sides"):
        split([drawn("a", [(1, 19, 1, 29), (0, 1, 0, 1), (19, 20, 29, 30)])], 0.2)


def test_an_image_that_cannot_be_cut_is_trained_on_whole():
    one, two = drawn("one", [(5, 9, 5, 9)]), drawn("two", [(1, 5, 1, 5), (9, 12, 26, 29)])
    with pytest.warns(DataWarning, match="a part of an image"):
        found = split([one, two], 0.2)
    assert [example.name for example in found.train] == ["two X=0-23", "one"]
    assert [example.name for example in found.validation] == ["two X=24-29"]


def test_of_two_images_of_one_object_one_validates():
    with pytest.warns(DataWarning, match="two is used for validation"):
        found = split([drawn("one", [(5, 9, 5, 9)]), drawn("two", [(1, 5, 1, 5)])], 0.2)
    assert (names(found.train), names(found.validation)) == (["one"], ["two"])


def test_a_single_object_validates_itself():
    with pytest.warns(DataWarning, match="the validation uses training data"):
        found = split([drawn("one", [(5, 9, 5, 9)]), drawn("empty", [])], 0.2)
    assert (names(found.train), names(found.validation)) == (["one", "empty"], ["one"])
    assert found.by == "nothing"


@pytest.mark.parametrize("seed", range(6))
def test_training_and_validation_hold_objects_each(seed):
    sources = [
        drawn("a", [(5, 9, 5, 9)]),
        drawn("b", [(5, 9, 5, 9)]),
        drawn("c", []),
        drawn("d", []),
    ]
    found = split(sources, seed=seed)
    for part in (found.train, found.validation):
        assert any(example.labels.any() for example in part)
    assert sorted(names(found.train) + names(found.validation)) == ["a", "b", "c", "d"]


def test_what_a_model_knows_stays_in_its_part():
    old = [drawn(f"old{i}", [(5, 9, 5, 9)]) for i in range(10)]
    before = split(old, seed=3)
    new = [drawn(f"new{i}", [(5, 9, 5, 9)]) for i in range(5)]
    found = split([*new, *old], seed=9, known=before.record()["digests"])
    for part in ("train", "validation", "test"):
        assert set(names(getattr(before, part))) <= set(names(getattr(found, part)))
    assert len(found.train) + len(found.validation) + len(found.test) == 15
    assert sum(name.startswith("new") for name in names(found.train)) >= 3
    # One corrected image is there to be learnt.
    one = split([new[0], *old], known=before.record()["digests"])
    assert "new0" in names(one.train)
    # Without any of the old images they are still known to the next model.
    alone = split(new, known=before.record()["digests"]).record()["digests"]
    assert set(names(before.train)) <= set(alone["train"])


def test_a_model_that_knows_all_images_is_warned_of():
    old = [drawn(f"old{i}", [(5, 9, 5, 9)]) for i in range(3)]
    with pytest.warns(DataWarning, match="was trained on images that are now used for validation"):
        found = split(old, known={"train": ["old0", "old1", "old2"]})
    assert len(found.validation) == 1


def test_three_images_have_a_validation_and_no_test():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = split([planes(f"v{i}", 1) for i in range(3)], 0.2, 0.1)
    assert (len(found.train), len(found.validation), len(found.test)) == (2, 1, 0)


def test_shares_that_leave_nothing():
    with pytest.raises(UserError, match="cannot be divided"):
        split([planes(f"v{i}", 1) for i in range(3)], 0.9)
    with pytest.raises(UserError, match="no labelled image"):
        split([[]])
