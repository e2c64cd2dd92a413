"""Tracks as graphs of other programs."""

from __future__ import annotations

import sys
from dataclasses import replace

import lineages
import numpy as np
import pytest

from imagej_dl import tracking
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.tracking import graphs


@pytest.fixture
def tracks():
    return tracking.track(lineages.division(), engine="embedded")


def test_networkx_has_every_spot_and_link(tracks):
    networkx = pytest.importorskip("networkx")
    graph = graphs.to_networkx(tracks)
    assert (len(graph), graph.number_of_edges()) == (len(tracks.spots), len(tracks.edges))
    assert networkx.is_forest(graph.to_undirected())
    for source, target in graph.edges:
        assert graph.nodes[source]["frame"] < graph.nodes[target]["frame"]
    (mother,) = [node for node in graph if graph.out_degree(node) == 2]
    assert graph.nodes[mother]["frame"] == 2
    assert {graph.nodes[n]["segment"] for n in graph.successors(mother)} == {3, 4}


def test_geff_is_read_by_its_library(tracks, tmp_path):
    geff = pytest.importorskip("geff")
    graphs.write_geff(tracks, tmp_path / "tracks.geff")
    back, metadata = geff.read(tmp_path / "tracks.geff")
    ours = graphs.to_networkx(tracks)
    assert set(back.edges) == set(ours.edges)
    for node in ours:
        assert back.nodes[node]["x"] == ours.nodes[node]["x"]
        assert back.nodes[node]["area"] == ours.nodes[node]["area"]
    assert [axis.name for axis in metadata.axes] == ["t", "y", "x"]
    assert [axis.unit for axis in metadata.axes] == ["second", "micrometer", "micrometer"]
    with pytest.raises(UserError, match="already there"):
        graphs.write_geff(tracks, tmp_path / "tracks.geff")


def test_geff_of_nothing(tmp_path):
    pytest.importorskip("geff")
    tracks = tracking.track(lineages.movie({}, {}), engine="embedded")
    with pytest.raises(UserError, match="no spots"):
        graphs.write_geff(tracks, tmp_path / "tracks.geff")


@pytest.mark.parametrize("name", ["geff", "networkx"])
def test_what_to_install_is_said(tracks, tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"not installed.*imagej-dl\[geff\]"):
        graphs.write_geff(tracks, tmp_path / "tracks.geff")


def test_napari_tracks_have_their_parents(tracks):
    layer = graphs.napari_tracks(tracks)
    data = layer["data"]
    assert data.shape == (15, 4)
    assert layer["graph"] == {3: [1], 4: [1]}
    # As napari wants it: sorted by id, then time, one spot of an id in a frame.
    assert np.array_equal(data, data[np.lexsort((data[:, 1], data[:, 0]))])
    assert len(np.unique(data[:, :2], axis=0)) == len(data)
    assert len(layer["features"]) == len(data)


@pytest.mark.slow
def test_geff_over_another_is_whole(tracks, tmp_path):
    """Nothing of the other, which had more features, is left among it."""
    geff = pytest.importorskip("geff")
    more = replace(tracks, spots=tracks.spots.assign(brightness=1.0))
    graphs.write_geff(more, tmp_path / "tracks.geff")
    graphs.write_geff(tracks, tmp_path / "tracks.geff", overwrite=True)
    assert "brightness" not in next(iter(geff.read(tmp_path / "tracks.geff")[0].nodes.data()))[1]
    for one in (more, tracks):
        tracking.write(one, tmp_path / "out", overwrite=True, geff=True)
    assert len(geff.read(tmp_path / "out" / "tracks.geff")[0]) == len(tracks.spots)


def test_a_result_of_nothing_is_kept(tmp_path):
    tracks = tracking.track(lineages.movie({}, {}), engine="embedded")
    with pytest.warns(DataWarning, match=r"no tracks\.geff"):
        tracking.write(tracks, tmp_path / "out", geff=True)
    assert (tmp_path / "out" / "tracks.xml").is_file()
