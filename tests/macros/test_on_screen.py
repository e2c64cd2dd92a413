"""The macros in ImageJ 1.54p with its windows: one process runs them, the tests look at what came.

Its results are compared with the Python functions on the same files.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from screen import Answers, close, open_titles, pixels
from skimage.segmentation import find_boundaries

from imagej_dl import fiji, images, project, rois
from imagej_dl.errors import UserError

MACROS = Path(__file__).resolve().parents[2] / "macros"
NAMES = ("1a75e9f15481", "3b75fc03a1d1", "a246bcaa64af", "d1dbc6ee7c44")
TINY = "settings=[width=8 depth=2 patch=64 test=0.01]"

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]


def touching() -> np.ndarray:
    """Return labels that touch each other, the border, and at a corner: (2 planes, Y, X)."""
    labels = np.zeros((2, 24, 30), np.uint16)
    labels[0, 2:12, 3:10] = 7
    labels[0, 2:12, 10:20] = 300
    labels[0, 12:20, 10:15] = 2
    labels[0, 20:, 15:] = 9
    labels[1, 5:9, 5:9] = 1
    labels[1, 9:13, 9:13] = 4
    return labels


EXT = """
run("ImageJ-DL Macro Extensions", "");
args = split(getArgument(), "|");
open(args[0]);
image = getTitle();
predicted = Ext.dl_predict(args[1], image);
told = Ext.dl_value("objects");
count = Ext.dl_count(predicted);
open(args[2]);
rename("truth");
score = parseFloat(Ext.dl_score(predicted, "truth", 0.5));
before = roiManager("count");
added = Ext.dl_rois("truth");
grown = roiManager("count") - before;
selectImage(predicted);
lines = Ext.dl_run("ImageJ-DL Evaluate", "truth=[" + args[2] + "]");
open(args[3]);
plane = Ext.dl_count(getTitle(), 2);
all = Ext.dl_count(getTitle());
return "" + predicted + "|" + told + "|" + count + "|" + score + "|" + added + "|" + grown + "|" +
    plane + "|" + all;
"""


def _run_all(folder: Path, data: Path) -> dict[str, Any]:
    from scyjava import jimport

    from imagej_dl.fiji import menu

    front = menu.install("embedded", display=True)
    found: dict[str, Any] = {}
    try:
        windows = jimport("ij.WindowManager")
        answers = Answers(_draw)
        manager = jimport("ij.plugin.frame.RoiManager")()
        mine = _mine()
        before = _state(mine)
        cells = folder / "my cells"
        menu.run("new", project=cells)
        for name in NAMES[1:]:
            place = cells / "Labeling" / name
            (place / "images").mkdir(parents=True)
            shutil.copy(data / name / "image.tif", place / "images" / f"{name}.tif")
            shutil.copy(data / name / "RoiSet.zip", place / "RoiSet.zip")
        first = folder / f"{NAMES[0]}.tif"
        shutil.copy(data / NAMES[0] / "image.tif", first)
        menu.open_image(first)
        image = windows.getCurrentImage()
        image.setRoi(5, 6, 20, 21)
        manager.runCommand("open", str(data / NAMES[0] / "RoiSet.zip"))

        count = manager.getCount()
        masks = folder / "Labeling" / "one image"
        masks.mkdir(parents=True)
        macro = MACROS / "Make_Masks.ijm"
        found["made"] = menu.run_macro(macro, f"folder=[{masks}]")
        found["kept"] = (manager.getCount() - count, str(image.getTitle()), str(image.getRoi()))
        try:
            menu.run_macro(macro, f"folder=[{masks}]")
        except Exception as error:
            found["refused"] = type(error).__name__

        model = folder / "my model"
        macro = MACROS / "Train_From_RoiManager.ijm"
        title = menu.run_macro(macro, f"project=[{cells}] model=[{model}] epochs=1 {TINY}")
        found["predicted"] = pixels(title)
        found["after training"] = (str(image.getTitle()), str(image.getRoi()), open_titles())

        path = folder / "ext.ijm"
        path.write_text(EXT)
        files = [data / NAMES[1] / "image.tif", model, data / NAMES[1] / "labels.tif"]
        arguments = [*files, folder / "touching.tif"]
        found["ext"] = menu.run_macro(path, "|".join(map(str, arguments))).split("|")
        found["ext labels"] = pixels(found["ext"][0])

        for lines in ("outlines", "touching"):
            menu.open_image(folder / "touching.tif")
            windows.getCurrentImage().setRoi(1, 1, 2, 2)
            macro = MACROS / "Label_Boundaries.ijm"
            title = menu.run_macro(macro, f"lines={lines} show=image")
            found[lines] = pixels(title)
            close(windows.getImage(title))
            menu.run_macro(macro, f"lines={lines} show=overlay color=red")
            open_ = windows.getCurrentImage()
            overlay = open_.getOverlay()
            found[lines + " overlay"] = [
                (int(r.getPosition()), int(r.getTPosition()), _mask(r, open_))
                for r in overlay.toArray()
            ]
            found[lines + " selection"] = str(open_.getRoi())
            close(open_)

        drawing = folder / "drawing"
        project.create(drawing)
        for name in NAMES[:2]:
            shutil.copy(data / name / "image.tif", drawing / "Raw" / f"{name}.tif")
        found["drawn"] = menu.run_macro(MACROS / "Annotate.ijm", f"project=[{drawing}]")
        found["waits"] = answers.waits
        found["messages"] = answers.messages
        found["mine"] = (before, _state(mine))
        return found
    except UserError as error:
        # The words are in the window that was closed.
        raise AssertionError(f"{error}; {answers.messages}; {found}") from error
    finally:
        front.close()


def _draw(title: str) -> None:
    """Draw two ROIs, as the user does whom Annotate waits for."""
    from scyjava import jimport

    manager = jimport("ij.plugin.frame.RoiManager").getInstance()
    for x in (10, 40):
        manager.addRoi(jimport("ij.gui.OvalRoi")(x, 10, 20, 20))


def _mine() -> Any:
    """Open what a user may have open: an image with overlay, a ROI, a row of results."""
    from scyjava import jimport

    roi = jimport("ij.gui.Roi")(1, 2, 3, 4)
    roi.setName("mine")
    imp = jimport("ij.IJ").createImage("mine", "16-bit ramp", 40, 30, 1)
    imp.setOverlay(jimport("ij.gui.Overlay")(roi))
    imp.setRoi(4, 5, 6, 7)
    imp.show()
    table = jimport("ij.measure.ResultsTable").getResultsTable()
    table.addRow()
    table.addValue("mine", 5.0)
    table.show("Results")
    return imp


def _state(imp: Any) -> dict[str, Any]:
    from scyjava import jimport

    table = jimport("ij.measure.ResultsTable").getResultsTable()
    return {
        "pixels": pixels("mine").tolist(),
        "roi": str(imp.getRoi()),
        "overlay": [str(r) for r in imp.getOverlay().toArray()],
        "changes": bool(imp.changes),
        "results": [float(v) for v in table.getColumn("mine")],
    }


def _mask(roi: Any, imp: Any) -> list[list[bool]]:
    from scyjava import jimport

    ip = jimport("ij.process.ByteProcessor")(imp.getWidth(), imp.getHeight())
    ip.setColor(255)
    ip.fill(roi)
    array = np.asarray(ip.getPixels()[:]).reshape(imp.getHeight(), imp.getWidth())
    return (array != 0).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("macros")
    images.write(images.make(touching(), "TYX"), made / "touching.tif")
    return made


@pytest.fixture(scope="module")
def found(own_process: Any, folder: Path, shared_data: Path) -> dict[str, Any]:
    return own_process(_run_all, folder, shared_data / "nuclei" / "train")


def test_masks_are_the_rois_pixels(found: dict[str, Any], folder: Path, shared_data: Path) -> None:
    from PIL import Image

    source = shared_data / "nuclei" / "train" / NAMES[0]
    masks = folder / "Labeling" / "one image" / "masks"
    drawn = rois.read(source / "RoiSet.zip")
    assert found["made"] == str(len(drawn))
    assert {p.name for p in masks.iterdir()} == {f"mask_{i}.png" for i in range(len(drawn))}
    labels = images.read_labels(source / "labels.tif").values
    for i in range(len(drawn)):
        with Image.open(masks / f"mask_{i}.png") as picture:
            assert picture.mode == "L"
            assert np.array_equal(np.asarray(picture), np.where(labels == i + 1, 255, 0))


def test_masks_leave_the_users_rois_and_are_never_replaced_unasked(found: dict[str, Any]) -> None:
    assert found["kept"] == (0, f"{NAMES[0]}.tif", "Roi[Rectangle, x=5, y=6, width=20, height=21]")
    assert found["refused"] == "UserError"
    assert any("masks" in text and "overwrite" in text for text in found["messages"])


def test_training_stores_the_image_and_its_rois(
    found: dict[str, Any], folder: Path, shared_data: Path
) -> None:
    source = shared_data / "nuclei" / "train" / NAMES[0]
    cells = folder / "my cells"
    stored = rois.read(cells / "Labeling" / NAMES[0] / "RoiSet.zip")
    assert len(stored) == len(rois.read(source / "RoiSet.zip"))
    assert sorted(pair.name for pair in project.pairs(cells)) == sorted(NAMES)
    labels = images.read_labels(cells / "Processed" / "masks" / f"{NAMES[0]}.tif").values
    assert np.array_equal(labels, images.read_labels(source / "labels.tif").values)
    kept = images.read(cells / "Processed" / "images" / f"{NAMES[0]}.tif").values
    assert np.array_equal(kept, images.read(source / "image.tif").values)
    title, roi, _ = found["after training"]
    assert (title, roi) == (found["kept"][1], found["kept"][2])


def test_its_prediction_is_pythons(found: dict[str, Any], folder: Path, shared_data: Path) -> None:
    from imagej_dl import evaluation, models
    from imagej_dl.prediction import predict

    bundle = models.load(folder / "my model")
    sources = [shared_data / "nuclei" / "train" / name for name in NAMES[:2]]
    ours = [predict(bundle, images.read(source / "image.tif")).labels for source in sources]
    assert ours[0].max() > 0
    assert np.array_equal(found["predicted"], ours[0].values)
    assert np.array_equal(found["ext labels"], ours[1].values)

    told, count, score, added, grown = found["ext"][1:6]
    assert int(told) == int(count) == int(ours[1].max())
    truth = images.read_labels(sources[1] / "labels.tif").values
    exact = evaluation.match(truth, ours[1].values)[0].average_precision
    assert float(score) == pytest.approx(exact, abs=1e-4)
    assert int(added) == int(grown) == len(np.unique(truth)) - 1


def test_count_is_that_of_a_plane_or_of_all(found: dict[str, Any]) -> None:
    assert found["ext"][6:] == ["2", "6"]


def boundaries(labels: np.ndarray, lines: str) -> np.ndarray:
    """Return what Label_Boundaries should, by another way: comparing neighbours."""
    if lines == "outlines":
        return np.stack([find_boundaries(p, connectivity=1, mode="inner") for p in labels])
    found = np.zeros(labels.shape, bool)
    for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
        other = np.roll(labels, step, axis)
        edge = [slice(None)] * 3
        edge[axis] = 0 if step == 1 else -1
        other[tuple(edge)] = 0
        found |= (labels > 0) & (other > labels)
    return found


@pytest.mark.parametrize("lines", ["outlines", "touching"])
def test_boundaries_of_touching_labels(found: dict[str, Any], lines: str) -> None:
    expected = boundaries(touching(), lines)
    assert expected[0].any()
    assert found[lines].dtype == np.uint8
    assert np.array_equal(found[lines], np.where(expected, 255, 0))
    over = np.zeros_like(expected)
    for position, frame, mask in found[lines + " overlay"]:
        over[max(position, frame) - 1] |= np.array(mask)
    assert np.array_equal(over, expected)
    assert found[lines + " selection"] == "Roi[Rectangle, x=1, y=1, width=2, height=2]"


def test_annotate_goes_through_the_project(found: dict[str, Any], folder: Path) -> None:
    assert found["drawn"] == "2"
    assert found["waits"] == [f"Annotate {name}" for name in NAMES[:2]]
    for name in NAMES[:2]:
        drawn = rois.read(folder / "drawing" / "Labeling" / name / "RoiSet.zip")
        assert len(drawn) == 2  # those of the other image, and the user's own, are not among them


def test_what_the_user_had_open_is_as_it_was(found: dict[str, Any]) -> None:
    before, after = found["mine"]
    assert after == before
