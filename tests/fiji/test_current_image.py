"""After a command a macro goes on with what it opened, through whatever door it was run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from java_mode import central, looks_like_a_fiji, plain
from java_mode import fiji as java_fiji

from imagej_dl import fiji, images
from imagej_dl.fiji import installation

pytestmark = [pytest.mark.jvm, pytest.mark.tf]
screen = pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb")

# The image that is selected is not the one that was opened last.
MACRO = """
var before;
batch = BATCH;
if (batch) setBatchMode(true);
open("FOLDER/one.tif");
one = getImageID();
makeRectangle(2, 3, 5, 6);
Overlay.addSelection;
run("Select None");
open("FOLDER/movie.tif");
movie = getImageID();
open("FOLDER/other.tif");

selectImage(one);
before = nImages;
run("ImageJ-DL Predict", "model=[FOLDER/model] rois=false");
tell("predict");
selectImage(one);
run("ImageJ-DL Make label maps", "overlap=last");
tell("labels");
selectImage(movie);
run("ImageJ-DL Track", "out=[FOLDER/DOOR-tracks] engine=embedded");
tell("track");
selectImage(one);
run("ImageJ-DL Evaluate", "truth=[FOLDER/one.tif]");
tell("evaluate");
rename("one.tif");

run("ImageJ-DL Macro Extensions");
title = Ext.dl_predict("FOLDER/model", "one.tif");
tell("dl_predict");
selectImage(one);
title = Ext.dl_labels("one.tif");
tell("dl_labels");
title = Ext.dl_track("movie.tif", "FOLDER/DOOR-dl_tracks");
tell("dl_track");
selectImage(one);
run("ImageJ-DL Train", "project=[FOLDER/project] out=[FOLDER/DOOR-new] QUICK");
tell("train");
File.saveString("done", "FOLDER/DOOR-done.txt");

function tell(what) {
    words = what + "\\n" + getTitle() + "\\n" + (nImages - before) + "\\n" + getImageID();
    saveAs("Tiff", "FOLDER/DOOR-" + what + ".tif");
    words += "\\n" + getTitle() + "\\n" + getImageID();
    File.saveString(words, "FOLDER/DOOR-" + what + ".txt");
    before = nImages;
}
"""
OPENED = {
    "predict": ("one-labels", 1),
    "labels": ("one-labels", 1),
    "track": ("tracked.tif", 1),
    "evaluate": ("one.tif", 0),
    "dl_predict": ("one-labels", 1),
    "dl_labels": ("one-labels", 1),
    "dl_track": ("tracked.tif", 1),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """Write two images, a label movie, a model that is a threshold, and a project."""
    sys.path.append(str(Path(__file__).parents[1] / "prediction"))
    from small_models import threshold
    from small_nuclei import small_nuclei

    from imagej_dl import models

    made = tmp_path_factory.mktemp("current")
    one, other = np.zeros((2, 64, 64), np.uint8)
    one[10:20, 30:50] = 255
    other[40:60, 3:9] = other[3:9, 40:60] = 255
    images.write(images.make(one, "YX"), made / "one.tif")
    images.write(images.make(other, "YX"), made / "other.tif")
    movie = np.zeros((3, 64, 64), np.uint16)
    for t in range(3):
        movie[t, 10 + t : 22 + t, 10:22] = t + 5
    images.write(images.make(movie, "TYX", frame_interval=1.0), made / "movie.tif")
    bundle = threshold()
    models.save(bundle.model, bundle.config, made / "model", test_image=one[:16, :16])
    small_nuclei(shared_data, made / "project")
    return made


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with jars like a Fiji's, and the commands installed."""
    home = looks_like_a_fiji(tmp_path_factory.mktemp("java") / "Fiji", central())
    installation.install(home)
    return home


def _macro(folder: Path, door: str, batch: bool) -> Path:
    from java_mode import QUICK

    text = MACRO.replace("BATCH", str(batch).lower()).replace("DOOR", door)
    path = folder / f"{door}.ijm"
    path.write_text(text.replace("FOLDER", str(folder)).replace("QUICK", QUICK))
    return path


def _check(folder: Path, door: str, said: str = "") -> None:
    assert (folder / f"{door}-done.txt").is_file(), said
    pixels, ids = {}, []
    for what in [*OPENED, "train"]:
        told = (folder / f"{door}-{what}.txt").read_text().split("\n")
        pixels[what] = images.read(folder / f"{door}-{what}.tif").data
        if what in OPENED:
            title, more = OPENED[what]
            assert told[0] == what
            assert told[1].startswith(title), told
            # TrackMate drew on the movie when it was tracked first, and opens it once more.
            assert int(told[2]) in (more, more + (what == "dl_track")), told
        assert told[4] == f"{door}-{what}.tif", told  # what saveAs has saved is the current one
        assert told[3] == told[5], told
        ids.append(told[3])
    drawn = np.zeros((64, 64), np.uint8)
    drawn[3:9, 2:7] = 1
    segmented = (images.read(folder / "one.tif").data > 0).astype(np.uint8)
    for what in ("predict", "dl_predict"):
        assert np.array_equal(pixels[what], segmented), what
    for what in ("labels", "dl_labels"):
        assert np.array_equal(pixels[what], drawn), what
    for what in ("track", "dl_track"):
        assert np.array_equal(pixels[what], (images.read(folder / "movie.tif").data > 0) * 1), what
    assert np.array_equal(pixels["evaluate"], segmented * 255)
    assert np.array_equal(pixels["train"], segmented * 255)


@pytest.mark.thorough(except_for=["java-headless-batch-False-True"])
@pytest.mark.parametrize(
    ("door", "display", "batch"),
    [
        ("java-headless", False, False),
        ("java-headless-batch", False, True),
        pytest.param("java-batch", True, True, marks=screen),
        pytest.param("java-windows", True, False, marks=screen),
    ],
)
def test_installed_scripts(
    java: Path, folder: Path, tmp_path: Path, door: str, display: bool, batch: bool
) -> None:
    macro = _macro(folder, door, batch)
    window = "new ij.ImageJ()\n" if display else ""
    done = plain(
        java, tmp_path, f'{window}ij.IJ.runMacroFile("{macro}")', display=display, timeout=300
    )
    _check(folder, door, done.stdout + done.stderr)


def _hosted(macro: str, display: bool) -> str:
    from imagej_dl.fiji import menu

    front = menu.install("embedded", display=display)
    try:
        return menu.run_macro(Path(macro))
    finally:
        front.close()


@pytest.mark.thorough(except_for=["python-windows-True-False"])
@pytest.mark.parametrize(
    ("door", "display", "batch"),
    [
        ("python-headless", False, False),
        pytest.param("python-batch", True, True, marks=screen),
        pytest.param("python-windows", True, False, marks=screen),
    ],
)
def test_an_imagej_that_python_hosts(
    own_process: Any, folder: Path, door: str, display: bool, batch: bool
) -> None:
    own_process(_hosted, str(_macro(folder, door, batch)), display)
    _check(folder, door)


@pytest.mark.fiji
@pytest.mark.parametrize("batch", [False, True])
def test_a_real_fiji_without_a_screen(home: Path, folder: Path, batch: bool) -> None:
    door = f"fiji-{batch}"
    done = java_fiji(home, "--headless", "-macro", str(_macro(folder, door, batch)), timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    _check(folder, door, done.stdout + done.stderr)


@screen
@pytest.mark.fiji
@pytest.mark.parametrize("batch", [False, True])
def test_a_real_fiji_with_its_window(home: Path, folder: Path, tmp_path: Path, batch: bool) -> None:
    door = f"fiji-window-{batch}"
    run = tmp_path / "run.groovy"
    run.write_text(
        f'ij.IJ.runMacroFile("{_macro(folder, door, batch)}")\nRuntime.runtime.halt(0)\n'
    )
    done = java_fiji(home, "--run", str(run), timeout=300)
    _check(folder, door, done.stdout + done.stderr)
