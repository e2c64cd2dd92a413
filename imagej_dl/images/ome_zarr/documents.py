"""The JSON files of a Zarr folder, and the paths between them, read safely.

A folder may come from a stranger: nothing is followed out of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.images.ome_zarr import SUFFIX

ZarrFormat = Literal[2, 3]

_SHORT = 200


def root(path: Path) -> Path:
    """Return the outermost Zarr folder around a path, out of which nothing is read."""
    around = [one for one in (path, *path.parents) if one.suffix.lower() == SUFFIX]
    return around[-1] if around else path


def inside(path: Path, *names: str) -> Path:
    """Return a path in a Zarr folder, by a name in its metadata.

    Raises
    ------
    UserError : when it leads out of the folder, by its name or by a link.
    """
    for name in names:
        parts = re.split(r"[\\/]", name)
        if ".." in parts or Path(name).is_absolute() or ":" in parts[0] or not name.strip("/"):
            raise UserError(
                f"its metadata name the place {name[:_SHORT]!r}, which is not in it",
                path=path,
                remedy="Only what lies in the folder is read: make it again where it was made.",
            )
    found = path.joinpath(*names)
    refuse_links(root(path), found)
    return found


def refuse_links(top: Path, path: Path) -> None:
    """Raise UserError if a path leads out of a folder by a link."""
    real, base = os.path.realpath(path), os.path.realpath(top)
    if real != base and not real.startswith(base + os.sep):
        raise UserError(
            f"is a link that leads out of {top}, to {real}",
            path=path,
            remedy="Put the files themselves in its place.",
        )


def group(path: Path) -> tuple[ZarrFormat, dict[str, Any]] | None:
    """Return the format and the attributes of a group; None where there is no group.

    Raises
    ------
    UserError : for metadata that are no JSON objects.
    """
    if (path / "zarr.json").is_file():
        content = json_object(path, "zarr.json")
        refuse_format(path, content, 3)
        if content.get("node_type") != "group":
            return None
        attributes = content.get("attributes", {})
        return 3, checked(path / "zarr.json", attributes, "attributes")
    if (path / ".zgroup").is_file():
        refuse_format(path, json_object(path, ".zgroup"), 2)
    elif not (path / ".zattrs").is_file() or (path / ".zarray").is_file():
        return None
    return 2, json_object(path, ".zattrs") if (path / ".zattrs").is_file() else {}


def is_array(path: Path) -> bool:
    """Return True for the folder of an array."""
    if (path / ".zarray").is_file():
        return True
    if not (path / "zarr.json").is_file():
        return False
    return json_object(path, "zarr.json").get("node_type") == "array"


def refuse_format(path: Path, content: dict[str, Any], expected: int) -> None:
    """Raise UserError for metadata of another format of Zarr than their file is."""
    if content.get("zarr_format") != expected:
        raise UserError(
            f"is of the unknown Zarr format {content.get('zarr_format')}"[:_SHORT],
            path=path,
            remedy="Read are Zarr 2 and 3.",
        )


def json_object(path: Path, name: str) -> dict[str, Any]:
    """Return the content of a JSON file in a folder; raise UserError where it is no object."""
    file = path / name
    refuse_links(root(path), file)
    return checked(file, load_json(file), "content")


def checked(file: Path, content: Any, what: str) -> dict[str, Any]:
    """Return the content of a file, or a part of it; raise UserError where it is no object."""
    if not isinstance(content, dict):
        raise UserError(
            f"is damaged: its {what} is no JSON object", path=file, remedy="Copy it again."
        )
    return content
