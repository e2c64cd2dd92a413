"""Fused objects are cut where they were several and are so again; divisions are left alone."""

from __future__ import annotations

import lineages
import numpy as np

from imagej_dl import images, tracking

_APART = {1: (10, 20), 2: (30, 20)}


def _fused(frames: int = 1, again: bool = True):
    """Two squares that meet; for some frames one number holds both."""
    movie = lineages.movie(*[_APART] * (4 + frames), side=20)
    array = np.asarray(movie).copy()
    array[2 : 2 + frames][array[2 : 2 + frames] == 2] = 1
    if not again:
        array[2:][array[2:] == 2] = 1
    return images.with_data(movie, array)


def test_cut_where_it_was_two_and_is_again():
    truth = np.asarray(lineages.movie(*[_APART] * 6, side=20))
    found = np.asarray(tracking.split_fused(_fused(2)))
    for frame, true in zip(found, truth, strict=True):
        numbers = [np.unique(frame[true == label]) for label in (1, 2)]
        assert [len(one) for one in numbers] == [1, 1]
        assert numbers[0] != numbers[1]
    # Where nothing is fused nothing changes.
    for movie in (lineages.division(), lineages.gap(), lineages.merge()):
        assert np.array_equal(tracking.split_fused(movie), movie)


def test_numbers_may_be_large():
    """As large as labels can be: nothing is made of that length."""
    movie = _fused()
    large = np.asarray(movie).astype(np.uint32) * np.uint32(2_000_000_000)
    found = np.asarray(tracking.split_fused(images.with_data(movie, large)))
    assert np.array_equal(found > 0, large > 0)
    assert len(np.unique(found[2])) == 3


def test_what_stays_one_or_is_one_for_long_is_left():
    for movie in (_fused(again=False), _fused(frames=7)):
        assert np.array_equal(tracking.split_fused(movie), movie)
    assert len(np.unique(tracking.split_fused(_fused(frames=7), ahead=7)[4])) == 3


def test_of_another_size_is_something_else():
    movie = _fused()
    movie[2, 5:55, 5:55] = 1
    assert np.array_equal(tracking.split_fused(movie), movie)


def test_tracked_as_two(tmp_path):
    chosen = tracking.default_settings().splitting_fused()
    tracks = tracking.track(_fused(), settings=chosen, engine="embedded")
    assert (tracks.counts["tracks"], tracks.counts["links"], tracks.counts["gaps"]) == (2, 8, 0)
    flat = np.asarray(_fused()).reshape(len(_fused()), -1)
    assert (tracks.spots["label"] == flat[tracks.spots["frame"], tracks.spots["pixel"]]).all()
    plain = tracking.track(_fused(), engine="embedded")
    assert plain.counts["spots"] == tracks.counts["spots"] - 1
    tracking.write(tracks, tmp_path / "out")
    assert tracking.read_settings(tmp_path / "out" / "settings.json") == chosen.in_unit("µm")


def test_the_largest_number_there_is():
    movie = _fused()
    large = np.asarray(movie).astype(np.uint32)
    large[large == 1] = 2**32 - 1
    found = np.asarray(tracking.split_fused(images.with_data(movie, large)))
    assert np.unique(found[2]).tolist() == [0, 1, 2**32 - 1]
