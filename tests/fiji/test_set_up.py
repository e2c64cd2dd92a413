"""The Python of the commands made from inside Fiji, of tiny packages of an index of our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stub_index
from java_mode import central, copy_of, looks_like_a_fiji, plain
from java_mode import fiji as java_fiji
from own_process import QUICK_JAVA

import imagej_dl
from imagej_dl import fiji
from imagej_dl.fiji import scripts

OURS = "imagej-dl-python"
HERE = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
pytestmark = [
    pytest.mark.jvm,
    pytest.mark.skipif(shutil.which("uv", path=HERE) is None, reason="needs uv: pip install uv"),
]
screen = pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")

PRELUDE = """
front = new File("FRONT")
start = new GroovyShell(this.class.classLoader).parse(new File(front, "Start.groovy"))
classes = start.classes(front)
of = { String name -> classes.loadClass("imagejdl." + name) }
environment = { Map settings, String version = "0.1.0" ->
    of("Environment").newInstance(settings, version, of("Platform").here()) }
control = { String what -> new URL("INDEX".replace("simple", "control/") + what).text }
install = { Map settings, String version = "0.1.0" ->
    def wanted = environment([index: "INDEX"] + settings, version)
    def steps = []
    try {
        def told = { String words, double part -> if (!(words in steps)) steps << words }
        wanted.installer(told, { String line -> }).run()
    } catch (RuntimeException error) {
        steps << error.message
    }
    def python = wanted.ready()
    println "$settings $version: $steps; $wanted.trouble"  // shown where the test fails
    return [python: python?.path, trouble: wanted.trouble, steps: steps,
        last: steps ? steps.last() : null]
}
"""


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with jars like a Fiji's, and nothing installed."""
    return looks_like_a_fiji(tmp_path_factory.mktemp("java") / "Fiji", central())


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[stub_index.Index]:
    """The index; a user whose home has blanks and umlauts; no network beyond this computer."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path / "Jörg Weiß" / "settings"))
    monkeypatch.setenv("PATH", HERE)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with stub_index.served(stub_index.packages(tmp_path / "wheels", "0.1.0", "0.2.0")) as index:
        yield index


def script(index: stub_index.Index, groovy: str, **values: object) -> str:
    text = PRELUDE + groovy
    named = {"FRONT": scripts.FRONT, "INDEX": index.address, **values}
    for name, value in named.items():
        text = text.replace(name, str(value))
    return text


def version(python: str) -> str:
    command = [python, "-m", "imagej_dl", "--version"]
    # Not where this package itself would be imported.
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(python).parent, env=elsewhere
    )
    return done.stdout.split()[-1]


def killed_halfway(java: Path, index: stub_index.Index, tmp_path: Path, folder: Path) -> Path:
    """Kill a Java that has downloaded a part of the largest package; return the part."""
    index.break_after, index.stalls = 500_000, True
    (tmp_path / "killed.groovy").write_text(script(index, f"install([folder: '{folder}'])"))
    command = ["java", *QUICK_JAVA, "-Djava.awt.headless=true", "-cp", f"{java}/jars/*"]
    with subprocess.Popen([*command, "groovy.ui.GroovyMain", tmp_path / "killed.groovy"]) as doomed:
        end = time.monotonic() + 120
        while (
            sum(p.stat().st_size for p in folder.glob(f"{OURS}/downloads/tensorflow*.part"))
            < 500_000
        ):
            assert doomed.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        doomed.kill()
    index.break_after, index.stalls = None, False
    return next(folder.glob(f"{OURS}/downloads/*.part"))


TRIALS = """
out.killed = environment([folder: "FOLDER"]).with { [ready()?.path, trouble] }
// After a kill, two Fijis at the same time, by a proxy, with a connection that breaks off.
control("700000")
def both = (1..2).collect {
    def box = []
    def settings = [folder: "FOLDER", proxy: "PROXY", index: "http://far.example/simple"]
    [box, Thread.start { box << install(settings) }]
}
both*.get(1)*.join()
control("0")
out.both = both.collect { it[0][0] }
out.left = new File("FOLDER", of("Environment").OURS).list()
out.again = install([folder: "FOLDER"])
// Another version: told at once, and only what is new is fetched.
out.old = environment([folder: "FOLDER"], "0.2.0").with { [ready()?.path, trouble, old] }
out.none = install([folder: "FOLDER"], "9.9.9")
out.kept = environment([folder: "FOLDER"]).ready()?.path
out.update = install([folder: "FOLDER"], "0.2.0")
// Deleted by the user.
new File(out.update.python).parentFile.parentFile.deleteDir()
out.deleted = environment([folder: "FOLDER"], "0.2.0").with { [ready()?.path, trouble] }
// Without a network.
def nowhere = "http://127.0.0.1:9/simple"
out.unreachable = install([folder: "FOLDER/nowhere", index: nowhere])
out.empty = install([folder: "FOLDER/nowhere", index: nowhere, wheels: "FOLDER"])
out.wheels = install([folder: "FOLDER/nowhere", index: nowhere, wheels: "WHEELS"])
out.named = environment([python: out.wheels.python], "0.1.0").ready()?.path
out.other = environment([python: out.wheels.python], "0.2.0").with { [ready()?.path, trouble] }
out.gone = environment([python: "FOLDER/bin/python"], "0.2.0").with { [ready()?.path, trouble] }
// Where nobody can write.
new File("FOLDER/file").text = ""
out.unwritable = install([folder: "FOLDER/file/python"])
"""


@pytest.mark.thorough
def test_whatever_happens_on_the_way(java: Path, index: stub_index.Index, tmp_path: Path) -> None:
    folder = tmp_path / "Größe 3 µm"
    mine = folder / "downloads" / "env-mine" / "keep.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("the user's own")
    part = killed_halfway(java, index, tmp_path, folder)
    there = part.stat().st_size
    before = len(index.files)
    proxy = index.address.removesuffix("/simple")
    groovy = script(index, TRIALS, FOLDER=folder, WHEELS=index.wheels, PROXY=proxy)
    found = plain(java, tmp_path, groovy, display=False, timeout=400)
    assert found.found is not None, found.stdout + found.stderr
    seen: dict[str, Any] = found.found

    assert seen["killed"] == [None, "imagej-dl has no Python on this computer yet."]
    # It goes on with the next byte after the kill, and after each broken connection; nothing that
    # was there is fetched again. One Fiji installs, the other waits and takes it.
    fetched = index.files[before:]
    assert fetched[:2] == [(part.stem, there), (part.stem, there + 700_000)]
    assert {name for name, _ in fetched[:-1]} == {part.stem}
    one, two = seen["both"]
    assert one["python"] == two["python"]
    assert Path(one["python"]).is_relative_to(folder / OURS)
    assert sum("Another Fiji" in "".join(seen["steps"]) for seen in (one, two)) == 1
    assert "far.example" in index.hosts
    # Nothing is left of what was only needed on the way.
    environment = Path(one["python"]).parents[1].name
    assert set(seen["left"]) == {"lock", "ready.json", "set-up.log", environment}
    assert seen["again"]["steps"] == []  # at once

    assert seen["old"][0] is None
    assert "commands of this Fiji are of version 0.2.0" in seen["old"][1]
    assert "of version 0.1.0" in seen["old"][1]
    assert seen["old"][2] is True
    assert "has no imagej-dl 9.9.9" in seen["none"]["last"]
    assert seen["kept"] == one["python"]
    assert seen["update"]["python"] == one["python"]
    assert fetched[-1] == ("imagej_dl-0.2.0-py3-none-any.whl", 0)
    assert seen["deleted"][0] is None
    assert "was deleted" in seen["deleted"][1]

    assert seen["unreachable"]["python"] is None
    assert "no connection to http://127.0.0.1:9/simple" in seen["unreachable"]["last"]
    assert "has no imagej-dl 0.1.0" in seen["empty"]["last"]
    assert version(seen["wheels"]["python"]) == "0.1.0"
    assert seen["named"] == seen["wheels"]["python"]
    assert seen["other"][0] is None
    assert "is of version 0.1.0" in seen["other"][1]
    assert "is not there any more" in seen["gone"][1]
    assert "cannot be written to" in seen["unwritable"]["last"]
    assert mine.read_text() == "the user's own"


USED = """
def run = { String script, String options = null -> Thread.start {
    Thread.currentThread().name = options == null ? "command" : 'Run$_command'
    ij.Macro.options = options
    new GroovyShell(this.class.classLoader).parse(new File("COMMANDS", script)).run()
} }
def windows = { Class kind, String title -> java.awt.Window.windows.findAll {
    it.showing && kind.isInstance(it) && it.title?.startsWith(title) } }
def wait = { String what, Closure ready ->
    for (i in 0..<2400) { def found = ready(); if (found) return found; sleep(50) }
    throw new IllegalStateException("$what did not come: " + windows(Object, "")*.title)
}
def parts
parts = { container -> container.components.collectMany {
    [it] + (it.respondsTo("getComponents") ? parts(it) : []) } }
def first = { wait("the window") { windows(javax.swing.JFrame, "ImageJ-DL: set up")[0] } }
def buttons = { frame -> parts(frame.contentPane).findAll {
    it instanceof javax.swing.JButton && it.showing && it.text } }
def press = { frame, String label ->
    def button = wait(label) {
        buttons(frame).find { it.text == label && it.enabled } }
    java.awt.EventQueue.invokeLater { button.doClick() }
}
def words = { frame -> parts(frame.contentPane).findAll {
    it instanceof javax.swing.JLabel && it.showing }*.text.join("\\n") }
def shot = { String name ->
    if (!SHOTS) return
    sleep(1000)
    ["import", "-window", "root", SHOTS + "/" + name + ".png"].execute().waitFor()
}
def ended = { frame -> wait("the end") { !frame.showing } }
def message = {
    def found = wait("a message") { windows(ij.gui.MessageDialog, "ImageJ-DL")[0] }
    def field = ij.gui.MultiLineLabel.getDeclaredField("lines")
    field.accessible = true
    def text = field.get(parts(found).find { it instanceof ij.gui.MultiLineLabel }).join(" ")
    sleep(300)
    java.awt.EventQueue.invokeLater { found.dispose() }
    return text
}
new ij.ImageJ()
control("500000/stalls")
def command = run("train.groovy")
def frame = first()
out.offered = words(frame)
out.files = new File(HOME, "python").exists()
out.buttons = buttons(frame)*.text
shot("set-up-first")
press(frame, "Install")
wait("the download") { words(frame).contains("Downloading tensorflow") }
shot("set-up-progress")
press(frame, "Cancel")
ended(frame)
command.join()
out.cancelled = ij.IJ.getProperty("imagej-dl.front") == null
control("0")
// The same again: it goes on, and then the command runs.
run("train.groovy")
frame = first()
out.resumed = words(frame)
press(frame, "Install")
out.ran = message()
out.closed = !frame.showing
// A new front beside the old Python.
new File("COMMANDS/front/version.txt").text = "0.2.0"
run("train.groovy")
frame = first()
out.old = words(frame)
out.update = buttons(frame)*.text
shot("set-up-update")
press(frame, "Update")
out.again = message()
// Settings that fail are told in the window, and can be mended there.
new File(HOME, "environment.json").text = '{"index": "http://127.0.0.1:9/simple"}'
new File(HOME, "python").deleteDir()
run("train.groovy", "project=x")
frame = first()
press(frame, "Install")
wait("the trouble") { words(frame).contains("no connection") }
out.failed = words(frame)
shot("set-up-failed")
press(frame, "Cancel")
out.macro = message()
"""

COMMAND = """
def home = new File("HOME/front")
def start = new GroovyShell(this.class.classLoader).parse(new File(home, "Start.groovy"))
start.command(home, null, "train")
"""


@pytest.mark.thorough
@screen
def test_the_window_of_the_first_use(
    java: Path, index: stub_index.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(os.environ["IMAGEJ_DL_HOME"])
    home.mkdir(parents=True)
    settings = {"index": index.address, "gpu": "cpu"}
    (home / "environment.json").write_text(json.dumps(settings))
    commands = tmp_path / "commands"
    shutil.copytree(scripts.FRONT, commands / "front")
    (commands / "front" / "version.txt").write_text("0.1.0\n")
    (commands / "train.groovy").write_text(COMMAND.replace("HOME", str(commands)))
    shots = os.environ.get("IMAGEJ_DL_SHOTS")
    groovy = script(index, USED, COMMANDS=commands, SHOTS=f'"{shots}"' if shots else "null")
    groovy = groovy.replace("HOME", f'"{home}"')
    found = plain(java, tmp_path, groovy, display=True, timeout=400)
    assert found.found is not None, found.stdout + found.stderr
    seen: dict[str, Any] = found.found

    assert "no Python on this computer yet" in seen["offered"]
    for words in ("imagej-dl 0.1.0", "0.9 GB", "3.0 GB", str(home / "python"), "can cancel"):
        assert words in seen["offered"]
    assert seen["files"] is False  # nothing is written before it is wanted
    assert seen["buttons"] == ["Other ways...", "Install", "Cancel"]
    assert seen["cancelled"] is True
    starts = [start for name, start in index.files if name.startswith("tensorflow")]
    assert starts[0] == 0
    assert starts[1] > 0
    # The stub knows no commands; that it was asked is what is meant to be seen.
    assert "ImageJ-DL has no command train" in seen["ran"]
    assert seen["closed"] is True
    assert "are of version 0.2.0" in seen["old"]
    assert "of version 0.1.0" in seen["old"]
    assert seen["update"] == ["Other ways...", "Update", "Cancel"]
    assert "ImageJ-DL has no command train" in seen["again"]
    assert "no connection to http://127.0.0.1:9/simple" in seen["failed"]
    assert "was not set up" in seen["macro"]


def without_a_python(home: Path) -> None:
    """Put commands into a Fiji folder that name no Python."""
    commands = home / "scripts" / "Plugins" / "ImageJ-DL"
    shutil.copytree(scripts.FRONT, commands / "front")
    (commands / "front" / "version.txt").write_text(f"{imagej_dl.__version__}\n")
    train = COMMAND.replace("HOME", str(commands))
    (commands / "ImageJ-DL_Train.groovy").write_text(train)
    set_up = train.replace('command(home, null, "train")', "setUp(home)")
    (commands / "ImageJ-DL_Set_Up.groovy").write_text(set_up)


def test_without_a_screen_a_line_of_a_macro_does_it(
    java: Path, index: stub_index.Index, tmp_path: Path
) -> None:
    without_a_python(tmp_path)
    groovy = """
def said = { String macro ->
    try { ij.IJ.runMacro(macro) } catch (RuntimeException error) { error.message } }
out.first = said('run("ImageJ-DL Train", "project=x");')
out.wrong = said('run("ImageJ-DL Set Up", "folder=here");')
out.done = said('run("ImageJ-DL Set Up", "python=[PYTHON] gpu=cpu"); return "went on";')
out.ran = said('run("ImageJ-DL Train", "project=[FOLDER/nowhere] out=[FOLDER/model]");')
"""
    groovy = groovy.replace("PYTHON", sys.executable).replace("FOLDER", str(tmp_path))
    found = plain(tmp_path, tmp_path, groovy, display=False, timeout=400, jars=java)
    assert found.found is not None, found.stdout + found.stderr
    said = found.stdout + found.stderr
    assert 'by the macro line run("ImageJ-DL Set Up")' in said
    assert "folder is a whole path, not here" in said
    assert found.found["done"] == "went on"
    assert f"{tmp_path}/nowhere: there is no such folder" in said
    kept = json.loads((Path(os.environ["IMAGEJ_DL_HOME"]) / "environment.json").read_text())
    assert kept == {"python": sys.executable, "gpu": "cpu"}


@pytest.mark.fiji
def test_a_real_fiji_is_told_and_set_up_by_a_macro(
    fiji_home: Path, index: stub_index.Index, tmp_path: Path
) -> None:
    home = copy_of(fiji_home, tmp_path / "Fiji")
    without_a_python(home)
    train = f'run("ImageJ-DL Train", "project=[{tmp_path}/nowhere] out=[{tmp_path}/model]");'
    macro = tmp_path / "macro.ijm"
    macro.write_text(train)
    told = java_fiji(home, "--headless", "-macro", str(macro))
    assert told.returncode != 0
    assert "has no Python on this computer yet" in told.stdout + told.stderr
    macro.write_text(f'run("ImageJ-DL Set Up", "python=[{sys.executable}]");\n{train}')
    done = java_fiji(home, "--headless", "-macro", str(macro))
    assert f"{tmp_path}/nowhere: there is no such folder" in done.stdout + done.stderr
