"""A fresh installation: Predict begins with a ready model, and OK segments the open image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import active_image
import hosted
import numpy as np
import pytest

from imagej_dl import fiji
from imagej_dl.models.ready import registry

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
LABEL = "ImageJ-DL Predict"


def _fresh(cells: str, folder: str) -> dict[str, Any]:
    front = hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    ij = hosted.jimport("ij.IJ")
    recorder = hosted.jimport("ij.plugin.frame.Recorder")
    recorder()  # opens it
    seen: dict[str, Any] = {}
    ij.open(cells)
    active_image.select("cells.tif")
    hosted.choose(LABEL)
    dialog = hosted.fill(front, LABEL)
    seen["model"] = str(dialog.getStringFields()[0].getText())
    seen["words"] = [str(x.getText()) for x in hosted.components(dialog, "java.awt.Label")]
    hosted.press(dialog, "OK")
    hosted.wait(lambda: hosted.newest("cells-labels"), 240, "labels by the menu")
    hosted.wait(lambda: front.getLast().get("rois"), 120)
    seen["labels"] = np.asarray(hosted.pixels("cells-labels").data)
    seen["rois"] = hosted.manager_count()
    seen["log"] = hosted.log()
    lines = str(recorder.getInstance().getText()).splitlines()
    seen["line"] = next(line for line in lines if line.startswith(f'run("{LABEL}"'))
    recorder.getInstance().close()
    # Without the key, by a macro.
    title = hosted.macro(f'selectImage("cells.tif");\nrun("{LABEL}", "rois");\nreturn getTitle();')
    seen["macro"] = np.asarray(hosted.pixels(title).data)
    kept = Path(folder, "home", "dialogs.json")
    hosted.wait(kept.is_file, 60)
    hosted.choose("ImageJ-DL Correct and retrain")
    dialog = hosted.fill(front, "ImageJ-DL Correct and retrain")
    keys = [f for f in front.command("correct").get("fields") if not bool(f.get("advanced"))]
    texts = [str(f.get("key")) for f in keys if str(f.get("type")) != "choice"]
    seen["correct"] = str(dialog.getStringFields()[texts.index("model")].getText())
    hosted.press(dialog, "Cancel")
    hosted.wait(lambda: not dialog.isShowing(), 60)
    seen["given"] = json.loads(kept.read_text())["given"]
    return seen


@pytest.fixture(scope="module")
def fresh(own_process: Any, cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("fresh")
    (folder / "home").mkdir()
    return own_process(_fresh, str(cells), str(folder), timeout=900)


def test_the_dialog_begins_with_it_and_says_what_else_may_stand_there(fresh: Any) -> None:
    assert fresh["model"] == registry.DEFAULT
    offered = f"Model - a folder or {', '.join(registry.names())}"
    assert offered in fresh["words"]


def test_ok_segments_the_open_image(fresh: Any, cells: Path) -> None:
    expected, rois = hosted.python_labels(Path(registry.DEFAULT), cells)
    np.testing.assert_array_equal(fresh["labels"], np.asarray(expected.data))
    assert fresh["rois"] == rois > 5
    assert f"with the ready model {registry.DEFAULT}" in fresh["log"]


def test_a_macro_needs_no_model(fresh: Any) -> None:
    np.testing.assert_array_equal(fresh["macro"], fresh["labels"])
    assert f"model={registry.DEFAULT} " in fresh["line"]


def test_the_next_prediction_begins_with_it_but_no_correction(fresh: Any) -> None:
    assert fresh["given"]["model"] == registry.DEFAULT
    assert fresh["correct"] == ""  # the current model, or where none is, the ready one
