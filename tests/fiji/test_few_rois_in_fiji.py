"""A real Fiji with the installed commands: the ready model, and a sparse drawing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from doors import screen
from driven import drive
from java_mode import QUICK

from imagej_dl import images, rois
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED
from imagej_dl.models.ready import registry

pytestmark = [pytest.mark.fiji, pytest.mark.tf, screen]
BOX = "Not every object is drawn"

READY = """
def imp = IJ.openImage("IMAGE")
imp.show()
def dialog = choose("ImageJ-DL Predict")
shot("fiji-predict-dialog")
out.model = dialog.stringFields[0].text
press(dialog, 0)
wait("the labels") { WindowManager.getImage("image-labels") }
wait("the ROIs") { ij.plugin.frame.RoiManager.instance?.count }
sleep(1000)
out.labels = pixels("image-labels")
def manager = ij.plugin.frame.RoiManager.instance
out.rois = (0..<manager.count).collect {
    def roi = manager.getRoi(it)
    [roi.name, roi.type, roi.statistics.pixelCount] }
manager.setLocation(900, 120)
IJ.selectWindow(imp.ID)
manager.runCommand(imp, "Show All without labels")
shot("fiji-ready-model")
WindowManager.getImage("image-labels").close()
IJ.selectWindow(imp.ID)
out.title = IJ.runMacro('run("ImageJ-DL Predict", "rois=false"); return getTitle();')
out.macro = pixels(out.title)
out.log = IJ.log
WindowManager.getImage(out.title).close()
new File("FOLDER/in").mkdir()
java.nio.file.Files.copy(new File("IMAGE").toPath(), new File("FOLDER/in/cells.tif").toPath())
for (model in ["", "model=nuclei "])
    out["folder " + model] = IJ.runMacroFile("HOME/macros/ImageJ-DL/Predict_Folder.ijm",
        model + "images=[FOLDER/in] out=[FOLDER/out] overwrite")
"""

SPARSE = """
IJ.openImage("IMAGE").show()
new ij.plugin.frame.RoiManager().setLocation(900, 120)
IJ.runMacro('''
    roiManager("open", "FOLDER/drawn.zip");
    makeRectangle(200, 0, 56, 128); roiManager("add");
    roiManager("select", roiManager("count") - 1); roiManager("rename", "ignore");
    makeLine(0, 250, 190, 250, 5); roiManager("add");
    roiManager("select", roiManager("count") - 1); roiManager("rename", "background");
    roiManager("deselect");
    roiManager("show all with labels");
''')
shot("fiji-marks")
IJ.runMacro('run("ImageJ-DL Make label maps", "out=[FOLDER/labels.tif]");')
def dialog = choose("ImageJ-DL Train")
out.boxes = dialog.checkboxes.collectEntries { [it.label, it.state] }
shot("fiji-train-dialog")
press(dialog, 1)
wait("its end") { !dialog.showing }
IJ.selectWindow("image.tif")
dialog = choose("ImageJ-DL Train")
// A text that is set in another thread than that of the windows, while they paint, can lock both.
EventQueue.invokeAndWait {
    def parts
    parts = { it instanceof Container ? it.components.collectMany { parts(it) } : [it] }
    def all = parts(dialog)
    def give = { String begin, String value ->
        def label = all.findIndexOf { it instanceof Label && it.text.startsWith(begin) }
        all.drop(label).find { it instanceof TextField }.text = value
    }
    give("Project", "PROJECT")
    give("New model", "FOLDER/by-dialog")
    give("Epochs", "1")
    give("Start from model", "START")
    dialog.checkboxes.find { it.label == BOX }.state = true
}
shot("fiji-train-dialog-ticked")
press(dialog, 0)
wait("the model") { new File("FOLDER/by-dialog/metrics.json").isFile() }
wait("the end of its window") { windows(Frame, "ImageJ-DL: training").empty }
out.kept = ij.plugin.frame.RoiManager.instance.with { m -> (0..<m.count).collect { m.getName(it) } }
IJ.selectWindow("image.tif")
out.title = IJ.runMacroFile("HOME/macros/ImageJ-DL/Train_From_RoiManager.ijm",
    "project=[FOLDER/cells] model=[FOLDER/model] epochs=1 settings=[SETTINGS sparse]")
out.rois = ij.plugin.frame.RoiManager.instance.count
out.log = IJ.log
shot("fiji-sparse-trained")
"""


def _filled(text: str, home: Path, image: Path, folder: Path) -> str:
    return (
        text.replace("HOME", str(home)).replace("IMAGE", str(image)).replace("FOLDER", str(folder))
    )


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Dialogs begin with the model that was used last, by whichever test."""
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path / "settings"))


def test_predict_needs_no_model(home: Path, image: Path, tmp_path: Path) -> None:
    seen = drive(home, tmp_path, _filled(READY, home, image, tmp_path))
    command = [sys.executable, "-m", "imagej_dl", "predict", registry.DEFAULT, str(image)]
    command += ["--out", str(tmp_path / "shell")]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    expected = images.read_labels(tmp_path / "shell" / f"{image.parent.name}.tif").values
    assert expected.max() > 5
    assert seen["model"] == registry.DEFAULT
    for door in ("labels", "macro"):
        assert np.array_equal(np.reshape(seen[door], expected.shape), expected), door
    areas = np.bincount(expected.ravel())[1:]
    assert sorted(area for _, _, area in seen["rois"]) == sorted(areas[areas > 0].tolist())
    assert f"with the ready model {registry.DEFAULT}" in seen["log"]
    assert seen["folder "] == seen["folder model=nuclei "] == str((areas > 0).sum())


def test_marks_and_a_sparse_training(home: Path, model: Path, image: Path, tmp_path: Path) -> None:
    truth = images.read_labels(image.with_name("labels.tif"))
    drawn = rois.trace(truth)[::2]  # every other nucleus
    rois.write(drawn, tmp_path / "drawn.zip")
    body = _filled(SPARSE, home, image, tmp_path)
    body = body.replace("SETTINGS", QUICK.replace("epochs=1 ", "")).replace("BOX", repr(BOX))
    body = body.replace("PROJECT", str(model.parent / "project")).replace("START", str(model))
    seen = drive(home, tmp_path, body)
    made = images.read(tmp_path / "labels.tif").values
    marks = images.read(tmp_path / "marks.tif").values
    assert (marks[:128, 200:] == IGNORED).all()
    assert not made[:128, 200:].any()
    assert (marks == BACKGROUND).sum() == 5 * 190
    expected = rois.label_map(drawn, truth)[0].values
    assert np.array_equal(made > 0, (expected > 0) & (marks == 0))
    assert seen["boxes"][BOX] is False
    names = [roi.name for roi in drawn] + ["ignore", "background"]
    assert seen["kept"] == names  # as they were drawn, all of them
    assert seen["rois"] == len(names)
    assert seen["title"] == "image-labels-1"  # beside the label map of what was drawn
    known = json.loads((tmp_path / "by-dialog" / "metrics.json").read_text())["known"]
    assert known["sparse"]
    assert 0 < known["pixels"] < known["of_pixels"]
    known = json.loads((tmp_path / "model" / "metrics.json").read_text())["known"]
    assert known["sparse"]
    assert 0 < known["pixels"] < known["of_pixels"] - 56 * 128
    assert known["objects"] == len(np.unique(made)) - 1
