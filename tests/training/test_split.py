import warnings

import numpy as np
import pytest

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.training.dataset import Example
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


def test_one_plane_is_cut_along_its_longer_side():
    with pytest.warns(DataWarning, match="1 image"):
        found = split([planes("a", 1)], 0.2)
    assert found.train[0].labels.shape == (20, 24)
    assert found.validation[0].labels.shape == (20, 6)
    assert found.validation[0].image.shape == (20, 6, 1)
    assert found.test == []
    assert found.by == "regions"


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
    with pytest.warns(DataWarning), pytest.raises(UserError, match="too small"):
        split([planes("a", 1, (1, 1))])
