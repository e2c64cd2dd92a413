"""Commands given again and again: what dialogs remember, ROIs found twice, windows that pile up."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import active_image
import hosted
import pytest

from imagej_dl import fiji

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
CONTROL = "ImageJ-DL: training"


def _asked(front: Any, label: str) -> dict[str, str]:
    """Open a command's dialog, read what it begins with, and cancel it."""
    hosted.choose(label)
    dialog = hosted.fill(front, label)
    command = front.command(label)
    fields = [f for f in command.get("fields") if not bool(f.get("advanced"))]
    texts = iter(dialog.getStringFields() or [])
    boxes = iter(dialog.getCheckboxes() or [])
    choices = iter(dialog.getChoices() or [])
    found = {}
    for field in fields:
        kind = str(field.get("type"))
        if kind == "bool":
            value = str(bool(next(boxes).getState()))
        elif kind == "choice":
            value = str(next(choices).getSelectedItem())
        else:
            value = str(next(texts).getText()).rstrip("/")  # as Browse does it
        if str(field.get("opened")):
            assert str(next(choices).getSelectedItem()) == "*None*"
        found[str(field.get("key"))] = value
    found["labels"] = " | ".join(
        str(x.getText()) for x in hosted.components(dialog, "java.awt.Label")
    )
    hosted.press(dialog, "Cancel")
    hosted.wait(lambda: not dialog.isShowing(), 60)
    return found


def _run(front: Any, label: str, **values: Any) -> None:
    hosted.choose(label)
    dialog = hosted.fill(front, label, **values)
    hosted.press(dialog, "OK")
    hosted.wait(lambda: not dialog.isShowing(), 60)


def _rois() -> list[tuple[str, str]]:
    manager = hosted.jimport("ij.plugin.frame.RoiManager").getInstance2()
    return [(str(r.getName()), str(r.getBounds())) for r in manager.getRoisAsArray()]


def _escape() -> None:
    ij = hosted.jimport("ij.IJ")
    ij.setKeyDown(27)


def _again(project: str, model: str, cells: str, folder: str) -> dict[str, Any]:
    front = hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    ij, windows = hosted.jimport("ij.IJ"), hosted.jimport("ij.WindowManager")
    seen: dict[str, Any] = {}

    # A project that was just made, and a training that fails at once.
    _run(front, "ImageJ-DL New project", project=f"{folder}/made")
    hosted.wait(lambda: Path(folder, "made").is_dir(), 60)
    hosted.wait(lambda: _kept(folder).get("given", {}).get("project"), 60)
    seen["project"] = _asked(front, "ImageJ-DL Train")["project"]
    _run(
        front,
        "ImageJ-DL Train",
        project=f"{folder}/nowhere",
        out=f"{folder}/m",
        resume=True,
        overwrite=True,
        epochs=7,
    )
    message = hosted.wait(lambda: hosted.window("MessageDialog"), 60)
    hosted.wait(lambda: bool(message.isAlwaysOnTop()), 10, "the message in front")
    seen["words"] = hosted.error_words()
    seen["after the failure"] = hosted.windows()
    seen["train again"] = _asked(front, "ImageJ-DL Train")
    seen["settings"] = _asked(front, "ImageJ-DL Settings")

    # ROIs found twice.
    ij.open(cells)
    manager = hosted.jimport("ij.plugin.frame.RoiManager")()
    manager.add(hosted.jimport("ij.gui.OvalRoi")(3, 4, 5, 6), -1)
    for number in (1, 2):
        active_image.select("cells.tif")
        _run(front, "ImageJ-DL Predict", model=model)
        title = "cells-labels" if number == 1 else "cells-labels-1"
        hosted.wait(lambda title=title: hosted.newest(title), 120)
        hosted.wait(lambda: "done" in front.getLast() or front.getLast().get("rois"), 60)
        seen[f"rois {number}"] = _rois()
        if number == 1:
            shown = windows.getImage("cells.tif").getCanvas().getShowAllList()
            seen["outlines"] = 0 if shown is None else int(shown.size())
            one = windows.getImage("cells.tif").getWindow().getBounds()
            other = windows.getImage("cells-labels").getWindow().getBounds()
            seen["hidden"] = bool(one.intersects(other))
            changed = manager.getRoi(1)
            changed.setLocation(1.0, 1.0)  # the user's now
    seen["rois moved"] = "x=1,y=1" in str(_rois())

    # Trainings one after the other: one window of curves, and the model is Predict's.
    quick = {key: value for key, value in hosted.QUICK.items() if key != "epochs"}
    for name in ("one", "two"):
        active_image.select("cells.tif")
        hosted.macro(
            f'run("ImageJ-DL Train", "project=[{project}] out=[{folder}/{name}] epochs=1 '
            + " ".join(f"{key}={value}" for key, value in quick.items())
            + '");'
        )
    seen["curves"] = [w for w in hosted.windows() if "PlotWindow" in w]
    seen["current"] = str(windows.getCurrentImage().getTitle())
    active_image.select("cells.tif")
    hosted.train(front, project=project, out=f"{folder}/long", epochs=5000)
    hosted.wait(lambda: hosted.window("JFrame", CONTROL), 120)
    seen["stages"] = _stages()

    # Esc asks; No goes on, Yes ends it.
    _escape()
    question = hosted.wait(lambda: _question(), 20, "the question after Esc")
    seen["question"] = True
    hosted.press(question, "No")
    hosted.wait(lambda: not question.isShowing(), 20)
    time.sleep(0.5)
    seen["goes on"] = hosted.window("JFrame", CONTROL) is not None
    _escape()
    hosted.press(hosted.wait(lambda: _question(), 20), "Yes")
    hosted.wait(lambda: hosted.window("JFrame", CONTROL) is None, 120, "the end after Esc")
    hosted.wait(lambda: _kept(folder)["given"].get("model"), 60)
    hosted.wait(lambda: (Path(folder, "long") / "metrics.json").is_file(), 60)
    time.sleep(1)
    seen["model"] = _asked(front, "ImageJ-DL Predict")
    return seen


def _question() -> Any:
    for dialog in hosted.jimport("java.awt.Window").getWindows():
        name = str(dialog.getClass().getName())
        if name == "javax.swing.JDialog" and dialog.isShowing():
            return dialog
    return None


def _stages() -> list[str]:
    """What the training's window says until its first epoch is whole."""
    found: list[str] = []
    end = time.monotonic() + 120
    while time.monotonic() < end:
        frame = hosted.window("JFrame", CONTROL)
        lines = [] if frame is None else list(hosted.components(frame, "javax.swing.JLabel"))
        text = str(lines[0].getText()) if lines else ""
        if text and text not in found:
            found.append(text)
        if text.startswith("Epoch"):
            break
        time.sleep(0.02)
    return found


def _kept(folder: str) -> dict[str, Any]:
    try:
        return json.loads(Path(folder, "home", "dialogs.json").read_text())
    except (OSError, ValueError):
        return {}


def _restarted(folder: str) -> dict[str, str]:
    front = hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    return _asked(front, "ImageJ-DL Predict")


@pytest.fixture(scope="module")
def again(
    own_process: Any,
    small_project: Path,
    threshold_model: Path,
    cells: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("again")
    (folder / "home").mkdir()
    given = (small_project, threshold_model, cells, folder)
    seen = own_process(_again, *map(str, given), timeout=900)
    seen["restarted"] = own_process(_restarted, str(folder))
    return seen | {"folder": folder}


def test_switches_that_destroy_are_never_remembered(again: dict[str, Any]) -> None:
    asked = again["train again"]
    assert (asked["resume"], asked["overwrite"]) == ("False", "False")
    assert asked["epochs"] == "7"


def test_a_project_and_a_model_are_the_next_commands(again: dict[str, Any]) -> None:
    folder = again["folder"]
    assert again["project"] == f"{folder}/made"
    assert again["model"]["model"] == f"{folder}/long"
    assert again["restarted"]["model"] == f"{folder}/long"


def test_a_training_that_fails_at_once_leaves_no_window(again: dict[str, Any]) -> None:
    assert (
        "there is no such folder" in again["words"].replace("\n", " ")
        or "exclude" in again["words"]
    )
    assert not [window for window in again["after the failure"] if CONTROL in window]


def test_settings_show_what_holds(again: dict[str, Any]) -> None:
    assert again["settings"]["tile"] == "0"
    assert again["settings"]["device"] == "auto"


def test_needed_and_empty_fields_are_explained(again: dict[str, Any]) -> None:
    assert "Project *" in again["train again"]["labels"]
    assert "New model *" in again["train again"]["labels"]
    assert "Image files - empty: the open image" in again["model"]["labels"]


def test_rois_found_twice_are_there_once(again: dict[str, Any]) -> None:
    first, second = again["rois 1"], again["rois 2"]
    assert len(first) > 2
    # The user's own is first; one that was moved is the user's too, and stays beside the new.
    assert second[0] == first[0]
    assert again["rois moved"]
    assert len(second) == len(first) + 1
    names = [name for name, _ in second[1:]]
    assert len(set(names)) == len(names)
    assert all(name.startswith("cells ") for name in names)
    assert sorted(second[2:], key=str)[0][1] in str(first)


def test_outlines_are_seen_on_the_image_and_labels_beside_it(again: dict[str, Any]) -> None:
    assert again["outlines"] == len(again["rois 1"])
    assert not again["hidden"]


def test_one_window_of_curves(again: dict[str, Any]) -> None:
    assert len(again["curves"]) == 1
    assert "two" in again["curves"][0]
    assert again["current"] == "cells.tif"


def test_it_says_what_goes_on_before_the_first_epoch(again: dict[str, Any]) -> None:
    told = " ".join(again["stages"])
    assert "Starting Python" in told
    assert "uilding" in told  # reading a few small images may be over before it is looked at
    assert "first batch" in told.lower()


def test_escape_asks_in_a_training_of_the_menus(again: dict[str, Any]) -> None:
    assert again["question"]
    assert again["goes on"]
