"""The macros that need no screen, run without one; results compared with the Python functions."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagej_dl import images, rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.models.ready import registry

MACROS = Path(__file__).resolve().parents[2] / "macros"
NAMES = ("1a75e9f15481", "3b75fc03a1d1")

pytestmark = [pytest.mark.jvm, pytest.mark.tf]


def _run_all(folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    from imagej_dl.fiji import menu

    front = menu.install("embedded", display=False)
    found: dict[str, Any] = {}
    try:
        model = folder / "a model"
        given = f"model=[{model}] images=[{folder / 'in'}] out=[{folder / 'out'}]"
        found["objects"] = menu.run_macro(MACROS / "Predict_Folder.ijm", given)
        try:
            menu.run_macro(MACROS / "Predict_Folder.ijm", given)
        except UserError as error:
            found["refused"] = str(error)
        given = f"images=[{folder / 'in'}] out=[{folder / 'ready'}]"
        found["ready"] = menu.run_macro(MACROS / "Predict_Folder.ijm", given)
        given = f"movie=[{folder / 'movie.tif'}] out=[{folder / 'ready tracks'}]"
        menu.run_macro(MACROS / "Track_Video.ijm", given + " settings=[engine=embedded]")
        given = f"model=[{model}] movie=[{folder / 'movie.tif'}] out=[{folder / 'tracks'}]"
        found["tracked"] = menu.run_macro(
            MACROS / "Track_Video.ijm", given + " settings=[engine=embedded]"
        )
        # Masks of an overlay: without a screen there is no ROI Manager.
        (folder / "NAME").mkdir()
        draw = folder / "draw.ijm"
        draw.write_text(
            'newImage("drawn", "8-bit black", 40, 30, 1);'
            "makeOval(3, 4, 12, 9); Overlay.addSelection; makeLine(1, 1, 9, 9);"
            "Overlay.addSelection; makeRectangle(2, 2, 5, 5);"
            'parts = split(getArgument(), "|"); made = runMacro(parts[0], parts[1]);'
            "getSelectionBounds(x, y, w, h);"
            'at = "" + x + "," + y + "," + w + "," + h;'
            'return made + " " + Overlay.size + " " + getTitle() + " " + at;'
        )
        given = f"{MACROS / 'Make_Masks.ijm'}|folder=[{folder / 'NAME'}]"
        found["made"] = menu.run_macro(draw, given)
        oval = jimport("ij.gui.OvalRoi")(3, 4, 12, 9)
        found["oval"] = np.asarray(oval.getMask().getPixels()[:]).reshape(9, 12) != 0
        found["examples"] = _examples(folder, model)
        found["ids"] = _large_ids(folder)
        found["stored"] = [_stored(folder, what) for what in ("other", "its own")]
        return found
    finally:
        front.close()


def _large_ids(folder: Path) -> list[str]:
    """Return the labels recorded in the ROIs that dl_rois adds to a label image."""
    from scyjava import jimport

    from imagej_dl import fiji
    from imagej_dl.fiji import menu

    labels = np.zeros((9, 9), np.uint32)
    labels[1:4, 1:4], labels[5:8, 5:8] = 2**24 + 5, 3
    with pytest.warns(DataWarning, match="have stand-ins in ImageJ"):
        imp = fiji.to_imageplus(images.make(labels, title="large ids"))
    jimport("ij.WindowManager").setTempCurrentImage(imp)
    macro = folder / "rois.ijm"
    macro.write_text('run("ImageJ-DL Macro Extensions", ""); return Ext.dl_rois(getTitle());')
    menu.run_macro(macro)
    jimport("ij.WindowManager").setTempCurrentImage(None)
    return [str(roi.getProperty(rois.LABEL_KEY)) for roi in imp.getOverlay().toArray()]


def _stored(folder: Path, what: str) -> tuple[str, bool]:
    """Train on an image of a name that the project has; return the refusal, and if it is the same.

    Training itself is refused for its epochs: it is about what is stored before it.
    """
    from scyjava import jimport

    from imagej_dl.fiji import menu

    cells = folder / "cells"
    there = cells / "Labeling" / "a" / "images" / "a.tif"
    if not there.exists():
        images.write(images.make(np.full((9, 9), 7, np.uint8)), there)
        images.write(images.make(np.full((9, 9), 9, np.uint8)), folder / "a.tif")
        rois.write([rois.Roi("rectangle", "x", box=(1, 1, 3, 3))], folder / "a.zip")
    before = there.stat().st_mtime_ns, there.read_bytes()
    menu.open_image(there if what == "its own" else folder / "a.tif")
    given = f"project=[{cells}] model=[{folder / 'new'}] rois=[{folder / 'a.zip'}] epochs=0"
    try:
        menu.run_macro(MACROS / "Train_From_RoiManager.ijm", given)
    except UserError as error:
        words = str(error)
    jimport("ij.WindowManager").getCurrentImage().close()
    return words, before == (there.stat().st_mtime_ns, there.read_bytes())


def _examples(folder: Path, model: Path) -> dict[str, Any]:
    """Run the examples as Fiji's Script Editor does: it takes the lines with #@ itself."""
    from scyjava import jimport

    from imagej_dl.fiji import menu

    ij, windows, file = jimport("ij.IJ"), jimport("ij.WindowManager"), jimport("java.io.File")
    image = ij.openImage(str(folder / "in" / f"{NAMES[0]}, a.tif"))
    windows.setTempCurrentImage(image)
    found: dict[str, Any] = {}
    values: dict[str, Any] = {"image": image, "model": file(str(model)), "__name__": "builtins"}
    code = (MACROS / "examples" / "Predict_Active_Image.py").read_text()
    exec(code, values)
    found["python"] = _pixels(values["labels"])
    exec((MACROS / "examples" / "Install_Commands.py").read_text(), {})
    shell = jimport("groovy.lang.GroovyShell")(menu._loader(menu._front()))
    shell.setVariable("image", image)
    shell.setVariable("model", file(str(model)))
    shell.setVariable("images", file(str(folder / "in")))
    shell.setVariable("out", file(str(folder / "groovy")))
    for name in ("Predict_Active_Image", "Predict_Folder"):
        lines = (MACROS / "examples" / f"{name}.groovy").read_text().splitlines()
        shell.evaluate("\n".join(line for line in lines if not line.startswith("#@")))
    found["groovy"] = _pixels(shell.getVariable("labels"))
    return found


def _pixels(imp: Any) -> np.ndarray:
    ip = imp.getProcessor()
    return np.asarray(ip.getPixels()[:]).reshape(ip.getHeight(), ip.getWidth())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """Images, a movie whose frames are z slices, and a model: a threshold, so that it is quick."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "prediction"))
    from small_models import threshold

    from imagej_dl import models

    made = tmp_path_factory.mktemp("macros")
    (made / "in").mkdir()
    for name in NAMES:
        source = shared_data / "nuclei" / "train" / name / "image.tif"
        shutil.copy(source, made / "in" / f"{name}, a.tif")
    movie = np.zeros((3, 64, 64), np.uint8)
    for t in range(3):
        movie[t, 10 + t : 22 + t, 10:22] = 255
        movie[t, 40:52, 30 + t : 42 + t] = 255
    images.write(images.make(movie, "ZYX"), made / "movie.tif")
    bundle = threshold()
    models.save(bundle.model, bundle.config, made / "a model", test_image=movie[0])
    return made


@pytest.fixture(scope="module")
def found(own_process: Any, folder: Path) -> dict[str, Any]:
    return own_process(_run_all, folder)


def test_folder_is_predicted_and_counted(found: dict[str, Any], folder: Path) -> None:
    from imagej_dl import models
    from imagej_dl.prediction import predict

    bundle = models.load(folder / "a model")
    total = 0
    with (folder / "out" / "counts.csv").open() as file:
        rows = {row["image"]: (row["plane"], row["objects"]) for row in csv.DictReader(file)}
    for name in NAMES:
        ours = predict(bundle, images.read(folder / "in" / f"{name}, a.tif")).labels.values
        theirs = images.read_labels(folder / "out" / f"{name}, a.tif").values
        assert np.array_equal(theirs, ours)
        objects = len(np.unique(ours)) - 1
        assert rows.pop(f"{name}, a.tif") == ("1", str(objects))
        total += objects
    assert not rows
    assert total > 0
    assert found["objects"] == str(total)


def test_a_ready_model_is_used_where_none_is_named(found: dict[str, Any], folder: Path) -> None:
    from imagej_dl import models
    from imagej_dl.prediction import predict

    bundle, total = models.load(registry.DEFAULT), 0
    for name in NAMES:
        ours = predict(bundle, images.read(folder / "in" / f"{name}, a.tif")).labels.values
        theirs = images.read_labels(folder / "ready" / f"{name}, a.tif").values
        assert np.array_equal(theirs, ours)
        total += len(np.unique(ours)) - 1
    assert found["ready"] == str(total)
    assert total > 10
    tracked = images.read_labels(folder / "ready tracks" / "tracked.tif").values
    movie = images.read(folder / "movie.tif")
    seen = predict(bundle, images.make(movie.values, "TYX")).labels.values
    assert np.array_equal(tracked > 0, seen > 0)
    assert seen.any()


def test_results_that_are_there_are_refused(found: dict[str, Any]) -> None:
    assert "Predict_Folder.ijm" in found["refused"]


def test_an_image_of_the_project_is_not_replaced_unasked(found: dict[str, Any]) -> None:
    (other, kept), (own, same) = found["stored"]
    assert kept
    assert "epochs" not in other  # it ended before
    assert same
    assert "epochs: Input should be greater than or equal to 1" in own  # it went on


def test_rois_have_the_ids_that_imagej_cannot_hold(found: dict[str, Any]) -> None:
    assert found["ids"] == ["3", str(2**24 + 5)]


def test_movie_with_time_in_z_is_tracked(found: dict[str, Any], folder: Path) -> None:
    assert found["tracked"] == "tracked.tif"
    tracked = images.read_labels(folder / "tracks" / "tracked.tif")
    assert tracked.dims == ("T", "Y", "X")
    assert [len(np.unique(plane)) - 1 for plane in tracked.values] == [2, 2, 2]
    assert len(np.unique(tracked.values)) - 1 == 2
    assert (folder / "tracks" / "tracks.xml").is_file()


def test_masks_of_an_overlay(found: dict[str, Any], folder: Path) -> None:
    from PIL import Image

    assert found["made"] == "1 2 drawn 2,2,5,5"  # the line is left out; all is as it was
    assert [p.name for p in (folder / "NAME" / "masks").iterdir()] == ["mask_0.png"]
    expected = np.zeros((30, 40), np.uint8)
    expected[4:13, 3:15][found["oval"]] = 255
    with Image.open(folder / "NAME" / "masks" / "mask_0.png") as picture:
        assert np.array_equal(np.asarray(picture), expected)


def test_examples_of_the_script_editor(found: dict[str, Any], folder: Path) -> None:
    labels = images.read_labels(folder / "out" / f"{NAMES[0]}, a.tif").values
    assert np.array_equal(found["examples"]["python"], labels)
    assert np.array_equal(found["examples"]["groovy"], labels)
    for name in NAMES:
        made = images.read_labels(folder / "groovy" / f"{name}, a.tif").values
        theirs = images.read_labels(folder / "out" / f"{name}, a.tif").values
        assert np.array_equal(made, theirs)
