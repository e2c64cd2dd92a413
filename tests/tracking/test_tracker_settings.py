"""Tracker settings: TrackMate's keys and defaults; wrong ones named."""

from __future__ import annotations

import json
import math

import pytest

from imagej_dl import tracking
from imagej_dl.errors import UserError
from imagej_dl.tracking import settings
from imagej_dl.tracking.trackers import lap


def test_defaults_are_trackmates_with_splitting():
    values = settings.default().settings.to_map()
    assert values["LINKING_MAX_DISTANCE"] == values["GAP_CLOSING_MAX_DISTANCE"] == 15.0
    assert (values["MAX_FRAME_GAP"], values["CUTOFF_PERCENTILE"]) == (2, 0.9)
    assert values["ALTERNATIVE_LINKING_COST_FACTOR"] == 1.05
    assert (values["ALLOW_GAP_CLOSING"], values["ALLOW_TRACK_SPLITTING"]) == (True, True)
    assert not lap.LapSettings().allow_track_splitting
    assert lap.LapSettings().blocking_value == math.inf


def test_goldens_settings_are_read_whole(shared_data):
    path = shared_data / "trackmate-8-goldens" / "movie" / "settings.json"
    for found in json.loads(path.read_text())["results"].values():
        made = settings.make(found["tracker"], found["settings"])
        assert made.settings.to_map() == found["settings"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"tracker": "SPARSE_LAP_TRAKER"}', "Did you mean SPARSE_LAP_TRACKER"),
        (
            '{"tracker": "SPARSE_LAP_TRACKER", "settings": {"LINKING_DISTANCE": 3}}',
            "Did you mean LINKING_MAX_DISTANCE",
        ),
        ('{"tracker": "SPARSE_LAP_TRACKER", "settings": {"MAX_FRAME_GAP": "two"}}', "MAX_FRAME"),
        ('{"tracker": "SPARSE_LAP_TRACKER", "settings": {"CUTOFF_PERCENTILE": 90}}', "CUTOFF"),
        ('{"tracker": "SPARSE_LAP_TRACKER", "setings": {}}', "unknown key 'setings'"),
        ('{"settings": {}}', "names no tracker"),
        ("[]", "names no tracker"),
        ('{"tracker": ', "is not JSON"),
    ],
)
def test_wrong_files_are_named(tmp_path, text, words):
    path = tmp_path / "lap.json"
    path.write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        tracking.read_settings(path)
    assert caught.value.path == str(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        tracking.read_settings(tmp_path / "none.json")


def test_round_trip(tmp_path):
    made = settings.make("SPARSE_LAP_TRACKER", {"LINKING_FEATURE_PENALTIES": {"AREA": 1}})
    path = tmp_path / "lap.json"
    path.write_text(json.dumps(made.to_json()))
    assert tracking.read_settings(path) == made


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ('"settings": {"LINKING_FEATURE_PENALTIES": {"AREA": NaN}}', "PENALTIES.AREA: .*finite"),
        ('"settings": {"ALTERNATIVE_LINKING_COST_FACTOR": Infinity}', "FACTOR: .*finite"),
        ('"settings": {"BLOCKING_VALUE": NaN}', "BLOCKING_VALUE"),
        (
            '"spot_filters": [{"feature": "AREA", "value": NaN}]',
            r"spot_filters\.0\.value: .*finite",
        ),
        ('"initial_spot_filter": Infinity', "initial_spot_filter: .*finite"),
        (
            '"detector": {"DETECTOR_NAME": "THRESHOLD_DETECTOR", "INTENSITY_THRESHOLD": NaN}',
            "INTENSITY_THRESHOLD: .*finite",
        ),
    ],
)
def test_what_is_no_number_is_named(tmp_path, held, words):
    path = tmp_path / "settings.json"
    path.write_text('{"tracker": "SPARSE_LAP_TRACKER", ' + held + "}")
    with pytest.raises(UserError, match=words) as caught:
        tracking.read_settings(path)
    assert caught.value.path == str(path)


def test_absurd_sizes_are_refused_but_any_distance_is_taken():
    for tracker, key in (
        ("OVERLAP_TRACKER", "SCALE_FACTOR"),
        ("KALMAN_TRACKER", "KALMAN_SEARCH_RADIUS"),
    ):
        with pytest.raises(UserError, match=f"{key}: "):
            tracking.make_settings(tracker, {key: 1e300})
    far = tracking.make_settings("SPARSE_LAP_TRACKER", {"LINKING_MAX_DISTANCE": "Infinity"})
    assert far.to_json()["settings"]["LINKING_MAX_DISTANCE"] == "Infinity"
