"""No write follows a link out of the project or result folder, whatever a stranger put there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imagej_dl import UserError, commands, rois
from imagej_dl.filesystem import atomic as files
from imagej_dl.filesystem import containment
from imagej_dl.progress import silent


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "keys").write_text("mine")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one image and its RoiSet."""
    folder = tmp_path / "project" / "Labeling" / "cell"
    (folder / "images").mkdir(parents=True)
    tifffile.imwrite(folder / "images" / "cell.tif", np.zeros((32, 32), np.uint8))
    square = rois.Roi("rectangle", "a", box=(4, 4, 16, 16))
    rois.write([square], folder / "RoiSet.zip")
    return tmp_path / "project"


def content(folder: Path) -> dict[str, bytes]:
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def run(name: str, **values: object) -> None:
    commands.load(name).declare(values).run(silent)


@pytest.mark.parametrize("target", ["keys", "new"])
@pytest.mark.parametrize(
    "link",
    ["Processed", "Processed/masks", "Processed/masks/cell.csv", "Processed/images/cell.tif"],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_labels_writes_nothing_outside(
    project: Path, outside: Path, link: str, target: str, overwrite: bool
) -> None:
    place = project / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(outside if link in ("Processed", "Processed/masks") else outside / target)
    before = content(outside)
    with pytest.raises(UserError, match=r"leads out|already there|not a readable"):
        run("labels", source=project, overwrite=overwrite)
    assert content(outside) == before


def test_labels_follows_no_link_in_place_of_the_whole_folder(project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (project / "Processed").symlink_to(tmp_path / "elsewhere")
    for overwrite in (False, True):
        with pytest.raises(UserError, match=r"Processed: is a link that leads out of"):
            run("labels", source=project, overwrite=overwrite)
    assert not any((tmp_path / "elsewhere").iterdir())


def test_folder_that_user_names_may_be_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").symlink_to(project)
    (tmp_path / "big").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "big")
    run("labels", source=tmp_path / "disk")
    assert (project / "Processed" / "masks" / "cell.tif").is_file()
    run("labels", source=project, out=tmp_path / "out")
    assert (tmp_path / "big" / "masks" / "cell.tif").is_file()
    image = project / "Processed" / "images" / "cell.tif"
    rois = next(project.rglob("*RoiSet.zip"))
    run("labels", source=image, roiset=rois, out=tmp_path / "out" / "one.tif")
    assert (tmp_path / "big" / "one.tif").is_file()


def test_link_within_the_project_is_followed(project: Path) -> None:
    (project / "store").mkdir()
    (project / "Processed").symlink_to("store")
    run("labels", source=project)
    assert (project / "store" / "masks" / "cell.tif").is_file()


def test_link_as_result_file(project: Path, outside: Path, tmp_path: Path) -> None:
    folder = project / "Labeling" / "cell"
    out = tmp_path / "out" / "l.tif"
    out.parent.mkdir()
    out.symlink_to(outside / "keys")
    with pytest.raises(UserError, match="leads out"):
        run(
            "labels",
            source=folder / "images" / "cell.tif",
            roiset=folder / "RoiSet.zip",
            out=out,
            overwrite=True,
        )
    assert (outside / "keys").read_text() == "mine"


@pytest.mark.parametrize("name", ["RoiSet.zip", "RoiSet_backups"])
def test_saving_rois(project: Path, outside: Path, tmp_path: Path, name: str) -> None:
    from imagej_dl import project as projects

    folder = project / "Labeling" / "cell"
    given = tmp_path / "given.zip"
    rois.write([rois.Roi("rectangle", "b", box=(1, 1, 9, 9))], given)
    if name == "RoiSet.zip":
        (outside / name).write_bytes((folder / name).read_bytes())
        (folder / name).unlink()
        (folder / name).symlink_to(outside / name)
    else:
        (folder / name).symlink_to(outside)
    before = content(outside)
    with pytest.raises(UserError, match="leads out"):
        projects.save_rois(project, "cell", given)
    assert content(outside) == before


def test_hard_links_are_not_written_through(project: Path, outside: Path) -> None:
    masks = project / "Processed" / "masks"
    masks.mkdir(parents=True)
    os.link(outside / "keys", masks / "cell.csv")
    run("labels", source=project, overwrite=True)
    assert (outside / "keys").read_text() == "mine"
    assert (masks / "cell.csv").read_text() != "mine"


def test_merging_into_a_linked_folder(tmp_path: Path, outside: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "CTC").symlink_to(outside)
    before = content(outside)

    def write() -> None:
        with files.atomic_folder(out, overwrite=True) as new:
            (new / "CTC" / "01_RES").mkdir(parents=True)
            (new / "CTC" / "01_RES" / "t").write_text("t")

    with containment.named([out]), pytest.raises(UserError, match="leads out"):
        write()
    assert content(outside) == before


def test_circular_and_relative_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UserError), files.atomic(tmp_path / "a" / "file") as path:
        path.write_text("x")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "up").symlink_to("../above")
    with (
        containment.named([tmp_path / "deep"]),
        pytest.raises(UserError, match="leads out"),
        files.atomic(tmp_path / "deep" / "up" / "file") as path,
    ):
        path.write_text("x")
    assert not (tmp_path / "above").exists()


def test_inner_name_counts(tmp_path: Path, outside: Path) -> None:
    """Who names a link within a project as the place of a result means where it leads."""
    (tmp_path / "project").mkdir()
    out = tmp_path / "project" / "out"
    out.symlink_to(outside)
    with (
        containment.named([tmp_path / "project", out]),
        files.atomic(out / "result") as path,
    ):
        path.write_text("x")
    assert (outside / "result").is_file()
