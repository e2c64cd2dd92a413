"""The macros without options, in ImageJ 1.54p: a user fills in their dialogs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import active_image
import numpy as np
import pytest
from screen import Answers, open_titles, pixels, without_options

from imagej_dl import fiji, images, project, rois
from imagej_dl.errors import UserError

MACROS = Path(__file__).resolve().parents[2] / "macros"

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]


def _run_all(folder: Path) -> dict[str, Any]:
    from imagej_dl.fiji import menu

    front = menu.install("embedded", display=True)
    found: dict[str, Any] = {}
    answers = Answers(_draw)

    def run(name: str, *answer: Any, **fields: Any) -> str:
        before = len(answers.messages)
        try:
            return without_options(MACROS / f"{name}.ijm", *answer, **fields)
        except UserError:
            return " ".join(answers.messages[before:])

    try:
        # As Browse does it, folders end with a separator.
        model, single, results = f"{folder}/model/", f"{folder}/single/", f"{folder}/my results/"
        menu.open_image(folder / "single" / "cells.tif")
        answer = ("Label boundaries",)
        title = run("Label_Boundaries", *answer, choices=("touching", "image"))
        found["lines"] = (title, int((pixels(title) > 0).sum()))
        active_image.select("cells.tif")
        _draw("")
        found["masks"] = run("Make_Masks", "Make masks")
        found["masks again"] = run("Make_Masks", "Make masks")
        found["no project"] = run("Train_From_RoiManager", "Train from the ROI Manager")

        answer = ("Predict a folder",)
        found["no folder"] = run("Predict_Folder", *answer, texts=(model, "", results))
        found["objects"] = run("Predict_Folder", *answer, texts=(model, single, results))
        found["objects again"] = run("Predict_Folder", *answer, texts=(model, single, results))

        menu.open_image(folder / "movie.tif")
        answer = ("Track a video",)
        found["no tracks"] = run("Track_Video", *answer, texts=(model, ""))
        found["tracked"] = run("Track_Video", *answer, texts=(model, f"{folder}/tracks/"))
        active_image.select("movie.tif")
        found["refused"] = run("Track_Video", *answer, texts=(model, f"{folder}/tracks/"))
        found["open"] = open_titles()
        active_image.select("movie.tif")
        fields = {"texts": (model, f"{folder}/tracks/"), "boxes": (False, True)}
        found["tracked again"] = run("Track_Video", *answer, **fields)

        found["no drawing"] = run("Annotate", "Annotate")
        found["drawn"] = run("Annotate", "Annotate", texts=(f"{folder}/drawing/",))
        found["messages"] = answers.messages
        return found
    finally:
        front.close()


def _draw(title: str) -> None:
    from scyjava import jimport

    frame = jimport("ij.plugin.frame.RoiManager")
    manager = frame.getInstance() or frame()
    for x in (4, 30):
        manager.addRoi(jimport("ij.gui.OvalRoi")(x, 4, 12, 12))


@pytest.mark.thorough
def test_dialogs_are_as_good_as_options(own_process: Any, tmp_path: Path) -> None:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "prediction"))
    from small_models import threshold

    from imagej_dl import models

    array = np.zeros((4, 48, 64), np.uint8)
    array[:, 5:20, 6:30] = array[:, 25:40, 40:60] = 255
    images.write(images.make(array[0], "YX"), tmp_path / "single" / "cells.tif")
    images.write(images.make(array, "TYX"), tmp_path / "movie.tif")
    bundle = threshold()
    models.save(bundle.model, bundle.config, tmp_path / "model", test_image=array[0])
    project.create(tmp_path / "drawing")
    images.write(images.make(array[0], "YX"), tmp_path / "drawing" / "Raw" / "one.tif")
    found = own_process(_run_all, tmp_path)

    assert found["lines"] == ("cells-boundaries", 0)
    assert found["masks"] == "2"
    assert f"{tmp_path}/single/masks/ already" in found["masks again"]
    assert "name the folder that is the project" in found["no project"]
    assert "name the folder that holds the images" in found["no folder"]
    # Of two open images of one name the result is counted, not the user's.
    assert found["objects"] == "2"
    counts = (tmp_path / "my results" / "counts.csv").read_text().split()
    assert counts == ["image,plane,objects", '"cells.tif",1,2']
    assert f"{tmp_path}/my results/counts.csv is there already" in found["objects again"]
    assert "name the folder that gets the tracks" in found["no tracks"]
    assert (found["tracked"], found["tracked again"]) == ("tracked.tif", "tracked-1.tif")
    # Refused before the movie is segmented, and nothing is left open of it.
    assert f"{tmp_path}/tracks is there already" in found["refused"]
    assert "movie-labels" not in found["open"]
    assert "name the folder that is the project" in found["no drawing"]
    assert found["drawn"] == "1"
    assert len(rois.read(tmp_path / "drawing" / "Labeling" / "one" / "RoiSet.zip")) == 2
    assert not [words for words in found["messages"] if "in line" in words]
