"""The three doors of a real Fiji (FIJI_HOME): Python hosts it, its Python mode, its Java mode."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import modal
import numpy as np
import pytest
from java_mode import OPENS, QUICK, copy_of
from java_mode import fiji as java_fiji
from small_nuclei import TEST, small_nuclei

from imagej_dl import fiji, images
from imagej_dl.commands.menu import MENU
from imagej_dl.fiji import installation, scripts

pytestmark = pytest.mark.fiji
screen = pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")
LABELS = {*MENU.values(), scripts.EXTENSIONS}


@pytest.fixture(scope="module")
def home(fiji_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the Fiji with the commands installed."""
    copy = copy_of(fiji_home, tmp_path_factory.mktemp("fiji") / "Fiji")
    installation.install(copy)
    return copy


@pytest.fixture(scope="module")
def model(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a training of seconds."""
    folder = tmp_path_factory.mktemp("model")
    small_nuclei(shared_data, folder / "project")
    options = [f"--{option}" for option in QUICK.split()]
    command = [sys.executable, "-m", "imagej_dl", "train", str(folder / "project")]
    command += ["--out", str(folder / "model"), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    return folder / "model"


@pytest.fixture
def image(shared_data: Path) -> Path:
    return shared_data / "nuclei" / "test" / TEST / "image.tif"


MACRO = """
open("IMAGE");
run("ImageJ-DL Predict", "model=[MODEL]");
run("ImageJ-DL Macro Extensions");
run("ImageJ-DL Train", "project=[PROJECT] out=[FOLDER/new] QUICK");
title = Ext.dl_predict("FOLDER/new", "image.tif");
selectImage("image-labels");
getStatistics(area, mean, min, max);
File.saveString(max + "\\n" + title + "\\n" + Overlay.size, "FOLDER/told.txt");
return "max " + max;
"""


def _macro(folder: Path, model: Path, image: Path, text: str = MACRO) -> Path:
    words = {"IMAGE": image, "MODEL": model, "PROJECT": model.parent / "project", "FOLDER": folder}
    for word, path in words.items():
        text = text.replace(word, str(path))
    (folder / "macro.ijm").write_text(text.replace("QUICK", QUICK), encoding="utf-8")
    return folder / "macro.ijm"


def _told(folder: Path) -> list[str]:
    return (folder / "told.txt").read_text().split("\n")


# (a) Python hosts Fiji.


@pytest.mark.parametrize("display", [pytest.param(True, marks=screen), False])
def test_python_hosts_fiji_and_runs_a_macro(
    fiji_home: Path, model: Path, image: Path, tmp_path: Path, display: bool
) -> None:
    macro = _macro(tmp_path, model, image)
    command = [sys.executable, "-m", "imagej_dl", "fiji", str(fiji_home), "--macro", str(macro)]
    if display:
        # The window is open until the user closes it.
        macro.write_text(
            macro.read_text().replace("return", 'eval("js", "IJ.getInstance().dispose()"); return')
        )
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                said = ""
                for line in process.stdout or ():
                    said += line
                    if "is open; close it to end" in line:
                        break
            finally:
                process.kill()
    else:
        done = subprocess.run(
            [*command, "--headless"], capture_output=True, text=True, timeout=200, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
    told = _told(tmp_path)
    assert f"max {told[0]}" in said
    assert int(told[0]) > 0
    assert told[1].startswith("image-labels")


def _found_by_search() -> list[str]:
    """Install in a hosted Fiji; search as its search bar does."""
    from imagej_dl.fiji import menu

    menu.install(display=False)
    return _search("ImageJ-DL")


def _menus_twice_installed(home: str) -> dict[str, Any]:
    """Host a Fiji that has the installed scripts, of another Python; its menus and search bar."""
    from scyjava import jimport

    from imagej_dl.fiji import gateway, menu

    front = menu.install(home, display=True)
    bar = jimport("ij.Menus").getMenuBar()
    menus = [bar.getMenu(i) for i in range(bar.getMenuCount())]
    plugins = next(m for m in menus if str(m.getLabel()) == "Plugins")
    items = [plugins.getItem(i) for i in range(plugins.getItemCount())]
    found: dict[str, Any] = {
        "menus": [
            [str(item.getItem(i).getLabel()) for i in range(item.getItemCount())]
            for item in items
            if str(item.getLabel()) == "ImageJ-DL"
        ],
        "search": _search("ImageJ-DL"),
    }
    # As the search bar does it: the installed script itself is run. These functions are for
    # macros only, so that ImageJ says so in a window.
    ij, window = gateway.start().ij2, jimport("java.awt.Window")
    known = [(s.getMenuPath(), s) for s in ij.script().getScripts()]
    named = {str(path.getLeaf()): script for path, script in known if path}
    running = ij.module().run(named[scripts.EXTENSIONS], True)
    while not running.isDone():
        for dialog in window.getWindows():
            name = str(dialog.getClass().getName())
            if name == "ij.gui.MessageDialog" and modal.answerable(dialog):
                dialog.dispose()
        time.sleep(0.1)
    now = jimport("ij.IJ").getProperty("imagej-dl.front")
    found["same front"] = bool(now.equals(front))
    front.close()
    return found


def _search(text: str) -> list[str]:
    from scyjava import jimport

    from imagej_dl.fiji import gateway

    searcher = jimport("org.scijava.search.module.ModuleSearcher")()
    gateway.start().ij2.context().inject(searcher)
    return [str(result.name()) for result in searcher.search(text, True)]


def test_the_search_bar_of_a_hosted_fiji_finds_the_commands(
    own_process: Any, fiji_home: Path
) -> None:
    assert sorted(own_process(_found_by_search)) == sorted(LABELS)


@screen
def test_a_hosted_fiji_with_installed_scripts_has_one_of_each(
    own_process: Any, home: Path, tmp_path: Path
) -> None:
    mine = copy_of(home, tmp_path / "Fiji")
    for script in (mine / scripts.SCRIPTS).glob("*.groovy"):
        # The Python of another environment, which Java takes for another front.
        text = script.read_text().replace(f"'{Path(sys.executable).absolute()}'", "'/bin/sh'")
        script.write_text(text)
        assert "/bin/sh" in text
    found = own_process(_menus_twice_installed, str(mine))
    assert len(found["menus"]) == 1
    assert sorted(found["menus"][0]) == sorted(LABELS)
    assert sorted(found["search"]) == sorted(LABELS)
    assert found["same front"]


# (b) Fiji's Python mode: its start script config/jaunch/fiji.py, and a script in CPython.

SCRIPT = """\
#@script(language="Python")
#@ String model
#@ String folder
#@ String image
#@output String title
import json, sys, traceback
# Java's strings, as parameters are, are not what open() wants.
model, folder, image = str(model), str(folder), str(image)
told = {"version": sys.version}
try:
    from imagej_dl import fiji
    front = fiji.install()
    from scyjava import jimport
    IJ = jimport("ij.IJ")
    IJ.openImage(image).show()
    told["values"] = fiji.run("ImageJ-DL Predict", model=model)
    title = told["values"]["image"]
    told["macro"] = str(IJ.runMacro(
        'run("ImageJ-DL Predict", "model=[' + model + ']"); return getTitle();'))
    told["titles"] = [str(t) for t in jimport("ij.WindowManager").getImageTitles()]
    try:
        fiji.run("ImageJ-DL Predict", model=folder + "/nothing")
    except Exception as error:
        told["error"] = type(error).__name__ + ": " + str(error)
    bar = jimport("ij.Menus").getMenuBar()
    if bar is not None:
        menus = [bar.getMenu(i) for i in range(bar.getMenuCount())]
        plugins = next(m for m in menus if str(m.getLabel()) == "Plugins")
        items = [plugins.getItem(i) for i in range(plugins.getItemCount())]
        ours = next(i for i in items if str(i.getLabel()) == "ImageJ-DL")
        told["menu"] = [str(ours.getItem(i).getLabel()) for i in range(ours.getItemCount())]
    from imagej_dl.fiji import gateway
    searcher = jimport("org.scijava.search.module.ModuleSearcher")()
    gateway.start().ij2.context().inject(searcher)
    told["search"] = [str(r.name()) for r in searcher.search("ImageJ-DL", True)]
    told["imagej"] = gateway.start().version
    front.close()
except BaseException:
    told["trace"] = traceback.format_exc()
with open(folder + "/told.json", "w") as file:
    json.dump(told, file)
EDITOR
"""
LEAVE = "import os; os._exit(0)"
# PyImageJ asks the network for a jar that this Fiji has; nothing else is done to the start.
START = """\
import runpy, sys, imagej, scyjava
scyjava.config.endpoints.clear()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _python_mode(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start Fiji as its launcher does in Python mode."""
    import jpype

    jvm = os.environ.get("JAVA_HOME")
    library = next(Path(jvm).glob("**/server/libjvm.so")) if jvm else jpype.getDefaultJVMPath()
    jars = [*(home / "jars").glob("*.jar"), *(home / "plugins").glob("*.jar")]
    path = os.pathsep.join(map(str, jars))
    options = [f"-Djava.class.path={path}", f"-Dimagej.dir={home}", f"-Dplugins.dir={home}", OPENS]
    command = [
        sys.executable,
        "-c",
        START,
        str(home / "config" / "jaunch" / "fiji.py"),
        str(library),
        *options,
    ]
    # The launcher's class loader of its own comes first there.
    command += ["--", "org.scijava.launcher.ClassLauncher", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def _checked(told: dict[str, Any]) -> None:
    assert "trace" not in told, told["trace"]
    assert told["values"]["image"] == "image-labels"
    assert told["macro"].startswith("image")
    assert {"image.tif", "image-labels"} <= set(told["titles"]) or not told["titles"]
    assert told["error"].startswith("UserError")
    assert "nothing" in told["error"]
    assert sorted(told["search"]) == sorted(LABELS)


@pytest.mark.parametrize("display", [pytest.param(True, marks=screen), False])
def test_a_script_in_fijis_python_mode(
    fiji_home: Path, model: Path, image: Path, tmp_path: Path, display: bool
) -> None:
    home = copy_of(fiji_home, tmp_path / "Fiji")
    script = tmp_path / "try_it.py"
    script.write_text(SCRIPT.replace("EDITOR", LEAVE), encoding="utf-8")
    values = f'model="{model}",folder="{tmp_path}",image="{image}"'
    headless = [] if display else ["--headless"]
    done = _python_mode(home, *headless, "--run", str(script), values)
    path = tmp_path / "told.json"
    assert path.is_file(), done.stdout[-2000:] + done.stderr[-3000:]
    told = json.loads(path.read_text())
    _checked(told)
    if display:
        assert set(told["menu"]) >= set(MENU.values())


# (c) Java mode: nothing but what is installed.


def test_java_mode_without_a_screen(home: Path, model: Path, image: Path, tmp_path: Path) -> None:
    macro = _macro(tmp_path, model, image)
    done = java_fiji(home, "--headless", "-macro", str(macro))
    assert done.returncode == 0, done.stdout + done.stderr
    told = _told(tmp_path)
    assert int(told[0]) > 0
    assert told[1].startswith("image-labels")


def test_java_mode_without_a_screen_fails_with_words_and_exit_code(
    home: Path, model: Path, image: Path, tmp_path: Path
) -> None:
    text = """
run("ImageJ-DL Train", "project=[FOLDER/nowhere] out=[FOLDER/new]");
print("went on");
"""
    done = java_fiji(home, "--headless", "-macro", str(_macro(tmp_path, model, image, text)))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"{tmp_path}/nowhere: there is no such folder" in said
    assert "imagejdl.Trouble" in said
    assert "went on" not in said


DRIVER = """\
#@ Context context
import groovy.json.JsonOutput
import ij.*
import java.awt.*
import java.awt.event.ActionEvent
def out = [:]
def windows = { String title -> Window.windows.findAll {
    it.isShowing() && it.metaClass.respondsTo(it, "getTitle") && it.title?.contains(title) } }
def wait = { String what, Closure ready ->
    for (i in 0..<900) { def found = ready(); if (found) return found; sleep(50) }
    throw new IllegalStateException("$what did not come: " + windows("")*.title)
}
Thread.start("driver") {
    try {
        wait("the menu") { IJ.instance != null && Menus.commands.get("ImageJ-DL Train") }
        def bar = Menus.menuBar
        def plugins = (0..<bar.menuCount).collect { bar.getMenu(it) }.find { it.label == "Plugins" }
        def ours = (0..<plugins.itemCount).collect { plugins.getItem(it) }
            .findAll { it.label == "ImageJ-DL" }
        out.menus = ours.size()
        def items = (0..<ours[0].itemCount).collect { ours[0].getItem(it) }
        out.menu = items*.label
        def searcher = new org.scijava.search.module.ModuleSearcher()
        context.inject(searcher)
        out.search = searcher.search("ImageJ-DL", true)*.name()
        out.search_words = searcher.search("dl retrain", true)*.name()

        def recorder = new ij.plugin.frame.Recorder()
        def imp = IJ.openImage("IMAGE")
        imp.show()
        def item = items.find { it.label == "ImageJ-DL Predict" }
        def click = { source, command -> Toolkit.defaultToolkit.systemEventQueue.postEvent(
            new ActionEvent(source, ActionEvent.ACTION_PERFORMED, command)) }
        click(item, item.label)
        def dialog = wait("the dialog") { windows("ImageJ-DL Predict")
            .find { it instanceof ij.gui.GenericDialog } }
        dialog.stringFields[0].text = "MODEL"
        click(dialog.buttons[0], dialog.buttons[0].label)
        wait("the labels") { WindowManager.getImage("image-labels") }
        wait("the line") { recorder.text.contains("ImageJ-DL") }
        sleep(1000)
        out.recorded = recorder.text
        def count = ij.plugin.frame.RoiManager.instance.count
        out.rois = count
        ij.plugin.frame.Recorder.suspendRecording()
        WindowManager.getImage("image-labels").close()
        IJ.selectWindow(imp.ID)
        IJ.runMacro(out.recorded.readLines().find { it.contains("ImageJ-DL Predict") })
        out.again = WindowManager.getImage("image-labels") != null
        out.rois_again = ij.plugin.frame.RoiManager.instance.count

        // A dialog that is cancelled leaves no line.
        ij.plugin.frame.Recorder.resumeRecording()
        click(item, item.label)
        dialog = wait("the second dialog") { windows("ImageJ-DL Predict")
            .find { it instanceof ij.gui.GenericDialog } }
        click(dialog.buttons[1], dialog.buttons[1].label)
        sleep(1500)
        out.after_cancel = recorder.text
        ij.plugin.frame.Recorder.suspendRecording()

        IJ.runMacro('''open("LABELS"); run("ImageJ-DL Track", "TRACK");''')
        wait("TrackMate's window") { windows("TrackMate") }
        sleep(2000)
        out.trackmate = windows("TrackMate")*.title
        SHOT
        out.versions = [imagej: context.getService(org.scijava.app.AppService).app.version,
            ij: IJ.version]
    } catch (Throwable error) {
        def writer = new StringWriter()
        error.printStackTrace(new PrintWriter(writer))
        out.trace = writer.toString()
    }
    new File("FOLDER/told.json").text = JsonOutput.toJson(out)
    Runtime.runtime.halt(0)
}
"""


@screen
def test_java_mode_with_its_window(
    home: Path, model: Path, shared_data: Path, tmp_path: Path
) -> None:
    image = shared_data / "nuclei" / "test" / TEST / "image.tif"
    labels = images.read_labels(shared_data / "movie" / "detections.tif").isel(T=slice(0, 6))
    images.write(labels, tmp_path / "movie.tif")
    text = DRIVER.replace("LABELS", str(tmp_path / "movie.tif"))
    text = text.replace("TRACK", f"out=[{tmp_path}/tracks]", 1).replace("IMAGE", str(image))
    shot = os.environ.get("IMAGEJ_DL_SHOTS")
    picture = f'["import", "-window", "root", "{shot}/fiji-trackmate.png"].execute().waitFor()'
    text = text.replace("SHOT", picture if shot else "")
    text = text.replace("MODEL", str(model)).replace("FOLDER", str(tmp_path))
    (tmp_path / "driver.groovy").write_text(text, encoding="utf-8")
    done = java_fiji(home, "--run", str(tmp_path / "driver.groovy"), told=tmp_path / "told.json")
    seen = done.found
    assert seen is not None, done.stdout + done.stderr
    assert "trace" not in seen, seen
    assert seen["menus"] == 1
    assert set(seen["menu"]) == LABELS
    assert set(seen["search"]) == LABELS
    assert "ImageJ-DL Correct and retrain" in seen["search_words"]
    lines = [line for line in seen["recorded"].splitlines() if "ImageJ-DL" in line]
    assert lines == [f'run("ImageJ-DL Predict", "model={model} rois");']
    assert seen["again"]
    assert seen["rois_again"] == 2 * seen["rois"] > 0
    assert seen["after_cancel"] == seen["recorded"]
    assert any("TrackMate" in title for title in seen["trackmate"])
    assert np.isfinite(float(seen["versions"]["ij"].split("/")[-1][:4]))
