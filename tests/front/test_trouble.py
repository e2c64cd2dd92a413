"""What goes wrong is said in ImageJ's window and log, and the next command works."""

from __future__ import annotations

import json
import os
import signal
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
BAD = {
    "no project": (
        'run("ImageJ-DL Train", "project=[{folder}/nowhere] out=[{folder}/m]");',
        ["nowhere"],
    ),
    "no image": ('run("ImageJ-DL Predict", "model=[{model}]");', ["no image open", "Open"]),
    "no ROI": (
        'newImage("empty", "8-bit black", 20, 20, 1); run("ImageJ-DL Make label maps", "rois");',
        ["rois: unknown key"],
    ),
    "no ROI drawn": (
        'selectImage("empty"); run("ImageJ-DL Make label maps", "overlap=last");',
        ["empty", "no ROI is drawn", "press t"],
    ),
    "RGB": (
        'newImage("colours", "RGB ramp", 64, 64, 1); setColor("red"); fillRect(9, 9, 20, 20); '
        'run("ImageJ-DL Predict", "model=[{model}]");',
        ["colours", "3 channel", "Split Channels"],
    ),
    "NaN": (
        'newImage("odd", "32-bit ramp", 64, 64, 1); setPixel(3, 3, NaN); '
        'run("ImageJ-DL Predict", "model=[{model}]");',
        ["odd", "NaN"],
    ),
    "a foreign folder": (
        'selectImage("empty"); run("ImageJ-DL Predict", "model=[{folder}/foreign]");',
        ["foreign"],
    ),
    "a tampered model": (
        'selectImage("empty"); run("ImageJ-DL Predict", "model=[{folder}/tampered]");',
        ["tampered"],
    ),
    "an unknown command": ('run("ImageJ-DL Dance", "x=1");', ["no command", "Dance"]),
}


def _heap() -> int:
    """Bytes in use in Java after the garbage is collected."""
    system = hosted.jimport("java.lang.System")
    runtime = hosted.jimport("java.lang.Runtime").getRuntime()
    for _ in range(3):
        system.gc()
        time.sleep(0.1)
    return int(runtime.totalMemory() - runtime.freeMemory())


def _loop(model: str, cells: str, times: int) -> None:
    # By its title: a late event may have made the image the current one, which would be closed.
    hosted.macro(
        f'open("{cells}"); title = getTitle();\n'
        f"for (i = 0; i < {times}; i++) {{ selectImage(title); "
        f'run("ImageJ-DL Predict", "model=[{model}] rois=false"); close("*-labels"); }}\n'
        "selectImage(title); close();"
    )


def _troubles(project: str, model: str, cells: str, folder: str) -> dict[str, Any]:
    front = hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    ij = hosted.jimport("ij.IJ")
    seen: dict[str, Any] = {"words": {}, "log": {}}
    for name, (line, _) in BAD.items():
        with hosted.dismissing() as words:
            ij.log("\\Clear")
            try:
                hosted.jimport("ij.IJ").runMacro(line.format(folder=folder, model=model))
            finally:
                time.sleep(0.3)
            seen["log"][name] = hosted.log()
        seen["words"][name] = " ".join("\n".join(words).split())

    # The same from the menu.
    ij.log("\\Clear")
    active_image.select("empty")
    hosted.choose("ImageJ-DL Predict")
    hosted.press(hosted.fill(front, "ImageJ-DL Predict", model=f"{folder}/foreign"), "OK")
    seen["window"] = hosted.error_words()
    hosted.macro('run("Close All");')

    # A dialog that needs no image.
    hosted.choose("ImageJ-DL Settings")
    hosted.press(hosted.fill(front, "ImageJ-DL Settings", tile=512), "OK")
    hosted.wait(lambda: "tile: 512" in hosted.log(), 120, "what Settings says")
    seen["settings"] = Path(folder, "home", "settings.json").read_text()

    # Memory.
    _loop(model, cells, 5)
    (worker,) = hosted.workers()
    before = hosted.resident(worker), _heap()
    _loop(model, cells, 30)
    assert hosted.workers() == [worker]
    seen["grown"] = hosted.resident(worker) - before[0], _heap() - before[1]
    seen["shared"] = [name for name in os.listdir("/dev/shm") if name.startswith("psm_")]

    # Killed in the middle of a prediction.
    manager = hosted.jimport("ij.plugin.frame.RoiManager")()
    manager.add(hosted.jimport("ij.gui.OvalRoi")(3, 4, 5, 6), -1)
    movie = ij.createImage("movie", "8-bit ramp", 512, 512, 200)
    movie.show()
    hosted.choose("ImageJ-DL Predict")
    dialog = hosted.fill(front, "ImageJ-DL Predict", model=model)
    (worker,) = hosted.workers()
    hosted.press(dialog, "OK")
    # Not sooner: killed between two requests it would only be started again.
    hosted.wait(hosted.waits_for_worker, what="the worker's work of 200 planes", every=0.005)
    os.kill(worker, signal.SIGKILL)
    seen["killed"] = hosted.error_words()
    seen["rois"] = hosted.manager_count()
    movie.changes = False
    movie.close()
    ij.open(cells)
    hosted.macro(f'run("ImageJ-DL Predict", "model=[{model}] rois=false");')
    seen["after the kill"] = np.asarray(hosted.pixels("cells-labels").data)

    # Killed in the middle of a training.
    others = set(hosted.workers())
    hosted.train(front, project=project, out=f"{folder}/killed", epochs=5000)
    hosted.wait(lambda: hosted.window("PlotWindow", "Training of killed"), 120, "an epoch")
    (worker,) = set(hosted.workers()) - others
    os.kill(worker, signal.SIGKILL)
    seen["killed training"] = hosted.error_words()
    seen["rois after"] = hosted.manager_count()
    hosted.wait(lambda: hosted.window("JFrame", "ImageJ-DL: training") is None, 120)

    # Python is gone.
    file = hosted.jimport("java.io.File")
    loader = front.getClass().getClassLoader()
    lost = loader.loadClass("imagejdl.Front").getConstructors()[0]
    import jpype

    given = jpype.JArray(jpype.JObject)([front.getHome(), file("/nowhere/bin/python")])
    with hosted.dismissing() as words:
        lost.newInstance(given).run("predict", "model=x")
    seen["no Python"] = "\n".join(words)
    return seen


@pytest.fixture(scope="module")
def troubles(
    own_process: Any,
    small_project: Path,
    threshold_model: Path,
    cells: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    import shutil

    folder = tmp_path_factory.mktemp("trouble")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "saved_model.pb").write_bytes(b"of another program")
    tampered = folder / "tampered"
    shutil.copytree(threshold_model, tampered)
    for path in tampered.glob("*.json"):
        path.write_text(path.read_text().replace('"binary"', '"bin"').replace("unet", "../x"))
    given = (small_project, threshold_model, cells, folder)
    with hosted.no_leftovers():
        seen = own_process(_troubles, *map(str, given))
    return seen | {"folder": folder, "labels": hosted.python_labels(threshold_model, cells)[0].data}


@pytest.mark.parametrize("name", BAD)
def test_the_words_are_shown_and_in_the_log(troubles: dict[str, Any], name: str) -> None:
    for word in BAD[name][1]:
        assert word in troubles["words"][name], troubles["words"]
        assert word in troubles["log"][name], troubles["log"]


def test_the_menu_says_it_in_a_window(troubles: dict[str, Any]) -> None:
    assert "foreign" in troubles["window"]


def test_settings_by_the_dialog(troubles: dict[str, Any]) -> None:
    assert json.loads(troubles["settings"])["tile"] == 512


def test_pain_5_memory_stays_in_a_loop(troubles: dict[str, Any]) -> None:
    worker, java = troubles["grown"]
    print(f"30 predictions: worker {worker / 1e6:.1f} MB, Java {java / 1e6:.1f} MB")
    assert worker < 60e6
    assert java < 20e6


def test_a_killed_worker_is_said_and_the_next_works(troubles: dict[str, Any]) -> None:
    assert "ended unexpectedly" in troubles["killed"]
    assert "run the command" in troubles["killed"].replace("\n", " ")
    assert troubles["rois"] == troubles["rois after"] == 1
    assert np.array_equal(troubles["after the kill"], troubles["labels"])


def test_a_killed_training_is_said_and_can_be_resumed(troubles: dict[str, Any]) -> None:
    assert "ended unexpectedly" in troubles["killed training"]
    assert "Resume" in troubles["killed training"].replace("\n", " ")


def test_python_gone_is_said(troubles: dict[str, Any]) -> None:
    assert "/nowhere/bin/python" in troubles["no Python"]
    assert "imagej-dl install" in troubles["no Python"].replace("\n", " ")
