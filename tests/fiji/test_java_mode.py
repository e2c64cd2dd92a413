"""A real Fiji in Java mode: nothing but what is installed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from doors import LABELS, heard, screen, written
from java_mode import fiji as java_fiji
from small_nuclei import TEST

from imagej_dl import images
from imagej_dl.commands.menu import MENU
from imagej_dl.fiji import scripts

pytestmark = pytest.mark.fiji


def test_java_mode_without_a_screen(home: Path, model: Path, image: Path, tmp_path: Path) -> None:
    macro = written(tmp_path, model, image)
    done = java_fiji(home, "--headless", "-macro", str(macro))
    assert done.returncode == 0, done.stdout + done.stderr
    told = heard(tmp_path)
    assert int(told[0]) > 0
    assert told[1].startswith("image-labels")


def test_java_mode_without_a_screen_fails_with_words_and_exit_code(
    home: Path, model: Path, image: Path, tmp_path: Path
) -> None:
    text = """
run("ImageJ-DL Train", "project=[FOLDER/nowhere] out=[FOLDER/new]");
print("went on");
"""
    done = java_fiji(home, "--headless", "-macro", str(written(tmp_path, model, image, text)))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"{tmp_path}/nowhere: there is no such folder" in said
    assert "imagejdl.CommandError" in said
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
        wait("the ROIs") { ij.plugin.frame.RoiManager.instance?.count }
        sleep(1000)
        out.recorded = recorder.text
        out.order = (0..<ours[0].itemCount).collect { ours[0].getItem(it).label }
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
    assert seen["order"] == [*MENU.values(), scripts.EXTENSIONS]  # the order of work
    assert "ImageJ-DL Correct and retrain" in seen["search_words"]
    lines = [line for line in seen["recorded"].splitlines() if "ImageJ-DL" in line]
    assert lines == [f'run("ImageJ-DL Predict", "model={model} rois");']
    assert seen["again"]
    assert seen["rois_again"] == seen["rois"] > 0  # in place of those found before
    assert seen["after_cancel"] == seen["recorded"]
    assert any("TrackMate" in title for title in seen["trackmate"])
    assert np.isfinite(float(seen["versions"]["ij"].split("/")[-1][:4]))
