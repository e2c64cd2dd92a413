"""The user's own ROIs, images, results, macros and settings are as before after every command."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import active_image
import hosted
import modal
import numpy as np
import pytest

from imagej_dl import fiji, images

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
OWN = ("mine", "hyper")
COMMANDS = (
    "new",
    "annotate",
    "annotate again",
    "labels",
    "predict",
    "predict with out",
    "train",
    "correct",
    "track",
    "evaluate",
    "settings",
    "a wrong key",
    "Ext",
)


def _fill() -> None:
    """Open images, draw, measure and set what a user has."""
    ij = hosted.jimport("ij.IJ")
    hosted.jimport("ij.plugin.frame.RoiManager")()
    hosted.macro(
        """
        newImage("mine", "16-bit ramp", 200, 150, 1);
        setMinAndMax(500, 40000);
        makeOval(20, 20, 50, 40); Roi.setName("first"); roiManager("add");
        makePolygon(100, 20, 150, 25, 140, 70, 110, 66); Roi.setStrokeColor("cyan");
        roiManager("add");
        makeRectangle(30, 90, 60, 30); roiManager("add");
        makeOval(5, 5, 9, 9); Overlay.addSelection("red"); Overlay.drawString("note", 40, 40);
        Overlay.show;
        makeLine(3, 4, 60, 70);
        newImage("hyper", "8-bit composite-mode label", 60, 50, 2, 3, 4);
        Stack.setPosition(2, 3, 2);
        makeRectangle(10, 10, 20, 20);
        setPixel(3, 3, 77);
        newImage("label", "8-bit black", 4, 4, 1); close();
        setResult("Mean", 0, 3.5); setResult("Mean", 1, 4.5); updateResults();
        selectImage("mine");
        setForegroundColor(12, 34, 56); setBackgroundColor(1, 2, 3);
        setOption("BlackBackground", true);
        setTool("freehand");
        run("Set Measurements...", "area perimeter redirect=None decimal=5");
        call("ij.Prefs.set", "user.key", "17");
        """
    )
    hosted.jimport("ij.plugin.MacroInstaller")().install(
        'macro "My Macro" { print("mine"); }\nmacro "Other [F7]" { }'
    )
    ij.selectWindow("mine")


def _bytes(roi: Any) -> str:
    data = hosted.jimport("ij.io.RoiEncoder").saveAsByteArray(roi)
    return bytes(np.asarray(data).astype(np.uint8)).hex()


def _state() -> dict[str, Any]:
    """Read it in the thread that paints: while a ROI is painted it has another colour."""
    state: dict[str, Any] = {}
    modal.on_edt(lambda: state.update(_read()))
    return state


def _read() -> dict[str, Any]:
    manager = hosted.jimport("ij.plugin.frame.RoiManager").getInstance2()
    state: dict[str, Any] = {
        "rois": [(str(r.getName()), _bytes(r)) for r in list(manager.getRoisAsArray())[:3]],
        "open": [title for title in hosted.titles() if title in OWN],
    }
    for title in OWN:
        imp = hosted.jimport("ij.WindowManager").getImage(title)
        overlay = imp.getOverlay()
        state[title] = {
            "pixels": hashlib.sha1(np.asarray(hosted.pixels(title).data).tobytes()).hexdigest(),
            "roi": _bytes(imp.getRoi()),
            "overlay": None if overlay is None else [_bytes(r) for r in overlay.toArray()],
            "hidden": bool(imp.getHideOverlay()),
            "range": (float(imp.getDisplayRangeMin()), float(imp.getDisplayRangeMax())),
            "position": (int(imp.getC()), int(imp.getZ()), int(imp.getT())),
            "dimensions": [int(n) for n in imp.getDimensions()],
            "changes": bool(imp.changes),
            "locked": bool(imp.isLocked()),
            "lut": hashlib.sha1(bytes(imp.getLuts()[0].getBytes())).hexdigest(),
            "window": str(imp.getWindow().getBounds()),
            "magnification": float(imp.getCanvas().getMagnification()),
        }
    table = hosted.jimport("ij.measure.ResultsTable").getResultsTable()
    toolbar = hosted.jimport("ij.gui.Toolbar")
    prefs = hosted.jimport("ij.Prefs")
    macros = hosted.jimport("ij.Menus").getMacrosMenu()
    interpreter = hosted.jimport("ij.macro.Interpreter")
    return state | {
        "results": [str(table.getRowAsString(i)) for i in range(table.size())],
        "colours": (str(toolbar.getForegroundColor()), str(toolbar.getBackgroundColor())),
        "tool": str(hosted.jimport("ij.IJ").getToolName()),
        "prefs": (str(prefs.get("user.key", "")), bool(prefs.blackBackground)),
        "measurements": int(hosted.jimport("ij.plugin.filter.Analyzer").getMeasurements()),
        "macros": [str(macros.getItem(i).getLabel()) for i in range(macros.getItemCount())],
        "batch": bool(interpreter.isBatchMode()),
        "clipboard": hosted.jimport("ij.ImagePlus").getClipboard() is None,
    }


def _commands(project: str, model: str, cells: str, movie: str, folder: str) -> dict[str, Any]:
    hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    ij = hosted.jimport("ij.IJ")
    manager_class = hosted.jimport("ij.plugin.frame.RoiManager")
    _fill()
    before = _state()
    mine = f"{folder}/mine"
    quick = " ".join(f"{key}={value}" for key, value in hosted.QUICK.items())
    seen: dict[str, Any] = {"differences": {}, "failed": {}, "count": {}}

    def draw() -> None:
        manager_class.getInstance2().add(hosted.jimport("ij.gui.OvalRoi")(40, 40, 30, 20), -1)

    for name in COMMANDS:
        line = {
            "new": f'run("ImageJ-DL New project", "project=[{mine}]");',
            "annotate": f'run("ImageJ-DL Annotate next image", "project=[{mine}]");',
            "annotate again": f'run("ImageJ-DL Annotate next image", "project=[{mine}]");',
            "labels": 'run("ImageJ-DL Make label maps", "overlap=last");',
            "predict": f'run("ImageJ-DL Predict", "model=[{model}]");',
            "predict with out": f'run("ImageJ-DL Predict", "model=[{model}] out=[{folder}/out] '
            'probabilities");',
            "train": f'run("ImageJ-DL Train", "project=[{project}] out=[{folder}/made] {quick}");',
            "correct": f'run("ImageJ-DL Correct and retrain", "project=[{mine}] model=[{model}] '
            'step=status");',
            "track": f'run("ImageJ-DL Track", "labels=[{movie}] out=[{folder}/tracks] '
            'engine=embedded");',
            "evaluate": f'run("ImageJ-DL Evaluate", "pred=[{movie}] truth=[{movie}]");',
            "settings": 'run("ImageJ-DL Settings", "device=cpu");',
            "a wrong key": 'run("ImageJ-DL Predict", "modle=[x]");',
            "Ext": 'run("ImageJ-DL Macro Extensions"); Ext.dl_labels("mine");',
        }[name]
        if name == "annotate again":
            draw()
        active_image.select("mine")
        try:
            hosted.macro(line)
        except Exception as error:
            seen["failed"][name] = str(error)
        if name == "new":
            for number in (1, 2, 3):
                shutil.copy(cells, f"{mine}/Raw/a{number}.tif")
        after = _state()
        seen["differences"][name] = {
            key: (before[key], after[key]) for key in before if before[key] != after[key]
        }
        seen["count"][name] = hosted.manager_count()
        ij.selectWindow("mine")
    seen["titles"] = hosted.titles()
    return seen


@pytest.fixture(scope="module")
def after(
    own_process: Any,
    shared_data: Path,
    small_project: Path,
    threshold_model: Path,
    cells: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("own")
    movie = images.read(shared_data / "movie" / "detections.tif")
    movie = movie.isel(T=slice(0, 4), Y=slice(0, 120), X=slice(0, 120))
    images.write(movie, folder / "movie.tif")
    given = (small_project, threshold_model, cells, folder / "movie.tif", folder)
    with hosted.no_leftovers():
        seen = own_process(_commands, *map(str, given))
    return seen | {"folder": folder}


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_the_users_changes(after: dict[str, Any], command: str) -> None:
    assert after["differences"][command] == {}


def test_pain_4_the_users_rois_stay_first(after: dict[str, Any]) -> None:
    assert min(after["count"].values()) == 3
    assert after["count"]["predict"] > 3


def test_every_command_did_its_work(after: dict[str, Any]) -> None:
    assert list(after["failed"]) == ["a wrong key"], after["failed"]
    folder = after["folder"]
    assert (folder / "mine" / "Labeling" / "a1" / "RoiSet.zip").is_file()
    assert (folder / "made" / "metrics.json").is_file()
    assert (folder / "tracks" / "tracks.xml").is_file()
    assert sorted(p.name for p in (folder / "out").iterdir()) == [
        "mine.tif",
        "mine_RoiSet.zip",
        "mine_probabilities.tif",
    ]
    assert {"mine-labels", "tracked.tif"} <= set(after["titles"])


def test_pain_2_an_unknown_key_is_named_with_the_nearest(after: dict[str, Any]) -> None:
    words = after["failed"]["a wrong key"]
    assert "modle" in words
    assert "unknown key" in words
    assert "perhaps model" in words
