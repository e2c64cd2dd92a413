"""A real Fiji (FIJI_HOME) that Python hosts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import modal
import pytest
from doors import LABELS, heard, screen, written
from java_mode import copy_of

from imagej_dl.fiji import scripts

pytestmark = pytest.mark.fiji


@pytest.mark.parametrize("display", [pytest.param(True, marks=screen), False])
def test_python_hosts_fiji_and_runs_a_macro(
    fiji_home: Path, model: Path, image: Path, tmp_path: Path, display: bool
) -> None:
    macro = written(tmp_path, model, image)
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
    told = heard(tmp_path)
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
