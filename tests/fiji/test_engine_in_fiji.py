"""A real Fiji: an engine of others predicts the open image as it does in a shell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from doors import screen
from driven import drive

from imagej_dl import images

pytestmark = [pytest.mark.fiji, pytest.mark.tf, screen]
TRAINING = """{"train_epochs": 6, "train_steps_per_epoch": 20, "train_patch_size": [64, 64],
    "unet_n_filter_base": 8, "train_learning_rate": 0.003}"""
SETTINGS = '{"prob_thresh": 0.05}'  # after so few batches it is not sure of anything

BODY = '''
IJ.openImage("IMAGE").show()
out.title = IJ.runMacro("""run("ImageJ-DL Predict",
    "model=[MODEL] engine=stardist engine_settings=[SETTINGS] rois"); return getTitle();""")
out.labels = pixels(out.title)
wait("the ROIs") { ij.plugin.frame.RoiManager.instance?.count }
def manager = ij.plugin.frame.RoiManager.instance
out.rois = manager.count
manager.setLocation(900, 120)
out.log = IJ.log
shot("fiji-engine")
'''


@pytest.fixture(scope="module")
def stardist(model: Path) -> Path:
    """A StarDist model of a training of seconds."""
    pytest.importorskip("stardist")
    out = model.parent / "stardist"
    command = [sys.executable, "-m", "imagej_dl", "train", str(model.parent / "project")]
    command += ["--engine", "stardist", "--engine-settings", TRAINING, "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return out


def test_stardist_predicts_the_open_image(
    home: Path, stardist: Path, image: Path, tmp_path: Path
) -> None:
    body = BODY.replace("IMAGE", str(image)).replace("MODEL", str(stardist))
    body = body.replace("SETTINGS", SETTINGS.replace('"', r"\\\""))
    seen = drive(home, tmp_path, body)
    command = [sys.executable, "-m", "imagej_dl", "predict", str(stardist), str(image)]
    command += ["--engine-settings", SETTINGS, "--out", str(tmp_path / "shell")]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    expected = images.read_labels(tmp_path / "shell" / f"{image.parent.name}.tif").values
    assert expected.max() > 0
    assert np.array_equal(np.reshape(seen["labels"], expected.shape), expected)
    assert seen["rois"] == len(np.unique(expected)) - 1
