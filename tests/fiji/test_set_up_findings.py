"""What `imagej-dl doctor` says of environments that Fiji's window of the first use made."""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
from pathlib import Path

import pytest
from java_mode import looks_like_a_fiji

from imagej_dl._version import __version__
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.fiji import compiled, diagnosis, installation, scripts, set_up, set_up_findings
from imagej_dl.fiji.updater import index

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its stand-ins are shell scripts")
SITE = """<pluginRecords><update-site name="Ours" url="http://server/dl/" timestamp="0"/>
<plugin update-site="Ours" filename="lib/imagej-dl/imagej-dl.jar"/></pluginRecords>"""


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own folder."""
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(compiled, "java", lambda fiji: None)
    (tmp_path / "user").mkdir()
    return tmp_path / "user"


@pytest.fixture
def fiji(tmp_path: Path) -> Path:
    """A Fiji that has the commands of version 1.2 from an update site."""
    home = looks_like_a_fiji(tmp_path / "Fiji")
    jar = home / scripts.JAR
    jar.parent.mkdir(parents=True)
    jar.write_bytes(compiled.pack({compiled.VERSION: b"1.2"}))
    (home / index.NAME).write_bytes(gzip.compress(SITE.encode()))
    return home


def python(path: Path, version: str | None) -> Path:
    """Write a stand-in for a Python with this version of imagej-dl; None: with none."""
    path.parent.mkdir(parents=True)
    says = "exit 1" if version is None else f"echo 'imagej-dl, version {version}'"
    path.write_text(f'#!/bin/sh\n[ "$*" = "-m imagej_dl --version" ] || exit 2\n{says}\n')
    path.chmod(0o755)
    return path


def made(folder: Path, recorded: str, has: str | None = "same", processor: str = "cpu") -> Path:
    """Make an environment that is recorded as ready."""
    python(folder / "env-1a2b3c4d/bin/python", recorded if has == "same" else has)
    record = {"version": recorded, "processor": processor, "environment": "env-1a2b3c4d"}
    (folder / set_up.RECORD).write_text(json.dumps(record))
    return folder


def told(home: Path | None) -> list[tuple[bool, str]]:
    return list(set_up_findings.found(home))


def test_nothing_is_there_yet(fiji: Path, user: Path) -> None:
    assert told(None) == []
    assert told(fiji) == [
        (False, f"none yet: the first command in Fiji installs one into {user / 'python'}")
    ]


def test_one_that_is_ready(fiji: Path, user: Path, tmp_path: Path) -> None:
    folder = made(user / "python", "1.2")
    words = f"imagej-dl 1.2 for the processor, in {folder}"
    assert told(fiji) == [(True, words + "; this Fiji uses it")]
    assert told(None) == [(True, words)]
    plain = looks_like_a_fiji(tmp_path / "Plain")
    assert told(plain) == [(True, words + "; this Fiji does not use it")]


def test_that_of_all_users_comes_before_the_users_own(
    fiji: Path, user: Path, tmp_path: Path
) -> None:
    made(user / "python", "1.2")
    common = made(tmp_path / "all" / set_up.OURS, "1.2", processor="cuda")
    (fiji / "config").mkdir()
    (fiji / set_up.SHARED).write_text(json.dumps({"folder": str(tmp_path / "all"), "gpu": "cuda"}))
    first, second = told(fiji)
    assert first == (True, f"imagej-dl 1.2 for the NVIDIA GPU, in {common}; this Fiji uses it")
    assert second[1].endswith("does not use it")
    assert len(told(None)) == 1  # of no Fiji, its users' settings are not known


@pytest.mark.parametrize(
    ("recorded", "has", "words"),
    [
        ("1.1", "1.1", r"has imagej-dl 1\.1, and this Fiji's commands are of 1\.2: .*Set Up"),
        ("1.2", None, r"made with imagej-dl 1\.2, which does not start: .*Install again"),
        ("1.2", "1.3", r"made with imagej-dl 1\.2, which is of version 1\.3: .*Install again"),
    ],
)
def test_one_that_does_not_fit(
    fiji: Path, user: Path, recorded: str, has: str | None, words: str
) -> None:
    made(user / "python", recorded, has)
    [(right, text)] = told(fiji)
    assert not right
    assert re.search(words, text), text


def test_without_its_python(fiji: Path, user: Path) -> None:
    folder = made(user / "python", "1.2")
    (folder / "env-1a2b3c4d/bin/python").unlink()
    # As the base of an environment that was uninstalled leaves it.
    os.symlink(folder / "gone", folder / "env-1a2b3c4d/bin/python")
    [(right, text)] = told(fiji)
    assert not right
    assert text.endswith("is not there any more: run ImageJ-DL Set Up in Fiji, which makes it anew")


@pytest.mark.parametrize("record", [None, "{", "[]", '{"version": 1}', '{"environment": "../x"}'])
def test_half_made(fiji: Path, user: Path, record: str | None) -> None:
    python(user / "python" / "env-1a2b3c4d" / "bin" / "python", "1.2")
    if record is not None:
        (user / "python" / set_up.RECORD).write_text(record)
    [(right, text)] = told(fiji)
    assert not right
    assert f"{user / 'python'} is half made. If no Fiji is installing" in text


def test_a_python_that_is_named(fiji: Path, user: Path, tmp_path: Path) -> None:
    made(user / "python", "1.2")
    settings = user / set_up.SETTINGS
    own = python(tmp_path / "own" / "python", "1.2")
    settings.write_text(json.dumps({"python": str(own)}))
    first, second = told(fiji)
    assert first == (True, f"imagej-dl 1.2, with {own}, which Fiji is set to use")
    assert second[1].endswith("this Fiji does not use it")
    python(tmp_path / "older" / "python", "1.1")
    settings.write_text(json.dumps({"python": str(tmp_path / "older" / "python")}))
    right, text = told(fiji)[0]
    assert not right
    assert text.endswith("-m pip install imagej-dl==1.2")
    assert told(None)[0][0]  # compared with no commands
    bare = python(tmp_path / "bare" / "python", None)
    settings.write_text(json.dumps({"python": str(bare)}))
    assert "has no imagej-dl, or does not start" in told(fiji)[0][1]
    bare.unlink()
    assert "is not there any more: run ImageJ-DL Set Up" in told(fiji)[0][1]


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_settings_that_are_damaged_are_named(fiji: Path, user: Path, text: str) -> None:
    (user / set_up.SETTINGS).write_text(text)
    [(right, words)] = told(fiji)
    assert not right
    assert str(user / set_up.SETTINGS) in words


def test_doctor_has_a_row_of_each(fiji: Path, user: Path) -> None:
    folder = made(user / "python", "1.1")
    commands, environment = diagnosis._commands(str(fiji))
    assert (commands.part, commands.found) == ("Commands", True)
    assert "imagej-dl 1.2 from the update site Ours" in commands.text
    assert (environment.part, environment.found) == ("Environment", False)
    assert str(folder) in environment.text
    # A Fiji that is not there is told of in another row.
    assert [one.part for one in diagnosis._commands(str(fiji / "nowhere"))] == ["Environment"]


def test_install_knows_where_its_python_came_from(
    user: Path, tmp_path: Path, fiji: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(user / "python", __version__)
    home = looks_like_a_fiji(tmp_path / "Plain")
    monkeypatch.setattr(sys, "executable", str(folder / "env-1a2b3c4d/bin/python"))
    with pytest.warns(DataWarning, match="was installed by ImageJ-DL Set Up"):
        installation.install(home)
    with pytest.raises(UserError, match=r"from the update site Ours.*Deactivate the site"):
        installation.uninstall(fiji)


def test_a_fiji_with_both_ways_is_told_nothing_of_use(fiji: Path, user: Path) -> None:
    made(user / "python", "1.2")
    manifest = fiji / installation.MANIFEST
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"files": {}, "folders": []}))
    [(right, words)] = told(fiji)
    assert right
    assert "this Fiji" not in words
