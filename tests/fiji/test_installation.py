"""`imagej-dl install` and `uninstall`; and a plain JVM that runs what was installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from java_mode import QUICK, central, looks_like_a_fiji, plain
from small_nuclei import TEST, small_nuclei

from imagej_dl import fiji
from imagej_dl.cli import cli
from imagej_dl.commands.menu import MENU
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.fiji import compiled, installation, scripts

screen = pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")


def tree(home: Path) -> dict[str, bytes]:
    """All files and (empty) folders of a folder, with what is in them."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in home.rglob("*")
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled, "java", lambda fiji: None)  # its jars are empty: nothing compiles
    home = looks_like_a_fiji(tmp_path / "Fiji.app")
    (home / "macros").mkdir()
    (home / "macros" / "mine.ijm").write_text("// mine")
    return home


def test_every_command_is_a_script_of_its_label(home: Path) -> None:
    installation.install(home)
    names = {path.stem.replace("_", " ") for path in (home / scripts.SCRIPTS).glob("*.groovy")}
    assert names == {*MENU.values(), "ImageJ-DL Macro Extensions"}
    text = (home / scripts.SCRIPTS / "ImageJ-DL_Train.groovy").read_text()
    assert Path(sys.executable).absolute().as_posix() in text
    assert '"train"' in text
    macros = {path.name for path in (home / scripts.MACROS).iterdir()}
    assert macros == {path.name for path in scripts.macros().glob("*.ijm")}
    assert "Make_Masks.ijm" in macros


def test_uninstall_leaves_the_folder_as_it_was(home: Path) -> None:
    before = tree(home)
    installation.install(home)
    assert tree(home) != before
    done = installation.uninstall(home)
    assert tree(home) == before
    assert not done.kept


def test_install_twice_is_an_update(home: Path) -> None:
    first = installation.install(home)
    old = home / scripts.SCRIPTS / "ImageJ-DL_Of_an_earlier_version.groovy"
    old.write_text("earlier")
    train = home / scripts.SCRIPTS / "ImageJ-DL_Train.groovy"
    train.write_text("as an earlier version wrote it")
    manifest = home / installation.MANIFEST
    told = json.loads(manifest.read_text())
    for path in (old, train):
        name = path.relative_to(home).as_posix()
        told["files"][name] = [installation._sum(path.read_bytes())]
    manifest.write_text(json.dumps(told))
    second = installation.install(home)
    assert second.written == [train.relative_to(home).as_posix()]
    assert second.removed == [old.relative_to(home).as_posix()]
    assert len(second.same) == len(first.written) - 1
    assert not old.exists()
    installation.uninstall(home)
    assert not (home / "scripts").exists()


def test_what_the_user_changed_is_kept_and_named(home: Path) -> None:
    foreign = home / scripts.SCRIPTS / "ImageJ-DL_Predict.groovy"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("// the user's own script of this name")
    with pytest.warns(DataWarning, match=r"Predict\.groovy: was changed since imagej-dl wrote it"):
        installation.install(home)
    changed = home / scripts.SCRIPTS / "ImageJ-DL_Train.groovy"
    changed.write_text(changed.read_text() + "// changed")
    with pytest.warns(DataWarning):
        done = installation.install(home)
    assert len(done.kept) == 2
    with pytest.warns(DataWarning, match="ImageJ-DL_Train.groovy"):
        done = installation.uninstall(home)
    assert done.kept == [changed.relative_to(home).as_posix()]
    assert {path.name for path in foreign.parent.iterdir()} == {foreign.name, changed.name}
    assert foreign.read_text() == "// the user's own script of this name"


def test_files_that_the_user_put_there_keep_the_folder(home: Path) -> None:
    installation.install(home)
    mine = home / scripts.MACROS / "my own.ijm"
    mine.write_text("1;")
    installation.uninstall(home)
    assert [path.name for path in mine.parent.iterdir()] == ["my own.ijm"]


def test_an_installation_that_was_stopped_can_be_taken_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(home)
    real, seen = installation.atomic, []

    def stops(path: Path) -> object:
        seen.append(path)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(installation, "atomic", stops)
    with pytest.raises(KeyboardInterrupt):
        installation.install(home)
    monkeypatch.undo()
    assert len(tree(home)) > len(before)
    installation.uninstall(home)
    assert tree(home) == before


def test_folders_that_are_no_fiji_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a Fiji folder"):
        installation.install(tmp_path)
    with pytest.raises(UserError, match="no such Fiji folder"):
        installation.install(tmp_path / "nowhere")
    with pytest.raises(UserError, match="not a Fiji folder"):
        installation.install("embedded")
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "groovy-4.0.28.jar").touch()
    with pytest.raises(UserError, match=r"has no Appose.*Update Fiji"):
        installation.install(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["jars"]
    with pytest.raises(UserError, match="not installed in this Fiji"):
        installation.uninstall(tmp_path)


def test_a_mac_application_is_a_folder_too(tmp_path: Path) -> None:
    looks_like_a_fiji(tmp_path / "Fiji.app" / "Contents" / "Java")
    done = installation.install(tmp_path / "Fiji.app")
    assert done.home == (tmp_path / "Fiji.app" / "Contents" / "Java").resolve()


@pytest.mark.parametrize(
    "text", ['{"files": {"../../mine": ["a"]}, "folders": []}', "{}", '{"files": 3, "folders": []}']
)
def test_a_list_that_is_not_ours_removes_nothing(home: Path, text: str) -> None:
    installation.install(home)
    (home / installation.MANIFEST).write_text(text)
    before = tree(home)
    with pytest.raises(UserError, match=r"installed\.json"):
        installation.uninstall(home)
    assert tree(home) == before


def test_paths_are_ascii_in_groovy(tmp_path: Path) -> None:
    text = scripts._groovy(Path("/a/Größe $x/it's 𝛼"))
    assert text == r"'/a/Gr\u00f6\u00dfe $x/it\'s \ud835\udefc'"


def test_the_command_line(home: Path) -> None:
    done = CliRunner().invoke(cli, ["install", str(home)])
    assert done.exit_code == 0, done.output
    assert "Restart Fiji" in done.output
    done = CliRunner().invoke(cli, ["uninstall", str(home)])
    assert "scripts and macros removed" in done.output
    assert not (home / "scripts").exists()


# A plain JVM: no Python in it, only jars from Maven Central.


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with jars like a Fiji's, and the commands installed."""
    home = looks_like_a_fiji(tmp_path_factory.mktemp("java") / "Fiji", central())
    installation.install(home)
    return home


TRAIN_AND_PREDICT = """
def script = '''
run("ImageJ-DL Train", "project=[FOLDER/project] out=[FOLDER/model] QUICK");
open("IMAGE");
run("ImageJ-DL Predict", "model=[FOLDER/model]");
run("ImageJ-DL Macro Extensions");
labels = Ext.dl_predict("FOLDER/model", "image.tif");
return labels;
'''
"""


def _filled(text: str, data: Path, folder: Path) -> str:
    image = data / "nuclei" / "test" / TEST / "image.tif"
    text = text.replace("FOLDER", str(folder)).replace("IMAGE", str(image))
    return text.replace("QUICK", QUICK)


@pytest.mark.jvm
@screen
def test_a_jvm_without_python_trains_and_predicts(
    java: Path, shared_data: Path, tmp_path: Path
) -> None:
    small_nuclei(shared_data, tmp_path / "project")
    groovy = TRAIN_AND_PREDICT + (
        """
new ij.ImageJ()
def manager = new ij.plugin.frame.RoiManager()
manager.addRoi(new ij.gui.Roi(1, 2, 3, 4))
out.result = ij.IJ.runMacro(script)
out.titles = ij.WindowManager.imageTitles
def labels = ij.WindowManager.getImage(out.result)
out.bits = labels.bitDepth
out.size = [labels.width, labels.height]
out.found = (labels.getProcessor().pixels.collect { it & 0xffff } as Set).findAll { it > 0 }.size()
out.rois = manager.count
out.first = manager.getRoi(0).bounds.toString()
def first = ij.WindowManager.getImage("image-labels")
out.under = (1..<manager.count).collect { i ->
    def roi = manager.getRoi(i)
    def inside = roi.mask
    def box = roi.bounds
    def seen = [] as Set
    for (y in 0..<box.height) for (x in 0..<box.width)
        if (inside == null || inside.get(x, y))
            seen << first.getProcessor().get((box.x + x) as int, (box.y + y) as int)
    seen.size()
}
out.python = System.properties.findAll { it.key.startsWith("jpype") }.size()
"""
    )
    done = plain(java, tmp_path, _filled(groovy, shared_data, tmp_path), display=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = done.found
    assert set(found["titles"]) == {
        *("Training of model", "image.tif", "image-labels"),
        found["result"],
    }
    assert found["bits"] == 16
    assert found["size"] == [256, 256]
    assert found["found"] > 0
    # The user's ROI is first, and after it come the objects', each over one label.
    assert found["rois"] > 1
    assert found["first"] == "java.awt.Rectangle[x=1,y=2,width=3,height=4]"
    assert set(found["under"]) == {1}


@pytest.mark.jvm
def test_a_jvm_without_screen_says_what_is_wrong(
    java: Path, shared_data: Path, tmp_path: Path
) -> None:
    groovy = """
try {
    ij.IJ.runMacro('''
        run("ImageJ-DL Train", "project=[FOLDER/nowhere] out=[FOLDER/model]");
        print("went on");''')
} finally {
    println "java goes on"
}
new GroovyShell().evaluate(new File(scripts, "ImageJ-DL_Predict.groovy"))
"""
    done = plain(java, tmp_path, _filled(groovy, shared_data, tmp_path), display=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"{tmp_path}/nowhere: there is no such folder" in said
    assert "went on" not in said
    assert "java goes on" in said
    assert "imagejdl.CommandError" in done.stderr


@pytest.mark.thorough
@pytest.mark.jvm
def test_a_killed_worker_is_told_and_java_goes_on(
    java: Path, shared_data: Path, tmp_path: Path
) -> None:
    small_nuclei(shared_data, tmp_path / "project")
    groovy = """
def workers = { ProcessHandle.current().descendants().toList() }
def killer = Thread.start {
    while (!new File("FOLDER/model").exists()) sleep(50)
    out.killed = workers().findAll { it.info().commandLine().orElse("").contains("appose") }.last()
        .with { destroyForcibly(); pid() }
}
def options = "project=[FOLDER/project] out=[FOLDER/model] QUICK"
options = options.replace("epochs=1 ", "epochs=999 ")
out.aborted = ij.IJ.runMacro('run("ImageJ-DL Train", "' + options + '");')
killer.join()
def front = ij.IJ.getProperty("imagej-dl.front")
out.trouble = front.lastTrouble
// The next command has a process of its own.
out.next = front.call("new", [project: "FOLDER/another"], null).size()
out.there = new File("FOLDER/another").isDirectory()
"""
    done = plain(java, tmp_path, _filled(groovy, shared_data, tmp_path), display=False)
    assert done.found is not None, done.stderr[-3000:]
    assert done.found["killed"] > 0
    assert done.found["aborted"] == "[aborted]"
    assert "The worker process ended unexpectedly" in done.found["trouble"]
    assert "Resume" in done.found["trouble"]
    assert done.found["there"]
    assert "The worker process ended unexpectedly" in done.stdout + done.stderr


@pytest.mark.jvm
def test_an_environment_that_is_gone_is_named_with_the_remedy(java: Path, tmp_path: Path) -> None:
    script = java / scripts.SCRIPTS / "ImageJ-DL_Train.groovy"
    gone = tmp_path / "gone.groovy"
    gone.write_text(script.read_text().replace("/bin/", "/bin-of-old/"))
    command = ["java", "-Djava.awt.headless=true", "-cp", f"{java}/jars/*"]
    command += ["groovy.ui.GroovyMain", str(gone)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "Run `imagej-dl install` with the Python environment" in done.stderr
