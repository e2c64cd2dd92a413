"""The window of a training: curve, preview, Cancel, Resume, "Use now", and ImageJ beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import active_image
import hosted
import numpy as np
import pytest

from imagej_dl import fiji

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
CONTROL = "ImageJ-DL: training"


def _epochs(name: str) -> int:
    """How many epochs the curve shows; 0 without a curve."""
    found = hosted.window("PlotWindow", f"Training of {name}")
    plot = None if found is None else found.getPlot()  # it comes after its window
    if plot is None:
        return 0
    arrays = plot.getDataObjectArrays(0)
    return 0 if arrays is None else len(arrays[0])


def _begin(front: Any, **values: Any) -> None:
    hosted.train(front, epochs=5000, **values)
    hosted.wait(lambda: hosted.window("JFrame", CONTROL), 120, "the training's window")


def _event_waits(times: int) -> list[float]:
    """How long the window system let events wait, in seconds."""
    queue, nothing = hosted.jimport("java.awt.EventQueue"), hosted.jimport("java.lang.Thread")()
    found = []
    for _ in range(times):
        before = time.perf_counter()
        queue.invokeAndWait(nothing)
        found.append(time.perf_counter() - before)
        time.sleep(0.05)
    return found


def _trainings(project: str, image: str, ready: str, folder: str, home: str) -> dict[str, Any]:
    front = hosted.start(IMAGEJ_DL_HOME=home)
    ij = hosted.jimport("ij.IJ")
    seen: dict[str, Any] = {}
    ij.open(image)
    recorder = hosted.jimport("ij.plugin.frame.Recorder")
    recorder()
    first, second = f"{folder}/first", f"{folder}/second"
    _begin(front, project=project, out=first)
    hosted.wait(lambda: _epochs("first") >= 2, 120, "two epochs in the curve")
    seen["preview"] = str(
        hosted.wait(lambda: hosted.window("ImageWindow", "Preview"), 60).getTitle()
    )
    preview = hosted.window("ImageWindow", "Preview").getImagePlus()
    seen["preview size"] = (int(preview.getWidth()), int(preview.getHeight()))
    seen["events"] = _event_waits(30)

    # Meanwhile ImageJ's own commands and a prediction run.
    other = ij.createImage("mine", "8-bit black", 8, 8, 1)
    other.show()
    active_image.select("mine")
    ij.doCommand("Invert")
    hosted.wait(lambda: int(other.getProcessor().get(0, 0)) == 255, 120, "ImageJ's Invert")
    active_image.select("cells.tif")
    hosted.choose("ImageJ-DL Predict")
    dialog = hosted.fill(front, "ImageJ-DL Predict", model=ready)
    # What is in front meanwhile is not what the command was chosen for.
    hosted.jimport("ij.WindowManager").setCurrentWindow(other.getWindow())
    hosted.press(dialog, "OK")
    hosted.wait(lambda: hosted.newest("cells-labels"), 120, "labels beside a training")
    seen["beside"] = np.asarray(hosted.pixels("cells-labels").data)
    seen["still training"] = hosted.window("JFrame", CONTROL) is not None
    before = _epochs("first")
    hosted.wait(lambda: _epochs("first") > before, 60, "a further epoch")

    began = time.monotonic()
    hosted.press(hosted.window("JFrame", CONTROL), "Cancel")
    hosted.wait(lambda: hosted.window("JFrame", CONTROL) is None, 120, "the end after Cancel")
    seen["cancel took"] = time.monotonic() - began
    hosted.wait(lambda: len(hosted.workers()) <= 1, 120, "the end of the training's worker")
    seen["cancelled at"] = _epochs("first")
    seen["files"] = sorted(path.name for path in Path(first).iterdir())

    lines = str(recorder.getInstance().getText()).splitlines()
    recorder.getInstance().close()
    seen["line"] = next(line for line in lines if line.startswith('run("ImageJ-DL Train"'))
    # The recorded line with Resume goes on; it may take as many epochs as there are and two more.
    done = seen["cancelled at"] + 2
    again = seen["line"].replace("epochs=5000", f"epochs={done} resume")
    hosted.macro(again)
    seen["resumed"] = json.loads(Path(first, "metrics.json").read_text())["epochs"]

    active_image.select("cells.tif")
    _begin(front, project=project, out=second)
    hosted.wait(lambda: _epochs("second") >= 1, 120, "an epoch of the second training")
    hosted.press(hosted.window("JFrame", CONTROL), "Use now")
    hosted.wait(lambda: hosted.newest("cells-labels-1"), 120, "labels by the model used now")
    seen["used"] = np.asarray(hosted.pixels("cells-labels-1").data)
    seen["ended"] = json.loads(Path(second, "metrics.json").read_text())["ended"]
    seen["windows"] = hosted.windows()

    # The preferences say that the worker waits one second.
    hosted.wait(lambda: not hosted.workers(), 120, "the end of the idle worker")
    hosted.macro(f'selectImage("cells.tif");\nrun("ImageJ-DL Predict", "model=[{ready}]");')
    seen["back"] = hosted.titles()
    return seen


@pytest.fixture(scope="module")
def trained(
    own_process: Any,
    small_project: Path,
    cells: Path,
    threshold_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("window")
    home = folder / "home"
    home.mkdir()
    (home / "settings.json").write_text('{"preview": 0, "idle": 1}')
    with hosted.no_leftovers():
        seen = own_process(
            _trainings, *map(str, (small_project, cells, threshold_model, folder, home))
        )
    return seen | {
        "first": hosted.python_labels(folder / "first", cells)[0].data,
        "second": hosted.python_labels(folder / "second", cells)[0].data,
        "threshold": hosted.python_labels(threshold_model, cells)[0].data,
    }


def test_the_curve_and_the_preview_are_shown(trained: dict[str, Any]) -> None:
    assert trained["cancelled at"] >= 3
    assert "Preview of first" in trained["preview"]
    assert trained["preview size"] == (256, 256)


def test_the_window_system_is_never_blocked(trained: dict[str, Any]) -> None:
    waits = sorted(trained["events"])
    print(f"longest wait of an event beside a training: {waits[-1]:.3f} s")
    assert waits[len(waits) // 2] < 0.5  # the longest may be the machine's own


def test_a_prediction_beside_a_training(trained: dict[str, Any]) -> None:
    assert trained["still training"]
    assert trained["threshold"].max() > 0
    assert np.array_equal(trained["beside"], trained["threshold"])


def test_cancel_leaves_the_best_model_and_no_process(trained: dict[str, Any]) -> None:
    assert trained["cancel took"] < 30
    assert {"metrics.json", "model.json"} & set(trained["files"]), trained["files"]
    assert trained["first"].shape == (256, 256)


def test_resume_goes_on(trained: dict[str, Any]) -> None:
    assert trained["resumed"] > trained["cancelled at"]


def test_the_training_is_recorded(trained: dict[str, Any]) -> None:
    given = [f"{key}={value}" for key, value in (hosted.QUICK | {"epochs": 5000}).items()]
    for part in ("project=", "out=", *given):
        assert part in trained["line"]


def test_use_now_segments_the_open_image(trained: dict[str, Any]) -> None:
    assert trained["ended"] not in ("all epochs", "cancelled")
    assert np.array_equal(trained["used"], trained["second"])


def test_pain_5_the_worker_ends_when_idle_and_comes_back(trained: dict[str, Any]) -> None:
    assert "cells-labels-2" in trained["back"]
