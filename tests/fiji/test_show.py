"""The real ImageJ 1.54p with its windows, under a screen or Xvfb: ROI Manager, macro, show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagej_dl import fiji, images, rois

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]


def nuclei(frames: int = 3) -> np.ndarray:
    """Return discs, one with a hole, that move from frame to frame; (T, Y, X) labels."""
    y, x = np.mgrid[:64, :80]
    labels = np.zeros((frames, 64, 80), np.uint16)
    for t in range(frames):
        for i, (cy, cx) in enumerate([(15, 15), (40, 20), (30, 60)], start=1):
            labels[t][(y - cy) ** 2 + (x - cx - 2 * t) ** 2 <= 81] = i
        labels[t][(y - 30) ** 2 + (x - 60 - 2 * t) ** 2 <= 9] = 0
    return labels


def _macro_areas(folder: str) -> tuple[list[float], list[int], str]:
    """Open our RoiSet.zip by a macro, measure all ROIs, and return areas and our own counts."""
    from scyjava import jimport

    labels = images.make(nuclei(1)[0], pixel_width=0.5, pixel_height=0.5, unit="µm")
    traced = rois.trace(labels)
    rois.write(traced, Path(folder, "RoiSet.zip"))
    images.write(labels, Path(folder, "labels.tif"))
    fiji.start("embedded", display=True)
    macro = (
        f'open("{folder}/labels.tif"); roiManager("open", "{folder}/RoiSet.zip");'
        'run("Set Measurements...", "area"); roiManager("deselect");'
        'roiManager("measure");'
    )
    jimport("ij.IJ").runMacro(macro)
    table = jimport("ij.measure.ResultsTable").getResultsTable()
    areas = [float(table.getValue("Area", i)) for i in range(table.size())]
    pixels = [int((labels == i).sum()) for i in (1, 2, 3)]
    names = jimport("ij.plugin.frame.RoiManager").getInstance().getName(0)
    return areas, pixels, str(names)


def test_a_macro_measures_the_same_areas(own_process: Any, tmp_path: Path) -> None:
    areas, pixels, name = own_process(_macro_areas, str(tmp_path))
    assert areas == [n * 0.25 for n in pixels]
    assert name


def _show() -> dict[str, Any]:
    from scyjava import jimport

    from imagej_dl.fiji import roi_manager, show

    fiji.start("embedded", display=True)
    manager = roi_manager.manager()
    mine = jimport("ij.gui.OvalRoi")(3, 4, 5, 6)
    mine.setName("mine")
    manager.addRoi(mine)
    open_image = jimport("ij.IJ").createImage("user's", "8-bit black", 20, 20, 1)
    open_image.show()
    array = nuclei()
    labels = images.make(array, "TYX", title="labels.tif", pixel_width=0.65, unit="µm")
    image = images.make((array * 500).astype(np.uint16), "TYX", title="movie.tif")
    over, label_imp = show.in_imagej(labels, image)
    inside = manager.getRoisAsArray()
    return {
        "first": (str(manager.getName(0)), int(manager.getCount())),
        "bounds": str(inside[0].getBounds()),
        "frames": [int(r.getTPosition()) or int(r.getPosition()) for r in inside][1:],
        "overlay": int(over.getOverlay().size()),
        "dims": [int(n) for n in over.getDimensions()],
        "lut": [
            sum(int(b) & 255 for b in label_imp.getLuts()[0].getBytes()[i::256]) for i in (0, 1)
        ],
        "open": sorted(str(t) for t in jimport("ij.WindowManager").getImageTitles()),
    }


def test_show_leaves_the_users_things_alone(own_process: Any) -> None:
    seen = own_process(_show)
    assert seen["first"] == ("mine", 1 + 9)
    assert "x=3,y=4,width=5,height=6" in seen["bounds"]
    assert seen["frames"] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert seen["overlay"] == 9
    assert seen["dims"] == [80, 64, 1, 1, 3]
    assert seen["lut"][0] == 0
    assert seen["lut"][1] != 0
    assert seen["open"] == ["labels.tif", "movie.tif", "user's"]


def _drawn_frames(axes: str) -> dict[str, Any]:
    """Show two channels; on each plane look at which frame's outlines ImageJ draws."""
    from imagej_dl.fiji import roi_manager, show

    fiji.start("embedded", display=True)
    array = nuclei()
    labels = images.make(array, axes, title="labels.tif")
    two = np.stack([array * 500, array * 200], 1).astype(np.uint16)
    image = images.make(two, [axes[0], "C", "Y", "X"], title="movie.tif")
    over, _ = show.in_imagej(labels, image)
    manager = roi_manager.manager()
    planes = {}
    for channel in (1, 2):
        for place in (1, 2, 3):
            over.setPosition(channel, *((1, place) if axes[0] == "T" else (place, 1)))
            picture = over.flatten().getBufferedImage()
            rgb = [[int(picture.getRGB(x, y)) for x in range(80)] for y in range(64)]
            red, green, blue = (np.array(rgb) >> shift & 255 for shift in (16, 8, 0))
            grey = (red == green) & (green == blue)
            planes[channel, place] = np.flatnonzero(~grey.all(axis=0)).tolist()
    inside = manager.getRoisAsArray()
    where = [(int(r.getCPosition()), int(r.getZPosition()), int(r.getTPosition())) for r in inside]
    return {"manager": where, "overlay": int(over.getOverlay().size()), "planes": planes}


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_outlines_lie_on_their_frames_in_all_channels(own_process: Any, axes: str) -> None:
    seen = own_process(_drawn_frames, axes)
    assert len(seen["manager"]) == seen["overlay"] == 9
    places = [position[2 if axes == "TYX" else 1] for position in seen["manager"]]
    assert places == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert {position[0] for position in seen["manager"]} == {0}
    for (_, number), columns in seen["planes"].items():
        # The discs move by 2 px a frame; the leftmost outline is at 6 in the first.
        assert abs(min(columns) - (6 + 2 * (number - 1))) <= 1
        assert abs(max(columns) - (69 + 2 * (number - 1))) <= 1


def _picture(path: str) -> None:
    from imagej_dl.fiji import show

    os.environ.pop("DISPLAY", None)
    fiji.start("embedded")
    array = nuclei()
    labels = images.make(array, "TYX")
    show.picture(labels, images.make((array * 80).astype(np.uint8), "TYX"), Path(path), frame=2)


def test_picture_needs_no_screen(own_process: Any, tmp_path: Path) -> None:
    own_process(_picture, str(tmp_path / "a.png"))
    picture = images.read(tmp_path / "a.png")
    assert picture.sizes["Y"] == 64
    assert picture.sizes["X"] == 80
    # The outlines are in colour, the image is grey.
    colour = (picture.max("C") != picture.min("C")).values
    assert 100 < colour.sum() < 1500
    assert not colour[:5].any()
