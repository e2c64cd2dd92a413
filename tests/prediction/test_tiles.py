"""Tiles: they cover the plane once, and a network sees in them what it sees in the whole plane."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import convolve

from imagej_dl.errors import UserError
from imagej_dl.prediction.tiles import Span, spans, strips, window

WHOLE = 10**6


def assembled(planes, network, **options):
    """Put the strips of each plane together; they must come in order."""
    options = {"tile": 64, "halo": 8, "multiple_of": 8, "batch": 3} | options
    done, parts = [], []
    for strip in strips(planes, network, **options):
        assert strip.plane == len(done)
        assert strip.low == sum(len(p) for p in parts)
        assert strip.values.shape[0] == strip.high - strip.low
        parts.append(strip.values)
        if strip.last:
            done.append(np.concatenate(parts))
            parts = []
    assert not parts
    return done


@given(
    length=st.integers(1, 700),
    steps=st.integers(0, 12),
    halo=st.integers(0, 50),
    power=st.integers(0, 5),
    margin=st.integers(0, 40),
)
@settings(max_examples=300, deadline=None)
def test_windows_lie_on_the_pooling_grid_and_their_kept_parts_join(
    length, steps, halo, power, margin
):
    multiple_of = 2**power
    up = -(-halo // multiple_of) * multiple_of
    tile = 2 * up + multiple_of * (1 + steps)
    cut = spans(length, tile, halo, multiple_of, margin)
    assert cut[0].low == 0
    assert cut[-1].high == length
    assert all(a.high == b.low for a, b in pairwise(cut))
    assert {span.size for span in cut} == {cut[0].size}
    begin = (-margin // multiple_of) * multiple_of
    padded_end = max(span.start + span.size for span in cut)
    for span in cut:
        assert (span.start - begin) % multiple_of == 0
        assert span.size % multiple_of == 0
        assert span.size <= tile
        assert span.high > span.low
        # What is kept has the halo around it, except where the padded plane ends.
        assert span.low - span.start >= halo or span.start == begin
        end = span.start + span.size
        assert end - span.high >= halo or end == padded_end


def test_a_tile_that_is_all_halo_is_refused_with_the_least_size():
    with pytest.raises(UserError, match="at least 112 px"):
        spans(500, 64, 45, 16)
    assert len(spans(64, 64, 45, 16)) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (5, 40), (37, 64)])
def test_a_window_is_mirrored_like_numpy_pads(shape):
    plane = np.arange(np.prod(shape)).reshape(shape)
    rows = Span(-16, shape[0] + 32, 0, shape[0])
    columns = Span(-24, shape[1] + 40, 0, shape[1])
    expected = np.pad(plane, ((16, 16), (24, 16)), mode="symmetric")
    np.testing.assert_array_equal(window(plane, rows, columns), expected)


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_planes_of_several_sizes_come_back_in_order(batch):
    rng = np.random.default_rng(1)
    planes = [rng.random((h, w, 2)) for h, w in [(7, 9), (64, 64), (64, 64), (200, 33), (130, 257)]]
    calls = []

    def network(x):
        calls.append(x.shape)
        return x[..., :1] * 2

    for plane, result in zip(planes, assembled(planes, network, batch=batch), strict=True):
        np.testing.assert_array_equal(result, (plane[..., :1] * 2).astype(np.float32))
    assert max(shape[0] for shape in calls) <= batch
    assert all(shape[1] % 8 == 0 and shape[2] % 8 == 0 for shape in calls)
    if batch > 1:
        assert (2, 64, 64, 2) in calls, "equal frames share a batch"


@pytest.mark.parametrize("shape", [(150, 131), (64, 65), (63, 200), (20, 21), (3, 300)])
def test_tiled_equals_whole_for_a_filter_as_wide_as_the_halo(shape):
    rng = np.random.default_rng(2)
    kernel = rng.random((17, 17, 1))

    def network(x):
        return np.stack([convolve(one, kernel, mode="constant") for one in x])

    plane = rng.random((*shape, 1)).astype(np.float32)
    (tiled,) = assembled([plane], network)
    (whole,) = assembled([plane], network, tile=WHOLE)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    (narrow,) = assembled([plane], network, halo=0)
    if max(shape) > 66:
        assert np.abs(narrow - whole).max() > 1e-3, "without a halo there would be seams"


def test_a_plane_on_the_disk_is_read_strip_by_strip(tmp_path: Path):
    import tracemalloc

    plane = np.memmap(tmp_path / "plane", np.uint8, "w+", shape=(6000, 3000, 1))
    plane[::7] = 9
    tracemalloc.start()
    total = rows = 0
    for strip in strips([plane], lambda x: x, tile=256, halo=16, multiple_of=16, batch=4):
        total += int(strip.values.sum())
        rows += strip.high - strip.low
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 6000
    assert total == int((plane == 9).sum()) * 9
    assert peak < plane.size, f"{peak / 1e6:.0f} MB held for a plane of {plane.size * 4 / 1e6} MB"
