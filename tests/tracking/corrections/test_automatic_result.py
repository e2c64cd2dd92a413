"""Automatic results read back: how they were laid out is how their corrections are."""

from __future__ import annotations

import json

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import ctc, images, progress, tracking
from imagej_dl.commands.corrections import Corrections
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.tracks import build


def _run(**values):
    Corrections.declare(values).run(progress.silent)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*links into merged")
@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "recognised"])
def test_nothing_edited_scores_1(tmp_path, recorded):
    """However the gaps and merges of the automatic result are laid out."""
    one, other = {1: (10, 10), 3: (40, 40)}, {2: (10, 10), 3: (40, 40)}
    hidden = lineages.movie(one, one, other, one, one)
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", {"LINKING_MAX_DISTANCE": 0.0})
    apart = tracking.track(hidden, settings=chosen, engine="embedded")
    assert apart.spots["label"].tolist() == [1, 3, 1, 3, 2, 3, 1, 3, 1, 3]
    # The lost object is painted where the other lies: a pixel of the other is lost.
    ends = np.array([0, 2, 6]), np.array([2, 6, 8])
    gap = build(apart.spots, apart.contours, Links(*ends, np.zeros(3)), hidden, chosen, "embedded")
    merging = tracking.make_settings("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_MERGING": True})
    merge = tracking.track(lineages.merge(), settings=merging, engine="embedded")
    for number, (tracks, manner) in enumerate(
        [(gap, {"gaps": "fill"}), (merge, {"merges": "end"})]
    ):
        auto, out = tmp_path / f"auto{number}", tmp_path / f"out{number}"
        tracking.write(tracks, auto, **manner)
        if not recorded:
            (auto / "settings.json").unlink()
        _run(tracks=auto / "tracks.xml", out=out)
        found = json.loads((out / "corrections.json").read_text())["automatic"]
        assert [found[name] for name in ("SEG", "DET", "TRA")] == [1.0, 1.0, 1.0]
        before, after = (images.read(folder / "tracked.tif") for folder in (auto, out))
        np.testing.assert_array_equal(before > 0, after > 0)
        ids = ctc.read(out / "01_GT").tracks[:, 0].tolist()
        assert pd.read_csv(out / "lineage.csv")["id"].tolist() == ids


def test_of_no_spots(tmp_path):
    """Nothing can be made of an empty result, which is said of the file."""
    with pytest.warns(DataWarning, match="no object"):
        nothing = tracking.track(lineages.movie({}, {}), engine="embedded")
    tracking.write(nothing, tmp_path / "auto")
    with pytest.raises(UserError, match=r"tracks\.xml: holds no spot"):
        _run(tracks=tmp_path / "auto" / "tracks.xml", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
