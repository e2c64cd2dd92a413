import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.commands.frames import Frames
from imagej_dl.errors import UserError
from imagej_dl.progress import silent


def test_videos_go_to_frames_and_come_back(tmp_path):
    rng = np.random.default_rng(0)
    made = {}
    for name, length in (("a_1-3", 3), ("b_5-8", 4)):
        for place in ("inputs", "labels"):
            video = images.make(rng.integers(0, 9, (length, 7, 8)).astype(np.uint16), "TYX")
            made[place, name] = video
            images.write(video, tmp_path / "data" / place / f"{name}.tif")
    Frames(action="split", folder=tmp_path / "data", out=tmp_path / "cut").run(silent)
    assert len(list((tmp_path / "cut" / "inputs").iterdir())) == 7
    Frames(action="join", folder=tmp_path / "cut", out=tmp_path / "back").run(silent)
    for (place, name), video in made.items():
        again = images.read(tmp_path / "back" / place / f"{name}.tif")
        np.testing.assert_array_equal(again.data, video.data)
    with pytest.raises(UserError, match="already there"):
        Frames(action="join", folder=tmp_path / "cut", out=tmp_path / "back").run(silent)


def test_labels_of_another_length_are_refused(tmp_path):
    for place, length in (("inputs", 3), ("labels", 2)):
        video = images.make(np.ones((length, 7, 8), np.uint16), "TYX")
        images.write(video, tmp_path / place / "a.tif")
    with pytest.raises(UserError, match="3 frames, its labels 2"):
        Frames(action="split", folder=tmp_path, out=tmp_path.parent / "cut2").run(silent)
