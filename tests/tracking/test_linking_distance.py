"""How far objects are linked by default, whatever the unit and the size."""

import warnings

import lineages
import numpy as np
import pytest

from imagej_dl import images, tracking
from imagej_dl.commands.track import Track
from imagej_dl.errors import DataWarning
from imagej_dl.progress import silent
from imagej_dl.tracking import linking_distance

UNITS = {"um": 0.65, "µm": 0.65, "inch": 1 / 72, "cm": 6.5e-5, "nm": 650.0, "pixel": 1.0}


def discs(*frames, size=200, radius=6, unit="pixel", width=1.0):
    """A movie of discs at (y, x), each with an id of its own in all frames."""
    made = np.zeros((len(frames), size, size), np.uint16)
    y, x = np.indices((size, size))
    for frame, places in zip(made, frames, strict=True):
        for number, (cy, cx) in enumerate(places, 1):
            frame[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = number
    return images.make(made, "TYX", pixel_width=width, pixel_height=width, unit=unit)


def walking(step, count=8, **given):
    """Discs on a grid, that all go `step` px a frame to the right."""
    starts = [(30 + 45 * (i // 4), 12 + 45 * (i % 4)) for i in range(count)]
    return discs(*[[(y, x + step * t) for y, x in starts] for t in range(4)], **given)


@pytest.mark.parametrize("unit", UNITS)
def test_the_same_links_in_every_unit(unit):
    labels = walking(4, unit=unit, width=UNITS[unit])
    tracks = tracking.track(labels, engine="embedded")
    assert tracks.counts["links"] == 24
    assert tracks.counts["tracks"] == 8
    reach = linking_distance.measured(labels)
    assert reach.distance / UNITS[unit] == pytest.approx(18, rel=0.05)
    assert reach.unit == unit
    assert "three times the objects' median radius" in str(reach)


def test_small_objects_that_go_far_are_followed():
    labels = walking(10, radius=2)
    reach = linking_distance.measured(labels)
    assert reach.distance == pytest.approx(20)
    assert "twice their median step (10 px)" in reach.words
    assert tracking.track(labels, engine="embedded").counts["tracks"] == 8


def test_no_distance_above_a_third_of_the_image():
    labels = discs([(50, 50)], [(50, 51)], size=100, radius=40)
    assert linking_distance.measured(labels).distance == pytest.approx(100 / 3)
    assert linking_distance.measured(discs([], [])) is None


def test_divisions_are_looked_for_nearer():
    labels = walking(4)
    found = tracking.fitted_settings(tracking.default_settings(), linking_distance.measured(labels))
    values = found.settings.to_map()
    assert values["GAP_CLOSING_MAX_DISTANCE"] == values["LINKING_MAX_DISTANCE"]
    assert values["SPLITTING_MAX_DISTANCE"] == pytest.approx(values["LINKING_MAX_DISTANCE"] * 2 / 3)
    assert values["ALLOW_TRACK_SPLITTING"]


@pytest.mark.parametrize(
    ("unit", "words"),
    [("inch", "more than a third of the image"), ("nm", "less than a pixel"), ("cm", "third")],
)
def test_given_distances_beyond_reason_are_warned_of(unit, words):
    labels = walking(4, unit=unit, width=UNITS[unit])
    with pytest.warns(DataWarning, match=f"_DISTANCE 15 {unit} is .*{words}.*it would be"):
        tracking.track(labels, settings=tracking.default_settings(), engine="embedded")


@pytest.mark.parametrize("file", ["settings.json", "tracks.xml"])
def test_settings_of_a_movie_in_another_unit_are_warned_of(tmp_path, file):
    calibrated = discs([(50, 50)], [(52, 50)], unit="µm", width=0.3)
    found = tracking.track(calibrated, engine="embedded")
    tracking.write(found, tmp_path / "out")
    settings = tracking.read_settings(tmp_path / "out" / file)
    plain = discs([(50, 50)], [(52, 50)])
    with pytest.warns(DataWarning, match="the settings are in µm, the labels in pixel"):
        tracking.track(plain, settings=settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = discs([(50, 50)], [(52, 50)], unit="micron", width=0.3)
        tracking.track(same, settings=settings)
        of_masks = tracking.make_settings("AUTO", unit="µm")
        tracking.track(plain, settings=of_masks)


def test_a_filter_by_length_has_a_unit():
    few = tracking.make_settings("AUTO", spot_filters=({"feature": "AREA", "value": 9},), unit="nm")
    with pytest.warns(DataWarning, match="the settings are in nm, the labels in µm"):
        tracking.track(discs([(50, 50)], [(52, 50)], unit="µm"), settings=few)


def test_given_distances_are_kept(recwarn):
    labels = walking(4)
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", {"LINKING_MAX_DISTANCE": np.inf})
    tracks = tracking.track(labels, settings=chosen, engine="embedded")
    assert tracks.settings == chosen
    assert not [one for one in recwarn if issubclass(one.category, DataWarning)]


def test_track_says_how_far_and_takes_trackmates_on_request(tmp_path, capsys):
    images.write(walking(4, unit="µm", width=0.65), tmp_path / "labels.tif")
    given = {"labels": tmp_path / "labels.tif", "engine": "embedded"}
    Track(**given, out=tmp_path / "own").run(silent)
    assert (
        "Maximal linking distance: 11.7 µm, three times the objects' median radius"
        in capsys.readouterr().out
    )
    Track(**given, out=tmp_path / "plain", distances="trackmate").run(silent)
    assert "Maximal linking distance:" not in capsys.readouterr().out
    found = tracking.read_settings(tmp_path / "plain" / "settings.json")
    assert found == tracking.default_settings().in_unit("µm")
    assert tracking.read_settings(tmp_path / "own" / "settings.json") != found


def test_other_engines_get_the_distance_too():
    reach = linking_distance.measured(walking(4))
    for engine, key in (("motile", "LINKING_MAX_DISTANCE"), ("btrack", "MAX_SEARCH_RADIUS")):
        found = tracking.fitted_settings(tracking.default_settings(engine), reach)
        assert found.settings.to_map()[key] == pytest.approx(reach.distance)
    plain = tracking.default_settings("trackastra")
    assert tracking.fitted_settings(plain, reach) == plain


def test_one_frame_or_none_of_an_object_is_measured():
    labels = lineages.movie({1: (8, 8)}, {}, side=10)
    assert linking_distance.measured(labels).distance > 0
