"""Two runs never write into one folder; what the dead held is taken over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from imagej_dl import UserError
from imagej_dl.filesystem import locks, processes, temporaries

GONE = replace(processes.this(), number=2**22 + 1)


def left(out: Path, process: processes.Process, age: float = 0.0) -> Path:
    lock = locks.place_of(out)
    lock.write_text(
        json.dumps({"process": str(process), "host": "far", "what": "a training", "since": 0.0})
    )
    os.utime(lock, (time.time() - age,) * 2)
    return lock


def test_the_second_is_refused_with_a_word_about_the_first(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = (
        "import sys; from imagej_dl.filesystem import locks\n"
        "with locks.held(sys.argv[1], 'a training'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    words = rf"out: another imagej-dl is writing.*a training, process {other.pid} on this computer"
    with pytest.raises(UserError, match=words), locks.held(out, "a search"):
        pass
    other.kill()
    other.wait()
    with locks.held(out, "a search"):  # it can say nothing any more, and is seen to be gone
        assert locks.holder(locks.place_of(out)) is not None
    assert list(tmp_path.iterdir()) == []
    assert other.stdin is not None
    other.stdin.close()
    other.stdout.close()


def test_links_to_a_folder_are_the_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with (
        locks.held(tmp_path / "real", "one"),
        pytest.raises(UserError, match="is writing"),
        locks.held(tmp_path / "link", "two"),
    ):
        pass


def test_locks_of_the_dead_are_taken_over(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dead = [GONE]
    if processes.this().boot != "0":
        dead.append(replace(processes.this(), boot="abcdef"))
    if processes.this().started != "0":
        dead.append(replace(processes.this(), started="1"))
    for process in dead:
        left(out, process)
        with locks.held(out, "a training"):
            pass
        assert list(tmp_path.iterdir()) == []
    locks.place_of(out).write_text("")  # the disk was full
    os.utime(locks.place_of(out), (1, 1))
    with locks.held(out, "a training"):
        pass


def test_locks_that_killed_runs_left_beside_it_are_removed(tmp_path: Path) -> None:
    dead = left(tmp_path / "other", GONE)
    far = left(tmp_path / "far", replace(GONE, host="012345"))
    with locks.held(tmp_path / "alive", "one"), locks.held(tmp_path / "out", "two"):
        temporaries._swept.clear()
        locks.sweep(tmp_path)
        assert locks.place_of(tmp_path / "alive").exists()
    assert not dead.exists()
    assert far.exists()


def test_another_machines_lock_holds_while_it_is_renewed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lock = left(out, replace(GONE, host="012345"), age=60)
    with (
        pytest.raises(UserError, match=rf"on far, .*not running any more, delete {lock}"),
        locks.held(out, "a training"),
    ):
        pass
    left(out, replace(GONE, host="012345"), age=2 * locks.SILENT)
    with locks.held(out, "a training"):
        pass


def test_a_lock_shows_that_its_holder_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "RENEWED", 0.05)
    lock = locks.place_of(tmp_path / "out")
    with locks.held(tmp_path / "out", "a training"):
        os.utime(lock, (1, 1))
        time.sleep(0.5)
        assert lock.stat().st_mtime > time.time() - 60


def test_of_many_that_find_a_dead_lock_one_at_a_time_gets_in(tmp_path: Path) -> None:
    inside, most, failed = 0, 0, 0
    left(tmp_path / "out", GONE)

    def enter() -> None:
        nonlocal inside, most, failed
        for _ in range(10):
            try:
                with locks.held(tmp_path / "out", "one", wait=30):
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.001)
                    inside -= 1
            except UserError:
                failed += 1

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, failed) == (1, 0)
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_link_a_lock_is_one_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    with (
        locks.held(tmp_path / "out", "one"),
        pytest.raises(UserError, match="is writing"),
        locks.held(tmp_path / "out", "two"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
