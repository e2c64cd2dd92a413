"""Each place that a command writes to is made a link to outside: nothing there is changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from imagej_dl import UserError, commands, images, rois
from imagej_dl.progress import silent

Run = Callable[[Path], None]


def run(name: str, **values: Any) -> None:
    commands.load(name).declare(values).run(silent)


def movie() -> np.ndarray:
    array = np.zeros((3, 32, 32), np.uint16)
    for frame, plane in enumerate(array):
        plane[4 + frame : 10 + frame, 4:10] = 1
        plane[18:26, 16 + frame : 22 + frame] = 2
    return array


def inputs(folder: Path) -> None:
    """Write what the commands are given; the project and `out` are the stranger's."""
    folder.mkdir()
    images.write(images.make(movie(), "TYX"), folder / "movie.tif")
    tifffile.imwrite(folder / "labels.tif", movie()[0])
    drawn = folder / "project" / "Labeling" / "cell"
    (drawn / "images").mkdir(parents=True)
    tifffile.imwrite(drawn / "images" / "cell.tif", np.zeros((32, 32), np.uint8))
    rois.write([rois.Roi("rectangle", "a", box=(4, 4, 16, 16))], drawn / "RoiSet.zip")
    (folder / "project" / "Raw").mkdir()
    raw = folder / "project" / "Raw" / "new.tif"
    tifffile.imwrite(raw, movie(), photometric="minisblack")
    (folder / "videos" / "inputs").mkdir(parents=True)
    shutil.copyfile(folder / "movie.tif", folder / "videos" / "inputs" / "movie.tif")


def _labels(folder: Path) -> None:
    run("labels", source=folder / "project", overwrite=True)


def _labels_out(folder: Path) -> None:
    run("labels", source=folder / "project", out=folder / "out", overwrite=True)


def _prepare(folder: Path) -> None:
    run("prepare", project=folder / "project", overwrite=True)


def _track(folder: Path) -> None:
    run(
        "track",
        labels=folder / "movie.tif",
        out=folder / "out",
        engine="embedded",
        overwrite=True,
    )


def _rois(folder: Path) -> None:
    run("rois", labels=folder / "labels.tif", out=folder / "out" / "RoiSet.zip", overwrite=True)


def _evaluate(folder: Path) -> None:
    out = folder / "out" / "report.json"
    run(
        "evaluate",
        pred=folder / "labels.tif",
        truth=folder / "labels.tif",
        json=out,
        overwrite=True,
    )


def _fill_gaps(folder: Path) -> None:
    out = folder / "out" / "filled.tif"  # of objects that are small
    run("fill-gaps", labels=folder / "movie.tif", out=out, smallest=1, overwrite=True)


def _frames(folder: Path) -> None:
    run("frames", action="split", folder=folder / "videos", out=folder / "out", overwrite=True)


def _corrections(folder: Path) -> None:
    tracks = folder / "tracked" / "tracks.xml"
    if not tracks.exists():
        run("track", labels=folder / "movie.tif", out=tracks.parent, engine="embedded")
    run("corrections", tracks=tracks, out=folder / "out", overwrite=True)


def _new(folder: Path) -> None:
    run("new", project=folder / "out")


COMMANDS: list[Run] = [
    _labels,
    _labels_out,
    _prepare,
    _track,
    _rois,
    _evaluate,
    _fill_gaps,
    _frames,
    _corrections,
    _new,
]


def _content(folder: Path) -> dict[str, bytes | None]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None
        for p in folder.rglob("*")
    }


def _outside(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    (folder / "keys").write_text("mine")
    for name in ("tracked.tif", "cell.tif", "cell.csv", "RoiSet.zip", "inner/mask000.tif"):
        (folder / name).write_text("mine, too")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_no_place_is_written_through(command: Run, tmp_path: Path) -> None:
    inputs(tmp_path / "clean")
    before = set(_content(tmp_path / "clean"))
    command(tmp_path / "clean")
    made = sorted(set(_content(tmp_path / "clean")) - before)
    made = [name for name in made if not name.startswith("tracked")]
    assert made
    folders = {name for name in made if (tmp_path / "clean" / name).is_dir()}
    outside = _outside(tmp_path / "outside")
    mine = _content(outside)
    tried = 0
    for number, name in enumerate(made):
        for target in [outside] if name in folders else [outside / "keys", outside / "absent"]:
            again = tmp_path / f"again{number}-{target.name}"
            inputs(again)
            if (tmp_path / "clean" / "tracked").exists():  # tracking takes seconds
                shutil.copytree(tmp_path / "clean" / "tracked", again / "tracked")
            place = again / name
            if place == again / "out":
                continue  # which the user names
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
            tried += 1
            with suppress(UserError):  # or the link itself is replaced
                command(again)
            assert _content(outside) == mine, f"{name} -> {target}"
    assert tried
