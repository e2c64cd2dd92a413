"""Draw, train, correct and retrain in ImageJ's window: the loop as a user goes through it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import hosted
import pytest
from small_nuclei import NAMES

from imagej_dl import UserError, images, rois

pytestmark = [pytest.mark.jvm, pytest.mark.tf, pytest.mark.thorough]

DRAWN = NAMES[:2]


def _loop(data: str, folder: str) -> dict[str, Any]:
    hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    from imagej_dl.fiji import menu

    manager = hosted.jimport("ij.plugin.frame.RoiManager").getRoiManager()
    roi = hosted.jimport("ij.gui.Roi")
    manager.addRoi(roi(1, 2, 3, 4))  # the user's own, before all
    project = f"{folder}/project"
    seen: dict[str, Any] = {"opened": [], "count": [], "words": []}

    def run(command: str, **values: Any) -> dict[str, Any]:
        found = menu.run(command, project=project, **values)
        seen["opened"].append(found.get("name"))
        seen["count"].append(int(manager.getCount()))
        return found

    def refused(command: str, **values: Any) -> None:
        with pytest.raises(UserError) as error:
            menu.run(command, project=project, **values)
        seen["words"].append(str(error.value))

    menu.run("new", project=project)
    for name in NAMES:
        shutil.copy(f"{data}/{name}/image.tif", f"{project}/Raw/{name}.tif")
    run("annotate")
    refused("annotate")  # nothing is drawn yet
    for name in DRAWN:
        manager.runCommand("Open", f"{folder}/{name}.zip")
        run("annotate")
    hosted.jimport("ij.WindowManager").getImage(f"{NAMES[2]}.tif").close()
    model = f"{folder}/model"
    menu.run("train", project=data, out=model, **(hosted.QUICK | {"epochs": 3}))
    found = run("correct", model=model)
    proposed = int(manager.getCount()) - 1
    manager.select(int(manager.getCount()) - 1)
    manager.runCommand("Delete")
    manager.addRoi(roi(100, 100, 20, 20))
    other = next(name for name in NAMES[2:] if name != found["name"])
    refused("correct", name=other)  # the first one is open
    run("correct", step="save")
    seen["retrained"] = run("correct", step="retrain", epochs=1)
    seen["titles"] = hosted.titles()
    return seen | {"proposed": proposed, "first": found["name"]}


@pytest.fixture(scope="module")
def loop(
    own_process: Any,
    shared_data: Path,
    small_project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("loop")
    for name in DRAWN:
        found = rois.trace(images.read_labels(small_project / name / "labels.tif"))
        rois.write(found, folder / f"{name}.zip")
    with hosted.no_leftovers():
        seen = own_process(_loop, *map(str, (small_project, folder)))
    return seen | {"project": folder / "project", "drawn": folder}


def test_each_image_is_opened_in_its_turn(loop: dict[str, Any]) -> None:
    assert loop["opened"][:3] == list(NAMES[:3])
    assert loop["first"] in NAMES[2:]


def test_what_was_drawn_is_stored_and_no_more(loop: dict[str, Any]) -> None:
    for name in DRAWN:
        stored = rois.read(loop["project"] / "Labeling" / name / "RoiSet.zip")
        drawn = rois.read(loop["drawn"] / f"{name}.zip")
        assert len(stored) == len(drawn)  # without the user's own


def test_the_users_roi_is_alone_again_after_each_image(loop: dict[str, Any]) -> None:
    proposed = loop["proposed"]
    assert proposed > 1
    assert loop["count"] == [1, 1, 1, 1 + proposed, 1, 1]


def test_corrections_are_stored_and_counted(loop: dict[str, Any]) -> None:
    stored = rois.read(loop["project"] / "Labeling" / loop["first"] / "RoiSet.zip")
    assert len(stored) == loop["proposed"]
    from imagej_dl import correction

    row = correction.status(loop["project"]).rows[0]
    changes = row.changes
    assert row.images == 1
    assert (changes.added, changes.deleted) == (1, 1)
    # the square that was drawn may lie on a proposed one
    assert changes.kept + changes.changed == loop["proposed"] - 1


def test_the_model_is_trained_on(loop: dict[str, Any]) -> None:
    round_1 = loop["project"] / "Corrections" / "models" / "round_1"
    assert (round_1 / "model.keras").is_file()
    assert Path(loop["retrained"]["model"]).is_dir()


def test_words_say_what_to_do(loop: dict[str, Any]) -> None:
    nothing, still_open = loop["words"]
    assert "press t" in nothing
    assert loop["first"] in still_open
    assert "is still open" in still_open
