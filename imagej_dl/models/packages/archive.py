"""The files of a package, a ZIP archive or a folder: read one by one, as data.

A package is a stranger's file. No member is unpacked to the disk by its own name; names that lead
out of the package, links, and members that declare more than the file can hold are refused.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from imagej_dl.errors import UserError, one_line
from imagej_dl.filesystem.regular_files import refuse_special

RDF = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
"""Names of a package's description, the usual one first."""
SUFFIX = ".zip"
_LARGEST = 4 * 2**30
_FREE, _RATIO = 64 * 2**20, 50
_MOST = 10_000
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_REMEDY = "Download the package again."


def is_package(path: Path) -> bool:
    """Return whether a path is a package: a .zip file, a folder with an rdf.yaml, or that file."""
    if path.is_dir():
        return described(path)
    return path.is_file() and (path.suffix.lower() == SUFFIX or path.name in RDF)


def described(folder: Path) -> bool:
    """Return whether a folder holds the description of a package, and is no model of ours."""
    return not (folder / "config.json").exists() and any((folder / n).is_file() for n in RDF)


def holds_description(path: Path) -> bool:
    """Return whether a path is a package with a description, not a ZIP archive of another kind."""
    try:
        return is_package(path) and bool(Archive(path).description)
    except UserError:
        return False


class Archive:
    """A package's files.

    Parameters
    ----------
    path : of the ZIP archive, the folder, or the description in that folder.

    Raises
    ------
    UserError : for a damaged archive, and for one with names or sizes that are not a package's.
    """

    def __init__(self, path: Path) -> None:
        self.given = path
        self.folder = path if path.is_dir() else path.parent if path.name in RDF else None
        refuse_special(path, folder=True)
        self.members = {} if self.folder is not None else _members(path)
        self._contents: dict[str, bytes] = {}

    @property
    def description(self) -> str:
        """The name of the description."""
        for name in RDF:
            if self.has(name):
                return name
        raise UserError(
            "is not a package of BioImage.IO (it has no rdf.yaml)",
            path=self.given,
            remedy="Name a package of a model, as bioimage.io offers it for download.",
        )

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        if self.folder is not None:
            return self._inside(name).is_file()
        return name in self.members

    def read(self, name: str, most: int = _LARGEST) -> bytes:
        """Return the content of a file, which is unpacked once.

        Parameters
        ----------
        name : as the description has it, relative to the package.
        most : bytes that are plausible for it.

        Raises
        ------
        UserError : when it is an address, leads out of the package, is missing, damaged or larger.
        """
        checked = self._local(name)
        if not self.has(checked):
            raise UserError(
                f"lacks its file {checked}",
                path=self.given,
                remedy=_REMEDY,
            )
        size = self._size(checked)
        if size > most:
            raise UserError(
                f"declares {size / 2**20:.0f} MiB for {checked}, which is implausible",
                path=self.given,
                remedy=_REMEDY,
            )
        if checked not in self._contents:
            self._contents[checked] = self._unpacked(checked, size)
        return self._contents[checked]

    def digest(self, names: list[str]) -> str:
        """Return the SHA-256 of the files of these names, which are all that is used."""
        digest = hashlib.sha256()
        for name in sorted(set(names)):
            data = self.read(name)
            digest.update(f"{name}:{len(data)}:".encode())
            digest.update(data)
        return digest.hexdigest()

    def _unpacked(self, name: str, size: int) -> bytes:
        try:
            if self.folder is not None:
                return self._inside(name).read_bytes()
            with zipfile.ZipFile(self.given) as archive, archive.open(name) as stream:
                data = stream.read(size + 1)
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
            raise UserError(
                f"cannot be unpacked: {name} ({one_line(error)})",
                path=self.given,
                remedy=_REMEDY,
            ) from error
        if len(data) != size:
            raise UserError(
                f"is damaged: {name} is not as long as declared",
                path=self.given,
                remedy=_REMEDY,
            )
        return data

    def _size(self, name: str) -> int:
        if self.folder is not None:
            return self._inside(name).stat().st_size
        return self.members[name]

    def _local(self, name: str) -> str:
        if "://" in name or name.startswith(("http:", "https:", "ftp:", "file:")):
            raise UserError(
                f"keeps {name[:200]} elsewhere, and imagej-dl loads nothing from the network",
                path=self.given,
                remedy="Download the whole package, with its weights, as a ZIP archive.",
            )
        checked = str(PurePosixPath(name))
        if escapes(name):
            raise UserError(
                f"names a file outside of the package ({name[:200]})",
                path=self.given,
                remedy="Use a package from a source that you trust.",
            )
        return checked

    def _inside(self, name: str) -> Path:
        assert self.folder is not None
        path, root = self.folder / name, self.folder.resolve()
        if path.exists() and root not in path.resolve().parents:
            raise UserError(
                f"has a link that leads out of the package ({name})",
                path=self.given,
                remedy="Use a package from a source that you trust.",
            )
        return path


def escapes(name: str) -> bool:
    """Return whether a name leads out of the folder that it is relative to, on any system."""
    windows = PureWindowsPath(name)
    return (
        not name
        or name.startswith(("/", "\\"))
        or bool(windows.drive)
        or ".." in windows.parts
        or "\0" in name
    )


def _members(path: Path) -> dict[str, int]:
    """Return the sizes of an archive's members by their names, all of them plausible."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except FileNotFoundError as error:
        raise UserError("there is no such file", path=path) from error
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(
            f"is not a ZIP archive, or is damaged ({one_line(error)})", path=path, remedy=_REMEDY
        ) from error
    if len(entries) > _MOST:
        raise UserError(f"holds more than {_MOST} files", path=path, remedy=_REMEDY)
    members: dict[str, int] = {}
    for entry in entries:
        if escapes(entry.filename):
            problem = f"names a file outside of the package ({entry.filename[:200]})"
        elif stat.S_ISLNK(entry.external_attr >> 16):
            problem = f"holds a link ({entry.filename})"
        elif entry.filename in members:
            problem = f"holds a file twice ({entry.filename})"
        elif entry.flag_bits & 1:
            problem = "is encrypted"
        elif entry.compress_type not in _PACKED or entry.compress_size > size:
            problem = f"is not packed as packages are ({entry.filename})"
        else:
            members[entry.filename] = entry.file_size
            continue
        raise UserError(problem, path=path, remedy="Use a package from a source that you trust.")
    total = sum(members.values())
    if total > min(_FREE + _RATIO * size, _LARGEST):
        raise UserError(f"would unpack to {total / 2**20:.0f} MiB", path=path, remedy=_REMEDY)
    return {name: count for name, count in members.items() if not name.endswith("/")}
