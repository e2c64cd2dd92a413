"""Esc in a training that a macro of Fiji's editor runs: both end, and without traces."""

from __future__ import annotations

from pathlib import Path

import pytest
from doors import screen
from java_mode import QUICK
from java_mode import fiji as java_fiji

pytestmark = [pytest.mark.fiji, pytest.mark.tf]

DRIVER = """\
#@ Context context
import ij.*
import java.awt.*
import java.awt.event.KeyEvent
import java.util.concurrent.TimeUnit
def out = [:]
def shown = { Window.windows.findAll { it.showing } }
def wait = { Closure ready ->
    for (i in 0..<4000) { def found = ready(); if (found) return found; sleep(50) }
    throw new IllegalStateException("did not come; open: " + shown()*.class)
}
Thread.start("driver") {
    try {
        wait { IJ.instance != null && Menus.commands.get("ImageJ-DL Train") }
        def scripts = context.service(org.scijava.script.ScriptService)
        def code = '''run("ImageJ-DL Train", "OPTIONS"); File.saveString("x", "FOLDER/went_on");'''
        def future = scripts.run("macro.ijm", code, true)
        wait { shown().find { it instanceof ij.gui.PlotWindow } }
        sleep(500)
        EventQueue.invokeAndWait {
            IJ.instance.keyPressed(new KeyEvent(IJ.instance, KeyEvent.KEY_PRESSED, 0, 0,
                KeyEvent.VK_ESCAPE, (char) 27))
        }
        future.get(120, TimeUnit.SECONDS)
        out.ended = true
        sleep(1000)
        out.open = shown().collect { it.class.simpleName + ": " +
            (it.metaClass.respondsTo(it, "getTitle") ? it.title : "") }
    } catch (Throwable error) {
        out.trace = error.toString() + error.stackTrace.take(5)
    }
    new File("FOLDER/told.json").text = groovy.json.JsonOutput.toJson(out)
    Runtime.runtime.halt(0)
}
"""


@screen
def test_escape_ends_training_and_macro(home: Path, model: Path, tmp_path: Path) -> None:
    options = f"project=[{model.parent}/project] out=[{tmp_path}/new] {QUICK}"
    text = DRIVER.replace("OPTIONS", options.replace("epochs=1 ", "epochs=5000 "))
    (tmp_path / "driver.groovy").write_text(text.replace("FOLDER", str(tmp_path)))
    done = java_fiji(
        home, "--run", str(tmp_path / "driver.groovy"), told=tmp_path / "told.json", timeout=280
    )
    seen = done.found
    assert seen is not None, done.stdout + done.stderr
    assert "trace" not in seen, seen
    assert seen["ended"]
    assert not [window for window in seen["open"] if "Exception" in window], seen
    assert not [window for window in seen["open"] if "ImageJ-DL: training" in window], seen
    assert (tmp_path / "new" / "metrics.json").is_file()
    assert not (tmp_path / "went_on").exists()
    assert "ThreadDeath" not in done.stdout + done.stderr
