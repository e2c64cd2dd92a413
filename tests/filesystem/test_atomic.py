"""What the user has is there after every failure: writing is whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagej_dl import UserError
from imagej_dl.filesystem import atomic as files


def make(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def content(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()
    }


def test_new_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    def fail() -> None:
        with files.atomic_folder(tmp_path / "out") as folder:
            make(folder, a="a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []
    with files.atomic_folder(tmp_path / "out") as folder:
        make(folder, a="a", b__c="c")
    assert content(tmp_path / "out") == {"a": "a", "b/c": "c"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_existing_folder_is_refused_unless_asked(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="already there"),
        files.atomic_folder(make(tmp_path / "out", a="a")),
    ):
        pass


def test_overwriting_keeps_what_is_not_ours(tmp_path: Path) -> None:
    out = make(
        tmp_path / "out", a="old", mine="m", CTC__GT__t="t", CTC__RES__m1="1", CTC__RES__m2="2"
    )
    with files.atomic_folder(out, overwrite=True) as folder:
        make(folder, a="new", CTC__RES__m1="new")
    # A folder of files alone is replaced as a whole: m2 was of the result before.
    assert content(out) == {"a": "new", "mine": "m", "CTC/GT/t": "t", "CTC/RES/m1": "new"}


@pytest.mark.parametrize("place", ["link", "here"])
def test_links_and_the_working_folder(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = make(tmp_path / "real", mine="m")
    out = Path(".")
    if place == "link":
        out = tmp_path / "link"
        out.symlink_to(real)
    else:
        monkeypatch.chdir(real)
    with files.atomic_folder(out, overwrite=True) as folder:
        make(folder, a="a")
    assert content(real) == {"a": "a", "mine": "m"}


def test_failure_while_replacing_puts_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {"a": "old", "b": "old", "c": "old", "mine": "m"}
    out = make(tmp_path / "out", **before)
    real, calls = os.replace, []

    def flaky(source: object, target: object) -> None:
        calls.append(target)
        if len(calls) == 4:
            raise PermissionError(13, "Permission denied", str(target))
        real(source, target)  # type: ignore[arg-type]

    def replace_all() -> None:
        with files.atomic_folder(out, overwrite=True) as folder:
            make(folder, a="new", b="new", c="new")

    monkeypatch.setattr(os, "replace", flaky)
    with pytest.raises(UserError, match="cannot be written here"):
        replace_all()
    monkeypatch.undo()
    assert content(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_file_where_a_folder_should_be_and_the_other_way(tmp_path: Path) -> None:
    make(tmp_path, file="f")
    with (
        pytest.raises(UserError, match="is a file"),
        files.atomic_folder(tmp_path / "file", overwrite=True),
    ):
        pass
    with (
        pytest.raises(UserError, match="has a file in place"),
        files.atomic(tmp_path / "file" / "x"),
    ):
        pass
    with pytest.raises(UserError, match="is a folder"), files.atomic(tmp_path):
        pass
    with pytest.raises(UserError, match="too long"):
        files.refuse_existing(tmp_path / ("x" * 300), False)
    assert content(tmp_path) == {"file": "f"}


def test_inputs_are_not_written_over(tmp_path: Path) -> None:
    make(tmp_path, data__a="a")
    source = tmp_path / "data" / "a"
    with pytest.raises(UserError, match="over the input"):
        files.refuse_input(source, source)
    with pytest.raises(UserError, match="over the input"):
        files.refuse_input(tmp_path / "data", source)
    files.refuse_input(tmp_path / "other", source, None)


def test_a_key_that_is_there_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"epochs": 3, "settings": {"steps": 1, "steps": 2}}')
    with pytest.raises(UserError, match=r"a\.json: has the key steps twice"):
        files.load_json(tmp_path / "a.json")
