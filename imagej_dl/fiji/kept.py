"""The front's classes that an earlier ImageJ compiled; `front/Start.groovy` keeps them."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def start(home: Path) -> Any:
    """Return an instance of the script Start.groovy, which makes the front.

    Groovy takes seconds to compile even this one file; so its kept class is taken where there is
    one. The first call for these sources, this Groovy and this ImageJ compiles it.
    """
    from scyjava import jimport

    shell, file = jimport("groovy.lang.GroovyShell"), jimport("java.io.File")
    folder = _cache() / f"front-{_key(home)}"
    if not (folder / "Start.class").is_file():
        return shell().parse(file(str(home / "Start.groovy")))
    with suppress(OSError):
        os.utime(folder)  # in use from now on: no other ImageJ tidies it away
    places = [file(str(folder)).toURI().toURL()]
    loader = jimport("java.net.URLClassLoader")(places, shell.class_.getClassLoader())
    return loader.loadClass("Start").getDeclaredConstructor().newInstance()


def _key(home: Path) -> str:
    """Return what stands for these sources' classes; the same as `key` in Start.groovy."""
    from scyjava import jimport

    groovy, imagej = jimport("groovy.lang.GroovySystem"), jimport("ij.IJ")
    digest = hashlib.sha256(f"{groovy.getVersion()}\n{imagej.getFullVersion()}\n".encode())
    for source in (home / "Start.groovy", *sorted((home / "imagejdl").glob("*.groovy"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:24]


def _cache() -> Path:
    """Return where these classes are kept; the same as `cache` in Start.groovy."""
    from scyjava import jimport

    local = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME")
    home = Path(str(jimport("java.lang.System").getProperty("user.home")))
    return Path(local or home / ".cache") / "imagej-dl"
