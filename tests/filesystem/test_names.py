"""Names: what systems leave beside files, accents of two kinds, and names as long as can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, project, rois
from imagej_dl.commands.labels import Labels
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.evaluation import pairing
from imagej_dl.filesystem import names
from imagej_dl.prediction import inputs
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.results import Results
from imagej_dl.progress import silent
from imagej_dl.training import find_pairs

NFC, NFD = (unicodedata.normalize(form, "Zelle_ä_é") for form in ("NFC", "NFD"))
LEFT = ("._a.tif", ".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/._a.tif", "__MACOSX/b.tif")


def picture(path: Path, value: int = 1) -> Path:
    made = np.zeros((20, 20), np.uint16)
    made[3:9, 3:9] = value
    images.write(images.make(made), path)
    return path


def foreign(folder: Path) -> None:
    """What macOS and Windows leave in a folder."""
    for name in LEFT:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0\5\x16\7")


def drawn(folder: Path, name: str, of: str | None = None) -> None:
    picture(folder / f"{name}.tif")
    square = rois.Roi("rectangle", "a", box=(3, 3, 6, 6))
    rois.write([square], folder / f"{of or name}.zip")


def test_what_is_data() -> None:
    assert all(
        not names.is_data(Path(name).parent / Path(name).name) or "/" in name for name in LEFT
    )
    assert names.is_data(Path("a.tif"))
    assert not names.is_data(Path("x/__MACOSX"))
    assert not names.is_data(Path("THUMBS.DB"))


def test_what_systems_leave_is_passed_over_in_silence(tmp_path: Path) -> None:
    project.create(tmp_path / "p")
    picture(tmp_path / "p" / "Raw" / "a.tif")
    flat, pairs, suite = tmp_path / "flat", tmp_path / "pairs", tmp_path / "suite"
    drawn(flat, "a")
    for part in ("images", "masks"):
        picture(pairs / part / "a.tif")
    picture(suite / "inputs" / "raw_001.tif")
    picture(suite / "labels" / "instance_ids_001.tif")
    for folder in (*(p for p in tmp_path.rglob("*") if p.is_dir()),):
        foreign(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        assert [item.part.name for item in project.prepare_all(tmp_path / "p")] == ["a"]
        assert [item.name for item in project.drawn(flat)] == ["a"]
        assert [item.name for item in project.pairs(pairs)] == ["a"]
        assert len(find_pairs(suite)) == 1
        assert [source.name for source in inputs.find([flat])] == ["a"]
        assert set(pairing.find(pairs / "masks")) == {"a"}


def test_a_folder_of_what_systems_leave_is_empty(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / ".DS_Store").write_bytes(b"x")
    project.create(tmp_path / "p")
    assert (tmp_path / "p" / "Raw").is_dir()


@pytest.mark.parametrize(("one", "other"), [(NFC, NFD), (NFD, NFC)])
def test_accents_of_two_kinds_are_one_name(tmp_path: Path, one: str, other: str) -> None:
    picture(tmp_path / "t" / "images" / f"{one}.tif")
    picture(tmp_path / "t" / "masks" / f"{other}.tif")
    assert len(project.pairs(tmp_path / "t")) == 1

    drawn(tmp_path / "flat", one, of=other)
    assert len(project.drawn(tmp_path / "flat")) == 1

    folder = tmp_path / "p" / "Labeling" / one
    picture(folder / "images" / f"{other}.tif")
    picture(tmp_path / "p" / "Raw" / f"{other}.tif")
    (made,) = project.prepare_all(tmp_path / "p")
    assert made.kept
    (sheet,) = project.sheets(tmp_path / "p")
    assert project.sheet(tmp_path / "p", NFC) == project.sheet(tmp_path / "p", NFD) == sheet

    for part, name in (("pred", one), ("truth", other)):
        picture(tmp_path / part / f"{name}.tif")
    assert len(pairing.pair(tmp_path / "pred", tmp_path / "truth")) == 1


@pytest.mark.parametrize(("one", "other"), [(NFC, NFD), (NFD, NFC)])
def test_tables_of_videos_name_files_with_accents(tmp_path: Path, one: str, other: str) -> None:
    from imagej_dl.suite import data

    for number in (1, 2):
        picture(tmp_path / "inputs" / f"{one}{number}.tif")
        picture(tmp_path / "labels" / f"{other}{number}.tif")
    table = "\ufeffVideo;Frame\r\n" + "".join(f"v_1-2;{other}{n}.tif\r\n" for n in (1, 2))
    (tmp_path / "videos2im_relation.csv").write_text(table, encoding="utf-8", newline="")
    (item,) = data.items(tmp_path, recurrent=True)
    assert item.name == "v_1-2"
    assert isinstance(item.image, images.read(tmp_path / "inputs" / f"{one}1.tif").__class__)
    assert item.image.sizes["T"] == 2


def test_a_table_of_videos_in_utf_16_is_named(tmp_path: Path) -> None:
    from imagej_dl.suite.videos import read_relation

    (tmp_path / "t.csv").write_text("Video;Frame\nv;a.tif\n", encoding="utf-16")
    with pytest.raises(UserError, match=r"t\.csv: is text in UTF-16.*Save it as UTF-8"):
        read_relation(tmp_path / "t.csv")


def test_json_with_a_mark_is_read_and_utf_16_named(tmp_path: Path) -> None:
    from imagej_dl.filesystem.atomic import load_json

    (tmp_path / "a.json").write_text('{"a": "ä"}', encoding="utf-8-sig")
    assert load_json(tmp_path / "a.json") == {"a": "ä"}
    (tmp_path / "a.json").write_text('{"a": "ä"}', encoding="utf-16")
    with pytest.raises(UserError, match="UTF-16"):
        load_json(tmp_path / "a.json")


def test_tables_of_names_of_other_languages_are_read(tmp_path: Path) -> None:
    text = "label;roi;name;type\r\n1;1;Größe;oval\r\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8-sig", newline="")
    assert rois.read_names(tmp_path / "a.csv") == {1: "Größe"}


@pytest.mark.parametrize("name", ["x" * 240, "ü" * 120, "x" * 251, "ü" * 125, "細" * 83])
def test_long_names_never_end_a_run(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "flat"
    drawn(folder, "b")
    drawn(folder, name)
    project.create(tmp_path / "p")
    for one in ("b", name):
        picture(tmp_path / "p" / "Raw" / f"{one}.tif")
    assert len(project.prepare_all(tmp_path / "p")) == 2
    Labels(source=folder, out=tmp_path / "out").run(silent)
    assert len(project.pairs(tmp_path / "out")) == 2
    results = Results(tmp_path / "out", rois=True, probabilities=True)
    results.refuse(inputs.find([folder]))  # says nothing of names
    with pytest.raises(UserError, match=r"has a name that is too long: .* Rename the file"):
        results.need_names(Source(folder / f"{name}.tif", name))
    results.need_names(Source(folder / "b.tif", "b"))


def test_a_label_map_of_too_long_a_name_is_said(tmp_path: Path) -> None:
    item = project.Drawn("y" * 252, picture(tmp_path / "a.tif"), tmp_path / "b.zip")
    with pytest.warns(DataWarning, match="has a name that is too long.*It is left out"):
        assert project.fitting([item], tmp_path) == []


@pytest.mark.parametrize("name", ["-a", "a b", "p%d%s#1", "it's", 'say "x"', "new\nline", "a.b.c"])
def test_names_of_all_kinds_go_through(tmp_path: Path, name: str) -> None:
    drawn(tmp_path / "flat", name)
    Labels(source=tmp_path / "flat", out=tmp_path / "out").run(silent)
    (pair,) = project.pairs(tmp_path / "out")
    assert pair.name == name
    assert pair.labels.with_suffix(".csv").name == f"{name}.csv"
    assert images.read_labels(pair.labels).values.max() == 1


def test_cut_leaves_whole_letters() -> None:
    assert names.cut("ü" * 200, 11) == "ü" * 122
    assert names.cut("short", 11) == "short"


@pytest.mark.slow
@pytest.mark.thorough(except_for=["utf-8:strict"])
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="their names are Unicode")
@pytest.mark.parametrize("coding", ["utf-8:strict", "ascii:strict", "cp1252:strict"])
def test_names_that_the_terminal_cannot_show_end_no_run(tmp_path: Path, coding: str) -> None:
    name = os.fsdecode("Größe-細".encode() + b"-\xe4")  # of another encoding
    drawn(tmp_path / "flat", name)
    command = [sys.executable, "-m", "imagej_dl"]
    env = {**os.environ, "PYTHONIOENCODING": coding}
    masks = tmp_path / "out" / "masks"
    for more in (
        ["labels", str(tmp_path / "flat"), "--out", str(tmp_path / "out")],
        ["evaluate", "--pred", str(masks), "--truth", str(masks), "--json", str(tmp_path / "s")],
    ):
        done = subprocess.run([*command, *more], env=env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
    scores = json.loads((tmp_path / "s").read_text(encoding="utf-8"))
    assert list(scores["images"]) == [name]
