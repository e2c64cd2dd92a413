"""The front as a jar, so that it need not be compiled when it is first used in a Fiji.

The same sources and Groovy give the same bytes.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.fiji.scripts import FRONT
from imagej_dl.filesystem import reproducible_zip

VERSION = "imagejdl/version.txt"
"""Within a jar: the version that the worker must have, too."""
_START = 'new GroovyShell().parse(new File(args[0], "Start.groovy"))'
_PROGRAM = _START + ".compileAll(new File(args[0]), new File(args[1]))"
_SECONDS = 300


def front(libraries: Sequence[Path], java: Path, version: str | None = None) -> bytes:
    """Compile the front, and return the jar.

    Parameters
    ----------
    libraries : jars with Groovy, ImageJ and Appose; `*` stands for all jars of a folder.
    java : the program.
    version : is told in the jar, where it leaves the package that it was made from.

    Raises
    ------
    UserError : when it cannot be compiled, with what Groovy says.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join(map(str, libraries))
        command = [str(java), "-Djava.awt.headless=true", "-cp", path, "groovy.ui.GroovyMain"]
        command += ["-e", _PROGRAM, str(FRONT.absolute()), folder]
        _run(command)
        home = Path(folder)
        files = {
            path.relative_to(home).as_posix(): path.read_bytes()
            for path in home.rglob("*")
            if path.is_file()
        }
    if version is not None:
        files[VERSION] = version.encode("ascii")
    return pack(files)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Make a jar of files, named by their paths in it; without times, and always the same."""
    made = io.BytesIO()
    manifest = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n\r\n"}
    reproducible_zip.write(made, [*manifest.items(), *sorted(files.items())])
    return made.getvalue()


def java(fiji: Path | None = None) -> Path | None:
    """Return a Java program: that of a Fiji, of JAVA_HOME, or of the search path; None: none."""
    name = "java.exe" if os.name == "nt" else "java"
    if fiji is not None:
        found = sorted((fiji / "java").glob(f"**/bin/{name}"))
        if found:
            return found[-1]
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / name).is_file():
        return Path(home) / "bin" / name
    there = shutil.which("java")
    return Path(there) if there else None


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"the commands could not be compiled ({error})") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["Groovy ended without a word"]
        raise UserError(f"the commands could not be compiled: {lines[0]}")
