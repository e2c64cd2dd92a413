"""A Fiji with its window, and a user's hands in it: a Groovy script that Fiji itself runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from java_mode import fiji

SHOTS = os.environ.get("IMAGEJ_DL_SHOTS")
"""The folder that gets pictures of the screen, to be looked at; none are taken without it."""

DRIVER = """\
import ij.*
import java.awt.*
import java.awt.event.ActionEvent
out = [:]
shots = SHOTS
windows = { Class kind, String title -> Window.windows.findAll {
    it.isShowing() && kind.isInstance(it) && it.title?.startsWith(title) } }
wait = { String what, Closure ready ->
    for (i in 0..<1800) { def found = ready(); if (found) return found; sleep(50) }
    throw new IllegalStateException("$what did not come: " + windows(Frame, "")*.title)
}
click = { source, command -> Toolkit.defaultToolkit.systemEventQueue.postEvent(
    new ActionEvent(source, ActionEvent.ACTION_PERFORMED, command)) }
choose = { String label ->
    def bar = Menus.menuBar
    def plugins = (0..<bar.menuCount).collect { bar.getMenu(it) }.find { it.label == "Plugins" }
    def ours = (0..<plugins.itemCount).collect { plugins.getItem(it) }
        .find { it.label == "ImageJ-DL" }
    def item = (0..<ours.itemCount).collect { ours.getItem(it) }.find { it.label == label }
    click(item, label)
    def dialog = wait("the dialog of $label") { windows(ij.gui.GenericDialog, label)[0] }
    sleep(1000)  // it is shown before it waits for an answer
    return dialog
}
press = { dialog, int button -> click(dialog.buttons[button], dialog.buttons[button].label) }
shot = { String name ->
    if (!shots) return
    sleep(1000)
    ["import", "-window", "root", "$shots/${name}.png" as String].execute().waitFor()
}
pixels = { String title ->
    WindowManager.getImage(title).getProcessor().pixels.collect { it & 0xffff } }
Thread.start("driver") {
    try {
        wait("the menu") { IJ.instance != null && Menus.commands.get("ImageJ-DL Train") }
        BODY
    } catch (Throwable error) {
        def writer = new StringWriter()
        error.printStackTrace(new PrintWriter(writer))
        out.trace = writer.toString()
    }
    new File("TOLD").text = groovy.json.JsonOutput.toJson(out)
    Runtime.runtime.halt(0)
}
return null  // SciJava would warn of any other result, in a console window
"""


def drive(home: Path, folder: Path, body: str, timeout: float = 300) -> dict[str, Any]:
    """Run Groovy in a Fiji as its user's hands; return the map `out` that it fills.

    Parameters
    ----------
    home : the Fiji folder, with the commands installed.
    folder : gets the script, and what it tells.
    body : knows `out`, `wait`, `choose`, `press`, `shot` and `pixels`.
    timeout : seconds, Fiji's start included.

    Raises
    ------
    AssertionError : when the script failed, with its trace; or told nothing, with Fiji's output.
    """
    told = folder / "told.json"
    text = DRIVER.replace("SHOTS", f"'{SHOTS}'" if SHOTS else "null", 1)
    text = text.replace("TOLD", str(told)).replace("BODY", body)
    (folder / "driver.groovy").write_text(text, encoding="utf-8")
    done = fiji(home, "--run", str(folder / "driver.groovy"), told=told, timeout=timeout)
    seen: dict[str, Any] | None = done.found
    assert seen is not None, done.stdout + done.stderr
    assert "trace" not in seen, f"{seen}\n{done.stdout}{done.stderr}"
    return seen
