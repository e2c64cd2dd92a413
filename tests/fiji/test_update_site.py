"""The update site as a folder: its index, its checksums, its history. (Fiji: test_updater.py.)"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from java_mode import looks_like_a_fiji

from imagej_dl._version import __version__
from imagej_dl.cli import cli
from imagej_dl.commands.menu import MENU
from imagej_dl.errors import UserError
from imagej_dl.fiji import compiled, installation, scripts, ways
from imagej_dl.fiji.updater import index, site
from imagej_dl.fiji.updater.checksums import _without_comments, checksum

FRONT = compiled.pack({"imagejdl/Front.class": b"one", compiled.VERSION: b"0.1.0"})
APPOSE = compiled.pack({"org/apposed/appose/Appose.class": b"1"})
MACRO = "macros/ImageJ-DL/Make_Masks.ijm"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")


def tree(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def records(folder: Path) -> dict[str, index.Record]:
    return {record.path: record for record in index.read(folder / index.NAME)}


def change(monkeypatch: pytest.MonkeyPatch, **macros: bytes | None) -> None:
    """Let the next site have these macros besides, or in place of those of their names."""
    wanted = {f"macros/ImageJ-DL/{name}.ijm": data for name, data in macros.items()}
    files = scripts.of_site() | wanted
    kept = {path: data for path, data in files.items() if data is not None}
    monkeypatch.setattr(scripts, "of_site", lambda: kept)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    site.build(tmp_path / "a", FRONT, APPOSE)
    site.build(tmp_path / "b", FRONT, APPOSE)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*")}
    done = site.build(tmp_path / "b", FRONT, APPOSE)
    assert not done.new + done.changed + done.removed
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("*")} == before


def test_each_file_lies_under_its_name_and_time(tmp_path: Path) -> None:
    site.build(tmp_path, FRONT, APPOSE)
    found = records(tmp_path)
    wanted = scripts.of_site() | {scripts.JAR: FRONT, scripts.APPOSE: APPOSE}
    assert found.keys() == wanted.keys()
    assert len(found) == len(MENU) + 2 + len(list(scripts.macros().glob("*.ijm"))) + 2
    for path, data in wanted.items():
        assert (tmp_path / f"{path}-20260921141320").read_bytes() == data
        assert found[path].size == len(data)
    assert len(tree(tmp_path)) == len(wanted) + 1
    assert set(found[scripts.JAR].needed) == wanted.keys() - {scripts.JAR}
    assert __version__ in found[scripts.JAR].description


def test_history_is_kept_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.build(tmp_path, FRONT, APPOSE)
    first = records(tmp_path)[MACRO].current
    assert first is not None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")  # long before
    change(monkeypatch, Make_Masks=b"2", Annotate=None, New=b"new")
    done = site.build(tmp_path, FRONT, APPOSE)
    assert (done.changed, done.removed) == ([MACRO], ["macros/ImageJ-DL/Annotate.ijm"])
    assert done.new == ["macros/ImageJ-DL/New.ijm"]
    found = records(tmp_path)
    assert found[MACRO].current == index.Version(first.timestamp + 1, checksum(MACRO, b"2"))
    previous = index.Version(first.timestamp, first.checksum, first.timestamp + 1)
    assert found[MACRO].previous == [previous]
    gone = found["macros/ImageJ-DL/Annotate.ijm"]
    assert gone.current is None
    assert len(gone.previous) == 1
    assert (tmp_path / f"{MACRO}-{first.timestamp}").is_file()  # the updater can go back to it
    assert found["macros/ImageJ-DL/Track_Video.ijm"].current.timestamp == first.timestamp
    # What was removed may come again, with its history.
    change(monkeypatch, Annotate=b"again")
    done = site.build(tmp_path, FRONT, APPOSE)
    assert done.new == ["macros/ImageJ-DL/Annotate.ijm"]
    assert len(records(tmp_path)["macros/ImageJ-DL/Annotate.ijm"].previous) == 1


def test_a_jar_packed_anew_is_the_same_version(tmp_path: Path) -> None:
    site.build(tmp_path, FRONT, APPOSE)
    before = tree(tmp_path)
    stored = FRONT + b""
    other = compiled.pack({"imagejdl/Front.class": b"one", compiled.VERSION: b"0.1.0"})
    assert site.build(tmp_path, other, APPOSE).same
    longer = _with_comment(stored)
    assert len(longer) != len(FRONT)
    assert not site.build(tmp_path, longer, APPOSE).changed
    assert tree(tmp_path) == before


def _with_comment(jar: bytes) -> bytes:
    import io
    import zipfile

    made = io.BytesIO(jar)
    with zipfile.ZipFile(made, "a") as file:
        file.comment = b"packed by another"
    return made.getvalue()


# Computed by net.imagej.updater.util.UpdaterUtil.getDigest of imagej-updater 2.0.1.
def test_checksums_are_the_updaters() -> None:
    assert checksum("macros/a.ijm", b"print(1);\n") == "e787a05edec8b76e9599ff01a61044612171e81b"
    jar = compiled.pack(
        {
            "a/B.class": b"\xca\xfe",
            "a/pom.properties": b"#\n#Sun\n\n#kept\nversion=1\n##two\n#x\n#y\n",
        }
    )
    assert checksum("lib/x.jar", jar) == "e40ed705d4dbe199d88240fe032b65ec4102cbd1"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"a=1\n#c\nb=2\n", b"a=1\n\nb=2\n"),
        (b"#c\n#d\na\n", b"\n\na\n"),
        (b"\n#c\n", b"\n#c\n"),
        (b"#\n#c\n", b"\n#c\n"),
        (b"##c\na", b"\na"),
        (b"a#b\n#c", b"a#b\n"),
    ],
)
def test_comments_are_left_out_as_the_updater_does(text: bytes, kept: bytes) -> None:
    assert _without_comments(text) == kept


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="neither empty nor an update site"):
        site.build(tmp_path, FRONT, APPOSE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no gzip", "cannot be read"),
        (gzip.compress(b"<pluginRecords>", mtime=0)[:-9], "cannot be read"),
        (gzip.compress(b"<pluginRecords>", mtime=0), "not well-formed"),
        (gzip.compress(b"<html/>", mtime=0), "not an index"),
        (
            gzip.compress(b'<pluginRecords><plugin file="a"/></pluginRecords>', mtime=0),
            "not an index",
        ),
        (
            gzip.compress(b'<!DOCTYPE pluginRecords [<!ENTITY a "b">]><pluginRecords/>', mtime=0),
            "document type",
        ),
    ],
)
def test_a_damaged_index_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / index.NAME).write_bytes(data)
    with pytest.raises(UserError, match=rf"db\.xml\.gz: .*{words}"):
        site.build(tmp_path, FRONT, APPOSE)


def test_no_java_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    done = CliRunner().invoke(cli, ["update-site", str(tmp_path / "site")])
    assert done.exit_code != 0
    assert "no Java was found" in str(done.exception or done.output)
    assert not (tmp_path / "site").exists()


def test_scripts_of_a_site_name_no_python() -> None:
    text = scripts.of_site()[f"{scripts.SCRIPTS}/ImageJ-DL_Train.groovy"].decode()
    assert 'command(jar, null, "train")' in text
    assert scripts.JAR in text
    assert json.dumps(sys.executable)[1:-1] not in text


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled, "java", lambda fiji: None)  # its jars are empty: nothing compiles
    return looks_like_a_fiji(tmp_path / "Fiji")


LOCAL = """<?xml version="1.0"?>
<!DOCTYPE pluginRecords [
<!ELEMENT pluginRecords ((update-site | disabled-update-site)*, plugin*)>
<!ATTLIST plugin filename CDATA #REQUIRED>]>
<pluginRecords>
<update-site name="Ours" url="http://server/dl/" timestamp="0"/>
<plugin update-site="Ours" filename="lib/imagej-dl/imagej-dl.jar"/>
</pluginRecords>
"""


def follow(home: Path, version: str) -> None:
    jar = home / scripts.JAR
    jar.parent.mkdir(parents=True)
    jar.write_bytes(compiled.pack({compiled.VERSION: version.encode()}))
    (home / index.NAME).write_bytes(gzip.compress(LOCAL.encode()))


def test_install_refuses_what_came_from_a_site(home: Path) -> None:
    follow(home, "9.9")
    with pytest.raises(UserError, match=r"from the update site Ours \(http://server/dl/\)"):
        installation.install(home)
    assert not (home / scripts.SCRIPTS).exists()
    right, words = ways.found(home)
    assert right
    assert words == (
        "imagej-dl 9.9 from the update site Ours (http://server/dl/)"
        f"; this Python has {__version__}"
    )


def test_each_way_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, words = ways.found(home)
    assert not right
    assert "not in its menu" in words
    installation.install(home)
    right, words = ways.found(home)
    assert right
    assert f"by `imagej-dl install` of {__version__}, with {sys.executable}" in words
    manifest = home / installation.MANIFEST
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"version": "0.0.1"}))
    assert "of 0.0.1; this is" in ways.found(home)[1]
    manifest.write_text(json.dumps(told | {"python": str(home / "gone")}))
    assert "which is not there any more" in ways.found(home)[1]
    follow(home, __version__)
    right, words = ways.found(home)
    assert not right
    assert words.startswith("twice, by `imagej-dl install` and from the update site Ours")
    installation.uninstall(home)
    right, words = ways.found(home)
    assert right


def test_an_appose_that_is_too_old_is_named(home: Path) -> None:
    (home / "jars" / "appose-0.9.0.jar").rename(home / "jars" / "appose-0.3.0.jar")
    with pytest.raises(UserError, match=r"appose-0\.3\.0\.jar: is an Appose that is too old"):
        installation.install(home)


def test_a_front_that_was_compiled_is_put_in_and_taken_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "front", lambda libraries, java: b"jar")
    monkeypatch.setattr(compiled, "java", lambda fiji: Path("java"))
    done = installation.install(home)
    assert installation.FRONT in done.written
    assert (home / installation.FRONT).read_bytes() == b"jar"
    installation.uninstall(home)
    assert not (home / "scripts").exists()
