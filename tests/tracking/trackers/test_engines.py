"""Other engines: real motile and btrack where they are, the exchange with a stand-in, refusals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import lineages
import numpy as np
import pytest
from other_python import python_with

from imagej_dl import images, optional, tracking
from imagej_dl.engines import registry as segmentation
from imagej_dl.errors import Cancelled, DataWarning, NotEnoughMemory, UserError
from imagej_dl.fiji import diagnosis
from imagej_dl.tracking import linking
from imagej_dl.tracking.filters import Filter
from imagej_dl.tracking.trackers import registry

TRACKASTRA = registry.foreign()["trackastra"].program


def _needs(name: str) -> None:
    try:
        registry.foreign()[name].program.version()
    except UserError as error:
        pytest.skip(f"{name} is not here: {error}")


def _links(tracks: tracking.Tracks) -> set[tuple[int, int, int, int]]:
    """Links as frame and label of both ends."""
    spots = tracks.spots[["frame", "label"]].to_numpy()
    links = tracks.links
    ends = zip(spots[links.sources].tolist(), spots[links.targets].tolist(), strict=True)
    return {(*a, *b) for a, b in ends}


_STAYS = {(frame, 2, frame + 1, 2) for frame in range(5)}
_DIVISION = _STAYS | {(0, 1, 1, 1), (1, 1, 2, 1), (2, 1, 3, 5), (2, 1, 3, 6)}
_DIVISION |= {(frame, label, frame + 1, label) for frame in (3, 4) for label in (5, 6)}


class _Small:
    """A TrackMate whose memory is too small."""

    @staticmethod
    def track(*given: object, **more: object) -> None:
        raise NotEnoughMemory("TrackMate: tracking failed: OutOfMemoryError", remedy="Take less.")


@pytest.mark.parametrize("filters", [[], [Filter(feature="SPEED", value=0)]])
def test_where_trackmate_lacks_memory_auto_takes_the_embedded_engine(monkeypatch, filters):
    monkeypatch.setattr(linking, "trackmate", lambda engine, fiji: _Small)
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_SPLITTING": True})
    chosen = chosen.model_copy(update={"edge_filters": filters})
    with pytest.warns(DataWarning, match="OutOfMemoryError; the embedded engine tracks instead"):
        tracks = tracking.track(lineages.division(), settings=chosen)
    assert tracks.engine == "embedded"
    assert _links(tracks) == _DIVISION
    with pytest.raises(NotEnoughMemory, match="Take less"):
        tracking.track(lineages.division(), settings=chosen, engine="trackmate")


@pytest.mark.slow
def test_motile_divides_and_closes_gaps(tmp_path):
    _needs("motile")
    tracks = tracking.track(lineages.division(), engine="motile")
    assert _links(tracks) == _DIVISION
    assert tracks.engine == "motile"
    # All that is written says what made it, and gives it again.
    tracking.write(tracks, tmp_path / "out")
    for name in ("settings.json", "tracks.xml"):
        assert tracking.read_settings(tmp_path / "out" / name) == tracks.settings.in_unit("µm")
    again = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert (again.counts, again.settings) == (tracks.counts, tracks.settings)
    tracking.write_trackmate(again, tmp_path / "again.xml")
    assert tracking.read_settings(tmp_path / "again.xml") == tracks.settings.in_unit("µm")
    # The tracker alone names its engine.
    chosen = tracking.make_settings("MOTILE", {"OVERLAP_WEIGHT": 0.5, "MAX_FRAME_GAP": 2})
    assert (1, 1, 3, 1) in _links(tracking.track(lineages.gap(), settings=chosen))
    chosen = tracking.make_settings("MOTILE", {"MAX_FRAME_GAP": 1, "ALLOW_TRACK_SPLITTING": False})
    tracks = tracking.track(lineages.gap(), settings=chosen)
    assert tracks.counts["gaps"] == tracks.counts["divisions"] == 0


def test_motile_without_anything_to_link():
    chosen = tracking.make_settings("MOTILE")
    for frames in ([{}, {}], [{1: (5, 5)}, {}], [{1: (5, 5)}, {1: (50, 50)}]):
        tracks = tracking.track(lineages.movie(*frames), settings=chosen)
        assert tracks.counts["links"] == 0


@pytest.mark.slow
def test_motile_says_when_time_was_too_short():
    """It would hand back no link at all, as if nothing belonged together."""
    _needs("motile")
    chosen = tracking.make_settings("MOTILE", {"TIME_LIMIT": 1e-6})
    with pytest.raises(UserError, match="no solution within the TIME_LIMIT of 1e-06 s"):
        tracking.track(lineages.division(), settings=chosen)


def test_btrack_follows_what_stays(tmp_path):
    _needs("btrack")
    still = lineages.movie(*[{1: (10, 10), 2: (40, 40)}] * 3)
    assert tracking.track(still, engine="btrack").counts["links"] == 4
    tracks = tracking.track(lineages.gap(), engine="btrack")
    assert {(frame, 2, frame + 1, 2) for frame in range(4)} <= _links(tracks)
    assert (1, 1, 3, 1) in _links(tracks)
    tracking.write(tracks, tmp_path / "out")
    assert tracking.read_settings(tmp_path / "out" / "tracks.xml") == tracks.settings.in_unit("µm")


_STAND_IN = '''
import networkx as nx
import numpy as np

class Trackastra:
    """Links each region to that of the next frame it covers; not the real one."""
    @classmethod
    def from_folder(cls, folder, device):
        assert (folder / "train_config.yaml").is_file() and device == "automatic"
        return cls()
    def track(self, image, labels, mode, max_distance, max_neighbors):
        assert image.shape == labels.shape and mode == "greedy"
        graph = nx.DiGraph()
        for frame, (a, b) in enumerate(zip(labels[:-1], labels[1:])):
            both = (a > 0) & (b > 0)
            for x, y in set(zip(a[both].tolist(), b[both].tolist())):
                graph.add_node((frame, x), label=x, time=frame)
                graph.add_node((frame + 1, y), label=y, time=frame + 1)
                graph.add_edge((frame, x), (frame + 1, y), weight=0.75)
        return graph, labels
'''


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the other Python is a shell script")
def test_exchange_with_a_stand_in_for_trackastra(tmp_path, monkeypatch):
    python = python_with(tmp_path, "trackastra.model", _STAND_IN)
    monkeypatch.setenv(TRACKASTRA.variable, str(python))
    assert TRACKASTRA.version() == "9.9"
    labels = lineages.division()
    image = images.with_data(labels, np.asarray(labels) * 10)
    weights = tmp_path / "weights"
    chosen = tracking.make_settings("TRACKASTRA", {"MODEL": str(weights)})
    with pytest.raises(UserError, match="needs the intensities of the movie"):
        tracking.track(labels, settings=chosen)
    with pytest.raises(UserError, match=r"no config\.yaml"):
        tracking.track(labels, image, chosen)
    weights.mkdir()
    for name in ("config.yaml", "train_config.yaml"):
        (weights / name).write_text("")
    tracks = tracking.track(labels, image, chosen)
    assert _links(tracks) == _DIVISION
    assert set(tracks.edges["cost"]) == {0.25}
    tracking.write(tracks, tmp_path / "out")
    assert tracking.read_settings(tmp_path / "out" / "settings.json") == chosen.in_unit("µm")


@pytest.mark.skipif(os.name == "nt", reason="the other Python is a shell script")
def test_another_python_that_fails_or_is_stopped(tmp_path):
    python = python_with(tmp_path, "trackastra.model", "raise RuntimeError('no torch here')")
    with pytest.raises(UserError, match="RuntimeError: no torch here"):
        TRACKASTRA.version(python)
    with pytest.raises(UserError, match="no torch here") as caught:
        TRACKASTRA.run({}, {}, python)
    assert caught.value.path == str(python)
    with pytest.raises(UserError, match="no such Python"):
        registry.foreign()["btrack"].program.find(tmp_path / "none")
    python.chmod(0o644)
    with pytest.raises(UserError, match="trackastra does not start"):
        TRACKASTRA.version(python)
    with pytest.raises(UserError, match="trackastra does not start"):
        TRACKASTRA.run({}, {}, python)
    python.chmod(0o755)
    with pytest.raises(UserError, match=r"trackastra does not start: .* timed out after 0\.01"):
        TRACKASTRA.version(python, timeout=0.01)
    with pytest.raises(UserError, match="no message"):
        TRACKASTRA.version(shutil.which("true"))
    model = tmp_path / "site" / "trackastra" / "model.py"
    model.write_text("import os; print('all is well', flush=True); os.kill(os.getpid(), 9)")
    with pytest.raises(UserError, match="ended by signal 9, out of memory"):
        TRACKASTRA.run({}, {}, python)
    model.write_text("import time; time.sleep(60)")

    def stop(stage: str, done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        TRACKASTRA.run({}, {}, python, stop)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell that a parent is gone")
def test_a_runner_ends_with_its_parent():
    """Else it would go on for minutes after Python was killed."""
    text = (
        f"import sys; sys.path.insert(0, {str(TRACKASTRA.runner.parent)!r})\n"
        "import os, time, orphan; orphan.end_with_parent(); print(os.getpid(), flush=True)\n"
        "time.sleep(60)"
    )
    starts = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {text!r}])"
    starter = subprocess.Popen(
        [sys.executable, "-c", f"{starts}; time.sleep(60)"], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    with starter.stdout as said:
        assert int(said.readline())
        starter.kill()
        starter.wait()
        # Its output is closed as soon as the last process that holds it is gone.
        began = time.monotonic()
        assert said.read() == ""
    assert time.monotonic() - began < 20


def test_what_is_not_installed_says_how(monkeypatch):
    programs = [tracker.program for tracker in registry.foreign().values()]
    others = [engine.program for engine in segmentation.engines().values()]
    for program in programs + others:
        monkeypatch.delenv(program.variable, raising=False)
    monkeypatch.setattr(optional, "there", lambda name: False)
    for program in programs:
        with pytest.raises(UserError, match=f"{program.name} is not installed.*pip install"):
            program.find()
    # So does doctor, which needs none of them.
    for finding in diagnosis._engines():
        assert (finding.found, finding.needed) == (False, False)
        assert "pip install" in finding.text or "engines add" in finding.text


@pytest.mark.parametrize(
    ("engine", "tracker", "words"),
    [
        ("embedded", "MOTILE", "which embedded does not have.*SPARSE_LAP_TRACKER"),
        ("motile", "SPARSE_LAP_TRACKER", 'which motile does not have.*"MOTILE"'),
        ("btrack", "MOTILE", 'which btrack does not have.*"BTRACK"'),
    ],
)
def test_settings_of_another_engine(engine, tracker, words):
    with pytest.raises(UserError, match=words):
        tracking.track(lineages.gap(), settings=tracking.make_settings(tracker), engine=engine)


@pytest.mark.parametrize("tracker", sorted(tracker.key for tracker in registry.foreign().values()))
def test_unknown_keys_and_wrong_values(tracker):
    with pytest.raises(UserError, match="unknown setting 'NO_SUCH_KEY'"):
        tracking.make_settings(tracker, {"NO_SUCH_KEY": 1})
    for key in registry.trackers()[tracker].settings_model.declared():
        with pytest.raises(UserError, match=key):
            tracking.make_settings(tracker, {key: []})


@pytest.mark.parametrize(
    ("tracker", "key"),
    [("MOTILE", "MAX_FRAME_GAP"), ("BTRACK", "ACCURACY"), ("TRACKASTRA", "MAX_NEIGHBORS")],
)
def test_values_beyond_their_limits(tracker, key):
    with pytest.raises(UserError, match=key):
        tracking.make_settings(tracker, {key: 0})
