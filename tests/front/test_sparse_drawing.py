"""Marks of the ROI Manager, and a sparse training, in the real ImageJ 1.54p."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import active_image
import hosted
import numpy as np
import pytest
from small_nuclei import small_nuclei

from imagej_dl import fiji, images
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
TRAIN, BOX = "ImageJ-DL Train", "Not every object is drawn"


def _drawn(project: str, image: str, labels: str, model: str) -> dict[str, Any]:
    front = hosted.start()
    hosted.macro(
        f'open("{image}");\n'
        'makeRectangle(2, 2, 10, 10); roiManager("add");\n'
        'makeRectangle(40, 2, 10, 10); roiManager("add");\n'
        'makeRectangle(36, 0, 20, 20); roiManager("add");\n'
        'roiManager("select", 2); roiManager("rename", "Ignore");\n'
        "makeLine(0, 60, 60, 60, 5);\n"
        'roiManager("add"); roiManager("select", 3); roiManager("rename", "background 1");\n'
        'roiManager("deselect");\n'
        f'run("ImageJ-DL Make label maps", "out=[{labels}]");'
    )
    quick = " ".join(f"{key}={value}" for key, value in hosted.QUICK.items())
    hosted.macro(f'run("ImageJ-DL Train", "project=[{project}] out=[{model}] {quick} sparse");')
    recorder = hosted.jimport("ij.plugin.frame.Recorder")
    recorder()  # opens it
    active_image.select("cells.tif")
    hosted.choose(TRAIN)
    dialog = hosted.fill(front, TRAIN)
    seen: dict[str, Any] = {"after a macro": _is_ticked(dialog)}
    ticked = f"{model}-by-dialog"
    hosted.fill(front, TRAIN, project=project, out=ticked, epochs=1, start=model, sparse=True)
    seen["ticked"] = _is_ticked(dialog)
    hosted.press(dialog, "OK")
    hosted.wait(Path(ticked, "metrics.json").is_file, 200, "the model of the dialog")
    hosted.wait(lambda: not hosted.window("JFrame", "ImageJ-DL: training"), 120, "its window's end")
    lines = str(recorder.getInstance().getText()).splitlines()
    recorder.getInstance().close()
    seen["line"] = next(line for line in lines if line.startswith(f'run("{TRAIN}"'))
    seen["rois"] = [str(_manager().getRoi(i).getName()) for i in range(_manager().getCount())]
    active_image.select("cells.tif")
    hosted.choose(TRAIN)
    dialog = hosted.fill(front, TRAIN)
    seen["after a dialog"] = _is_ticked(dialog)
    hosted.press(dialog, "Cancel")
    return seen | {"log": hosted.log()}


def _is_ticked(dialog: Any) -> bool:
    boxes = hosted.components(dialog, "java.awt.Checkbox")
    return next(bool(box.getState()) for box in boxes if str(box.getLabel()) == BOX)


def _manager() -> Any:
    return hosted.jimport("ij.plugin.frame.RoiManager").getInstance2()


def test_marks_are_drawn_in_imagej_and_a_training_heeds_them(
    own_process: Any, shared_data: Path, tmp_path: Path
) -> None:
    project = small_nuclei(shared_data, tmp_path / "train")
    for folder in project.iterdir():
        marked = np.zeros((128, 128), np.uint8)
        marked[:40] = IGNORED
        images.write(images.make(marked), folder / "marks.tif")
    image = hosted.cells(shared_data, tmp_path / "cells.tif")
    labels, model = tmp_path / "labels.tif", tmp_path / "model"
    with hosted.no_leftovers():
        seen = own_process(_drawn, *map(str, (project, image, labels, model)))
    made, marks = images.read(labels).values, images.read(tmp_path / "marks.tif").values
    assert np.unique(made).tolist() == [0, 1]  # the second lies in what is ignored
    assert (made[2:12, 2:12] == 1).all()
    assert (marks[:20, 36:56] == IGNORED).all()
    assert (marks == BACKGROUND).sum() == 5 * 60
    assert "1 of 4 ROIs, 2 marks" in seen["log"]
    for trained in (model, tmp_path / "model-by-dialog"):
        known = json.loads((trained / "metrics.json").read_text())["known"]
        assert known["sparse"]
        assert known["pixels"] < known["of_pixels"] * 88 / 128
    assert seen["after a macro"] is False  # a macro's options stay its own
    assert seen["ticked"] is True
    assert seen["line"].split('"')[3].split().count("sparse") == 1
    assert seen["rois"][2:4] == ["Ignore", "background 1"]
    assert seen["after a dialog"] is True
