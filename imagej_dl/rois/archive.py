"""RoiSet.zip and .roi files: reading and writing."""

from __future__ import annotations

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import atomic, refuse_existing
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.rois.decoder import decode
from imagej_dl.rois.encoder import encode
from imagej_dl.rois.roi import POINTED, Roi

# Guards against archives made to fill the memory; the largest real sets are some 100 MB.
_ENTRY_LIMIT = 256 * 2**20
_TOTAL_LIMIT = 512 * 2**20
# No outline packs so well; small entries can do no harm, whatever their ratio.
_RATIO_LIMIT, _RATIO_FROM = 200, 2**20
_ENTRIES_LIMIT = 2_000_000
_LONGEST_NAME = 16_000  # characters; an archive holds names of 65535 bytes
_UTF_8 = 0x800  # the flag of an entry whose name is UTF-8
_UNICODE_PATH = 0x7075
_REMEDY = "Save the ROIs again with ImageJ's ROI Manager (More > Save)."


def read(path: str | os.PathLike[str]) -> list[Roi]:
    """Read a RoiSet.zip, a single .roi file, or a folder of masks of single objects.

    The content of a file decides between the first two: ImageJ may save a single ROI under a name
    that ends in .zip. The order is that of ImageJ's ROI Manager. Entries of the archive that are
    not .roi files, and those that macOS adds (__MACOSX), are ignored.

    Parameters
    ----------
    path : a .zip or .roi file; or a folder, see :func:`imagej_dl.rois.mask_files.read_masks`.

    Raises
    ------
    UserError : when there is no such file, it is broken or empty, or an entry is no ROI, is cut
        short or unreasonably large; the message names the file and the entry.
    """
    path = Path(path)
    refuse_special(path, folder=True)
    try:
        if path.is_dir():
            from imagej_dl.rois.mask_files import mask_files, read_masks

            if not mask_files(path):
                raise UserError("is a folder, not a RoiSet.zip or .roi file", path=path)
            return read_masks(path)
        if not zipfile.is_zipfile(path):
            return [_read_single(path)]
        with zipfile.ZipFile(path) as archive:
            rois = _read_entries(archive, path)
    except FileNotFoundError as error:
        raise UserError("there is no such file", path=path) from error
    except PermissionError as error:
        raise UserError("cannot be read (no permission)", path=path) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        UnicodeDecodeError,  # names that are said to be UTF-8
    ) as error:
        raise UserError(f"is a broken ZIP archive ({error})", path=path, remedy=_REMEDY) from error
    except RuntimeError as error:  # zipfile's word for an encrypted archive
        raise UserError(f"cannot be unpacked ({error})", path=path, remedy=_REMEDY) from error
    return _without_empty(rois, path)


def write(rois: Iterable[Roi], path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write ROIs as a RoiSet.zip that ImageJ's ROI Manager opens, or one as a .roi file.

    Entries are named after the ROIs; a name that comes twice gets "-1", "-2" and so on.

    Parameters
    ----------
    rois : in the order in which the ROI Manager shall list them.
    path : the .zip (or, for a single ROI, .roi) file; written whole or not at all.
    overwrite : whether a file that is there may be replaced.

    Raises
    ------
    UserError : when the file is there, there is no ROI, or several for a .roi file.
    """
    path, rois = Path(path), list(rois)
    refuse_existing(path, overwrite)
    if not rois:
        raise UserError("there is no ROI to write", path=path)
    if path.suffix.lower() == ".roi":
        if len(rois) > 1:
            raise UserError("a .roi file holds one ROI", path=path, remedy="Name it .zip.")
        with atomic(path) as temporary:
            temporary.write_bytes(encode(rois[0]))
        return
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
        taken: set[str] = set()
        for i, roi in enumerate(rois):
            # a fixed date, so that the same ROIs make the same file
            name = zipfile.ZipInfo(f"{_entry_name(roi.name or f'{i + 1:04}', taken)}.roi")
            name.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(name, encode(roi))


def _read_single(path: Path) -> Roi:
    size = path.stat().st_size
    if size == 0:
        raise UserError("is empty", path=path, remedy=_REMEDY)
    with path.open("rb") as file:
        bare = file.read(4) == b"Iout"
    if path.suffix.lower() == ".zip" and not bare:
        raise UserError("is not a ZIP archive, or is truncated", path=path, remedy=_REMEDY)
    if size > _ENTRY_LIMIT:
        raise UserError("is too large for a ROI", path=path)
    roi = decode(path.read_bytes(), path.name, str(path))
    if roi.kind in POINTED and (roi.points is None or not len(roi.points)):
        raise UserError("is a ROI without points", path=path)
    return roi


def _read_entries(archive: zipfile.ZipFile, path: Path) -> list[Roi]:
    # ImageJ reads the entries as they lie in the file, not as the directory lists them
    entries = sorted(
        (entry for entry in archive.infolist() if _is_roi(archive, entry)),
        key=lambda entry: entry.header_offset,
    )
    if not entries:
        raise UserError("holds no .roi files", path=path, remedy=_REMEDY)
    total = sum(entry.file_size for entry in entries)
    if len(entries) > _ENTRIES_LIMIT or total > _TOTAL_LIMIT:
        raise UserError(f"would unpack to {total / 2**20:.0f} MiB", path=path, remedy=_REMEDY)
    rois = []
    for entry in entries:
        name = _decoded(entry)
        where = f"{path}/{name}"
        if entry.file_size > _ENTRY_LIMIT:
            raise UserError("is too large for a ROI", path=where, remedy=_REMEDY)
        if entry.file_size > max(_RATIO_FROM, _RATIO_LIMIT * entry.compress_size):
            raise UserError("is not packed like a ROI", path=where, remedy=_REMEDY)
        try:
            # a size that lies is caught here: no more than it says is unpacked
            with archive.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UserError(f"is damaged ({error})", path=where, remedy=_REMEDY) from error
        rois.append(decode(data, re.split(r"[/\\]", name)[-1], where))
    return rois


def _is_roi(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Return whether to read an entry: macOS adds a ._NAME.roi, which is no ROI, for each."""
    *folders, name = re.split(r"[/\\]", entry.filename)
    if not name.endswith(".roi"):
        return False
    if "__MACOSX" not in folders and not name.startswith("._"):
        return True
    try:
        with archive.open(entry) as stream:
            return stream.read(2) == b"Io"  # a ROI may be called so
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return False


def _decoded(entry: zipfile.ZipInfo) -> str:
    """Return an entry's name: in UTF-8, as ImageJ reads it, whether it says so or not.

    What is no UTF-8 is Latin-1 where all its letters are such, else of DOS (code page 437).
    """
    if entry.flag_bits & _UTF_8:
        return entry.filename
    plain = entry.filename.encode("cp437", "replace")
    for content in filter(None, (_unicode_path(entry.extra), plain)):
        with suppress(UnicodeDecodeError):
            return content.decode("utf-8")
    latin = all(byte < 0x80 or byte >= 0xC0 for byte in plain)
    return plain.decode("latin-1") if latin else entry.filename


def _unicode_path(extra: bytes) -> bytes:
    """Return the name in UTF-8 that Info-ZIP and others add to an entry; nothing without."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_PATH and length > 5:
            return extra[9 : 4 + length]  # after its version and a check sum
        extra = extra[4 + length :]
    return b""


def _without_empty(rois: list[Roi], path: Path) -> list[Roi]:
    """Leave out polygons without points, as ImageJ does."""
    empty = [roi for roi in rois if roi.kind in POINTED and not len(roi.points)]  # type: ignore[arg-type]
    if not empty:
        return rois
    names = ", ".join(roi.name for roi in empty[:5])
    warn(f"{len(empty)} ROIs have no points and are left out: {names}", path=path)
    return [roi for roi in rois if all(roi is not other for other in empty)]


def _entry_name(name: str, taken: set[str]) -> str:
    # a slash would make a folder of the archive, and ":" and the like no file on Windows
    safe = "".join("_" if c in '/\\:*?"<>|' or ord(c) < 32 else c for c in name)
    safe = safe.encode("utf-8", errors="replace").decode().removesuffix(".roi") or "roi"
    safe = safe[:_LONGEST_NAME]  # the ROI itself has it whole
    unique, n = safe, 0
    while unique in taken:
        n += 1
        unique = f"{safe}-{n}"
    taken.add(unique)
    return unique
