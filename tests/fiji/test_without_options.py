"""A macro that is given no options where there is no screen says so, and ImageJ's exit code too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from java_mode import central, looks_like_a_fiji, plain
from java_mode import fiji as java_fiji

from imagej_dl import images
from imagej_dl.fiji import installation

MACROS = Path(__file__).resolve().parents[2] / "macros"
NAMES = sorted(path.stem for path in MACROS.glob("*.ijm"))
FIRST = """
open("{image}");
makeRectangle(2, 3, 5, 6);
Overlay.addSelection;
runMacro("{macro}");
"""


def _image(folder: Path) -> Path:
    labels = np.zeros((2, 20, 20), np.uint16)
    labels[:, 3:9, 3:9] = 7
    images.write(images.make(labels, "TYX"), folder / "labels.tif")
    return folder / "labels.tif"


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = looks_like_a_fiji(tmp_path_factory.mktemp("java") / "Fiji", central())
    installation.install(home)
    return home


@pytest.mark.thorough(except_for=["Predict_Folder", "Annotate"])
@pytest.mark.jvm
@pytest.mark.parametrize("name", NAMES)
def test_words_and_an_exit_code(java: Path, tmp_path: Path, name: str) -> None:
    text = FIRST.format(image=_image(tmp_path), macro=MACROS / f"{name}.ijm")
    (tmp_path / "first.ijm").write_text(text)
    done = plain(java, tmp_path, f'ij.IJ.runMacroFile("{tmp_path}/first.ijm")', display=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert f"{name}: " in said
    assert "screen" in said
    assert "HeadlessException" not in said


@pytest.mark.fiji
@pytest.mark.parametrize("name", ["Label_Boundaries", "Predict_Folder"])
def test_the_same_in_a_real_fiji(home: Path, tmp_path: Path, name: str) -> None:
    text = FIRST.format(image=_image(tmp_path), macro=MACROS / f"{name}.ijm")
    (tmp_path / "first.ijm").write_text(text)
    done = java_fiji(home, "--headless", "-macro", str(tmp_path / "first.ijm"))
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert f"{name}: without a screen" in said
    assert "HeadlessException" not in said
