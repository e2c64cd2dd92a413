"""Which ImageJ is chosen, and the words when it cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imagej_dl import UserError, fiji
from imagej_dl.fiji import gateway


def test_embedded_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIJI_HOME", raising=False)
    assert fiji.choose() == ("embedded", "net.imagej:ij:1.54p")
    assert fiji.choose("endpoint") == ("endpoint", "sc.fiji:fiji")
    assert fiji.choose("sc.fiji:fiji:2.17.0") == ("endpoint", "sc.fiji:fiji:2.17.0")


def test_folder_by_name_or_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jars").mkdir()
    assert fiji.choose(str(tmp_path)) == ("folder", str(tmp_path))
    monkeypatch.setenv("FIJI_HOME", str(tmp_path))
    assert fiji.choose() == ("folder", str(tmp_path))
    assert fiji.choose("embedded")[0] == "embedded"


def test_what_is_no_fiji_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no such Fiji folder"):
        fiji.choose(str(tmp_path / "nowhere"))
    monkeypatch.setenv("FIJI_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"no jars folder.*FIJI_HOME"):
        fiji.choose()


@pytest.mark.slow
def test_import_starts_neither_java_nor_tensorflow() -> None:
    code = (
        "import sys, imagej_dl, imagej_dl.fiji, imagej_dl.images, imagej_dl.rois, imagej_dl.cli;"
        "assert not {'tensorflow', 'keras', 'jpype', 'scyjava', 'imagej'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(os.name == "nt", reason="needs a link such as /usr/bin/java")
@pytest.mark.parametrize("chosen", [None, "/another"])
def test_java_is_named_by_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    home = tmp_path / "jvm"
    for file in "bin/java", "lib/server/libjvm.so":
        (home / file).parent.mkdir(parents=True)
        (home / file).touch(0o755)
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "bin" / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(tmp_path / "usr" / "bin"))
    monkeypatch.setenv("JAVA_HOME", chosen or "")
    gateway._name_java()
    assert os.environ["JAVA_HOME"] == (chosen or str(home))
    (home / "lib" / "server" / "libjvm.so").unlink()  # as a program that only starts a Java
    monkeypatch.setenv("JAVA_HOME", "")
    gateway._name_java()
    assert not os.environ["JAVA_HOME"]


def _start_in(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that needs ImageJ where nothing is cached and no network answers."""
    dead = "http://127.0.0.1:9"
    kept = {k: v for k, v in os.environ.items() if k not in ("JAVA_HOME", "FIJI_HOME")}
    env = kept | {"HOME": str(home), "HTTPS_PROXY": dead, "HTTP_PROXY": dead, "NO_PROXY": ""}
    code = (
        "from imagej_dl import fiji\n"
        "try: fiji.start()\n"
        "except fiji.gateway.UserError as error: print(error); raise SystemExit(2)"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.jvm
def test_no_network_is_said(tmp_path: Path) -> None:
    done = _start_in(tmp_path)
    assert done.returncode == 2, done.stderr
    assert "no network" in done.stdout
    assert "--fiji" in done.stdout


@pytest.mark.jvm
def test_no_java_is_said(own_process: Any) -> None:
    own_process(_twice)  # ImageJ's jar is here after this; Java alone is missing
    done = _start_in(Path.home(), PATH=str(Path(sys.executable).parent))
    assert done.returncode == 2, done.stderr
    assert "no Java was found" in done.stdout
    assert "JAVA_HOME" in done.stdout


def _twice() -> tuple[str, bool, str]:
    first = fiji.start("embedded")
    same = fiji.start() is first
    try:
        fiji.start("sc.fiji:fiji")
        message = "no error"
    except UserError as error:
        message = str(error)
    return first.version, same, message


@pytest.mark.jvm
def test_one_imagej_in_a_process(own_process: Any) -> None:
    version, same, message = own_process(_twice)
    assert version.startswith("1.54p")
    assert same
    assert "already runs ImageJ" in message


def _window_without_screen() -> str:
    os.environ.pop("DISPLAY", None)
    try:
        fiji.start("embedded", display=True)
    except UserError as error:
        return str(error)
    return "no error"


@pytest.mark.jvm
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="DISPLAY is Linux's")
def test_no_screen_is_said(own_process: Any) -> None:
    assert "xvfb-run" in own_process(_window_without_screen)
