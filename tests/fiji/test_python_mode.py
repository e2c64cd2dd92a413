"""A real Fiji's Python mode: its start script config/jaunch/fiji.py, and a script in CPython."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from doors import LABELS, screen
from java_mode import OPENS, copy_of

from imagej_dl.commands.menu import MENU

pytestmark = pytest.mark.fiji


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
# PyImageJ asks the network for a jar that this Fiji has, and SciJava for a Java that is there;
# nothing else is done to the start.
START = """\
import runpy, sys, imagej, scyjava
scyjava.config.endpoints.clear()
scyjava.config.set_java_constraints(fetch="auto")
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
