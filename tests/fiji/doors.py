"""A macro that goes through a door of Fiji, and what it tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from java_mode import QUICK

from imagej_dl import fiji
from imagej_dl.commands.menu import MENU
from imagej_dl.fiji import scripts

screen = pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")
LABELS = {*MENU.values(), scripts.EXTENSIONS}
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


def written(folder: Path, model: Path, image: Path, text: str = MACRO) -> Path:
    """Write the macro for a model and an image; return its file."""
    words = {"IMAGE": image, "MODEL": model, "PROJECT": model.parent / "project", "FOLDER": folder}
    for word, path in words.items():
        text = text.replace(word, str(path))
    (folder / "macro.ijm").write_text(text.replace("QUICK", QUICK), encoding="utf-8")
    return folder / "macro.ijm"


def heard(folder: Path) -> list[str]:
    """Read what the macro has written: the highest id, the title of the second result."""
    return (folder / "told.txt").read_text().split("\n")
