"""A real Fiji's own updater takes the commands from our update site, and takes them out again."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import screen
from driven import drive
from java_mode import copy_of
from java_mode import fiji as java_fiji
from updater_java import files, served, updater

from imagej_dl.errors import UserError
from imagej_dl.fiji import compiled, installation, scripts, ways
from imagej_dl.fiji.updater import site

pytestmark = pytest.mark.fiji

MACRO = "macros/ImageJ-DL/Make_Masks.ijm"
GONE = "macros/ImageJ-DL/Annotate.ijm"
NEW = "macros/ImageJ-DL/New.ijm"
ANY = compiled.pack({"imagejdl/Any.class": b"1", "a.properties": b"#\n#1\n\n#2\n##3\nb=c\n"})


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The update site of this version, with the real jars, on a web server."""
    folder = tmp_path_factory.mktemp("served") / "site"
    site.build(folder)
    with served(folder) as address:
        yield folder, address


@pytest.fixture(scope="module")
def followed(
    ours: tuple[Path, str], fiji_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the Fiji in which the updater has installed that site."""
    home = copy_of(fiji_home, tmp_path_factory.mktemp("followed") / "Fiji")
    updater(home, "add-update-site", "ImageJ-DL", ours[1])
    updater(home, "update")
    return home


def test_the_updater_installs_updates_and_removes(
    fiji_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(fiji_home, tmp_path / "Fiji")
    before = files(home)
    folder = tmp_path / "site"
    folder.mkdir()
    first = scripts.of_site()
    site.build(folder, ANY, ANY)
    with served(folder) as address:
        updater(home, "add-update-site", "ImageJ-DL", address)
        updater(home, "update")
        jars = {scripts.JAR: ANY, scripts.APPOSE: ANY}
        assert files(home) == before | first | jars

        # The clock of the second build is behind: what is new must come all the same.
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
        second = first | {MACRO: b"// second", NEW: b"// new"}
        del second[GONE]
        monkeypatch.setattr(scripts, "of_site", lambda: second)
        front = compiled.pack({"imagejdl/Any.class": b"2"})
        site.build(folder, front, ANY)
        listed = updater(home, "list")
        assert f"{MACRO}\t(UPDATEABLE)" in listed
        assert f"{GONE}\t(OBSOLETE)" in listed
        assert not [line for line in listed.splitlines() if "ImageJ-DL" in line and "MODIF" in line]
        updater(home, "update")
        jars[scripts.JAR] = front
        assert files(home) == before | second | jars

        # Deactivated, the site's files go at Fiji's next start, which the second call stands for.
        updater(home, "deactivate-update-site", "ImageJ-DL")
        updater(home, "update")
    assert files(home) == before


def test_a_command_of_the_site_runs_in_the_python_that_is_named(
    followed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    name_python(tmp_path, Path(sys.executable))
    before = files(followed)
    macro = tmp_path / "new.ijm"
    macro.write_text(f'run("ImageJ-DL New project", "project=[{tmp_path}/made]");')
    done = java_fiji(followed, "--headless", "-macro", str(macro))
    assert (tmp_path / "made").is_dir(), done.stdout + done.stderr
    assert files(followed) == before


def test_a_fiji_without_appose_uses_the_sites(
    followed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(followed, tmp_path / "Fiji")
    for name in ("appose", "scripting-python"):
        next((home / "jars").glob(f"{name}-*.jar")).unlink()
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    name_python(tmp_path, Path(sys.executable))
    macro = tmp_path / "labels.ijm"
    macro.write_text(
        'newImage("a", "8-bit black", 32, 32, 1); makeRectangle(4, 4, 9, 9); '
        'run("Add Selection..."); run("ImageJ-DL Make label maps"); '
        f'File.saveString(getTitle() + " " + getValue("Max"), "{tmp_path}/told.txt");'
    )
    done = java_fiji(home, "--headless", "-macro", str(macro))
    assert (tmp_path / "told.txt").is_file(), done.stdout + done.stderr
    # An image went to Python and a label map came back, through the site's shared memory.
    assert (tmp_path / "told.txt").read_text() == "a-labels 1"


def test_another_version_in_python_is_told_at_once(
    followed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(followed, tmp_path / "Fiji")
    jar = home / scripts.JAR
    repack(jar, {compiled.VERSION: b"9.9"})
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    name_python(tmp_path, Path(sys.executable))
    macro = tmp_path / "new.ijm"
    macro.write_text(f'run("ImageJ-DL New project", "project=[{tmp_path}/made]");')
    done = java_fiji(home, "--headless", "-macro", str(macro))
    assert done.returncode != 0
    assert "commands of this Fiji are of version 9.9" in done.stdout + done.stderr
    assert not (tmp_path / "made").exists()


def test_both_ways_in_one_fiji_are_found_and_one_is_refused(followed: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has the commands from the update site ImageJ-DL \(http"):
        installation.install(followed)
    right, words = ways.found(followed)
    assert right
    assert "from the update site ImageJ-DL (http://127.0.0.1" in words
    home = copy_of(followed, tmp_path / "Fiji")
    shutil.rmtree(home / scripts.SCRIPTS)
    jar = (home / scripts.JAR).rename(tmp_path / "jar")
    installation.install(home)
    assert ways.found(home)[0]
    jar.rename(home / scripts.JAR)
    right, words = ways.found(home)
    assert not right
    assert words.startswith("twice")


@screen
def test_an_installed_front_is_not_compiled_again(
    fiji_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(fiji_home, tmp_path / "Fiji")
    installation.install(home)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seen = drive(home, tmp_path, 'def dialog = choose("ImageJ-DL Train"); out.title = dialog.title')
    assert seen["title"] == "ImageJ-DL Train"
    assert not (tmp_path / "cache" / "imagej-dl").exists()
    installation.uninstall(home)
    assert files(home) == files(fiji_home)


def name_python(folder: Path, python: Path) -> None:
    """Tell the commands of a site their Python, as the window of the first use does."""
    text = '{"python": "' + python.as_posix() + '"}'
    (folder / "environment.json").write_text(text, encoding="utf-8")


def repack(jar: Path, changed: dict[str, bytes]) -> None:
    """Change files in a jar, in a copy of its own."""
    import zipfile

    with zipfile.ZipFile(jar) as file:
        data = {name: file.read(name) for name in file.namelist() if not name.startswith("META")}
    os.unlink(jar)
    jar.write_bytes(compiled.pack(data | changed))
