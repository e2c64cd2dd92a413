"""What killed runs leave is removed by the next, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from killed_replacement import killed_at

from imagej_dl import UserError
from imagej_dl.filesystem import atomic as files
from imagej_dl.filesystem import processes, temporaries

GONE = replace(processes.this(), number=2**22 + 1)


def named(process: processes.Process, of: str = "x.tif") -> str:
    return f".imagej-dl-{process}-0123abcd-{of}"


def test_processes_are_told_apart() -> None:
    me = processes.this()
    assert me.alive()
    assert not GONE.alive()
    assert not replace(me, boot="abc123" if me.boot != "0" else "f00").alive()
    assert replace(me, host="012345").alive() is None
    if me.started != "0":
        assert not replace(me, started=f"{me.started}1").alive()  # the number came again
    assert processes.of(*str(me).split("-")) == me


def test_what_is_left_is_removed_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    away = replace(GONE, host="012345")
    mine = [".imagej-dl-x", "imagej-dl-notes.txt", ".imagej-dl.lock", "a.tif"]
    kept = [named(processes.this()), named(away, "young"), *mine]
    removed = [named(GONE), named(away, "old")]
    for name in (*kept, *removed):
        (tmp_path / name).write_text("x")
    (tmp_path / named(GONE, "folder")).mkdir()
    os.utime(tmp_path / named(away, "old"), (time.time() - 2 * temporaries.OLD,) * 2)
    with files.atomic(tmp_path / "new.txt") as path:
        path.write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*kept, "new.txt"])


def test_a_link_that_is_called_so_is_removed_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("m")
    place = tmp_path / "place"
    place.mkdir()
    (place / named(GONE)).symlink_to(other)
    files.heal(place)
    assert list(place.iterdir()) == []
    assert (other / "mine").read_text() == "m"


def test_scratch_folders_of_killed_runs_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import os, tempfile; from imagej_dl.filesystem import temporaries\n"
        "print(tempfile.mkdtemp(prefix=temporaries.prefix('web')), flush=True); os._exit(9)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.strip(), done.stderr
    assert Path(done.stdout.strip()).is_dir()
    with tempfile.TemporaryDirectory(prefix=temporaries.prefix()):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("at", range(1, 20))
def test_a_folder_that_was_being_replaced_is_finished(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its nth rename a replacement is old, or whole once it is looked at again."""
    out = tmp_path / "out"
    old = {"a": "old", "c/d/e": "old", "mine": "m"}
    new = {"a": "new", "b": "new", "c/d/e": "new", "c/f": "new"}
    for name, text in old.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)

    def replace() -> None:
        with files.atomic_folder(out, overwrite=True) as folder:
            for name, text in new.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)

    killed_at(at, replace)
    files.heal(out)
    found = {p.relative_to(out).as_posix(): p.read_text() for p in out.rglob("*") if p.is_file()}
    assert found == (old if at == 1 else {"mine": "m", **new})


def test_several_files_come_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")

    def write(**options: bool) -> None:
        with files.together(tmp_path, **options) as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / "new").write_text("n")
            (folder / "there").write_text("n")

    with pytest.raises(UserError, match="there: is already there"):
        write()
    assert {p.name for p in tmp_path.iterdir()} == {"there"}
    write(overwrite=True)
    assert (tmp_path / "there").read_text() == (tmp_path / "deep" / "new").read_text() == "n"
    assert {p.name for p in tmp_path.iterdir()} == {"there", "deep"}


@pytest.mark.parametrize("move", ["../evil", "/evil", "link/evil", "..\\evil"])
def test_a_strangers_list_moves_nothing_out_of_its_folder(tmp_path: Path, move: str) -> None:
    home = tmp_path / "home"
    left = home / named(GONE, "")
    (left / "new" / "link").mkdir(parents=True)
    (left / "new" / "link" / "evil").write_text("x")
    (left / "evil").write_text("x")
    (home / "link").symlink_to(tmp_path)
    (left / temporaries.MOVES).write_text(json.dumps({"from": "new", "moves": [move]}))
    files.heal(home)
    assert not (tmp_path / "evil").exists()
    assert not Path("/evil").exists()
