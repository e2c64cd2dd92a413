"""Macros with letters beyond ASCII, run without a screen, whatever the locale is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagej_dl.commands import menu
from imagej_dl.fiji import menu as front

MACRO = """// Umlaute: ä ö ü
words = "Zellgröße µm 細胞";
newImage("Zelle ä", "8-bit black", 20, 20, 1);
saveAs("Tiff", getArgument() + "/Zelle ß 細.tif");
File.saveString(words, getArgument() + "/aus ü.txt");
return words + "|" + lengthOf(words) + "|" + getTitle() + "|" + getInfo("macro.filepath");
"""


@pytest.mark.thorough(except_for=["utf-8-C.UTF-8"])
@pytest.mark.jvm
@pytest.mark.parametrize("language", ["C", "C.UTF-8"])
@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig"])
def test_a_macro_in_utf_8_without_a_screen(tmp_path: Path, language: str, mark: str) -> None:
    if (language, mark) == ("C", "utf-8-sig"):
        pytest.skip("each of both is looked at once")
    macro = tmp_path / "Größe.ijm"
    macro.write_text(MACRO, encoding=mark)
    out = tmp_path / "Ergebnis ä"
    out.mkdir()
    command = [sys.executable, "-X", "utf8", "-m", "imagej_dl", "fiji", "embedded", "--headless"]
    command += ["--macro", str(macro), "--argument", str(out)]
    env = {**os.environ, "LC_ALL": language}
    done = subprocess.run(command, capture_output=True, env=env, timeout=300, check=False)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert said.strip() == f"Zellgröße µm 細胞|15|Zelle ß 細.tif|{macro}"
    assert sorted(p.name for p in out.iterdir()) == ["Zelle ß 細.tif", "aus ü.txt"]
    assert (out / "aus ü.txt").read_text(encoding="utf-8") == "Zellgröße µm 細胞"


def test_other_macros_are_left_to_imagej(tmp_path: Path) -> None:
    path = tmp_path / "a.ijm"
    path.write_text("return 1;", encoding="utf-8")
    assert front._unlike_latin(path) is None
    path.write_text("return 'ä';", encoding="latin-1")
    assert front._unlike_latin(path) is None
    path = tmp_path / "a.js"
    path.write_text("'ä'", encoding="utf-8")
    assert front._unlike_latin(path) is None


def test_values_whose_utf_8_was_read_as_latin_1_are_set_right(tmp_path: Path) -> None:
    garbled = f"{tmp_path}/Größe 細".encode().decode("latin-1")
    found = menu.parse("predict", {"model": garbled, "images": f"{garbled};/b", "out": "/ä"})
    assert found == {
        "model": f"{tmp_path}/Größe 細",
        "images": [f"{tmp_path}/Größe 細", "/b"],
        "out": "/ä",
    }
    Path(garbled).mkdir()  # a folder that is called so is meant
    assert menu.parse("predict", {"model": garbled})["model"] == garbled
