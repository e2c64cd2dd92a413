"""The update sites that a Fiji follows, and the commands among them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.fiji import compiled, scripts
from imagej_dl.fiji.updater import index


@dataclass(frozen=True)
class Site:
    """The update site that a Fiji has the commands from.

    name, url : as the Fiji lists it; empty where its updater does not know the file.
    version : of imagej-dl; None where the jar does not tell it.
    """

    name: str
    url: str
    version: str | None

    def __str__(self) -> str:
        return f"the update site {self.name} ({self.url})" if self.name else "an update site"


def site(home: Path) -> Site | None:
    """Return the site that gave a Fiji the commands; None where none did."""
    jar = home / scripts.JAR
    if not jar.is_file():
        return None
    return Site(*_listed(home), _version(jar))


def _listed(home: Path) -> tuple[str, str]:
    """Look up name and address in the updater's own index."""
    try:
        root = index.tree(home / index.NAME)
    except UserError:
        return "", ""
    plugins = root.iter("plugin")
    names = (p.get("update-site", "") for p in plugins if p.get("filename") == scripts.JAR)
    name = next(names, "")
    urls = (each.get("url", "") for each in root.iter("update-site") if each.get("name") == name)
    return name, next(urls, "")


def _version(jar: Path) -> str | None:
    try:
        with zipfile.ZipFile(jar) as file:
            return file.read(compiled.VERSION).decode("ascii").strip()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
