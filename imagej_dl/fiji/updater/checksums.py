"""Checksums as Fiji's updater (net.imagej.updater.util.UpdaterUtil) computes them.

It compares them with those of its index: one that differs is, to it, a file that the user changed.
"""

from __future__ import annotations

import hashlib
import io
import zipfile

_MANIFEST = "META-INF/MANIFEST.MF"
_HASH, _NEWLINE = ord("#"), ord("\n")


def checksum(path: str, data: bytes) -> str:
    """Return the checksum of a file.

    Parameters
    ----------
    path : from Fiji's folder, with `/`; it goes into the checksum, save that of a jar.
    data : what is in the file.
    """
    if path.endswith(".jar"):
        return _of_jar(data)
    return hashlib.sha1(path.encode("ascii") + data, usedforsecurity=False).hexdigest()


def _of_jar(data: bytes) -> str:
    """Digest names and contents of the entries, so that a jar may be packed anew.

    Of a manifest the updater means to keep the main class, and keeps nothing.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    with zipfile.ZipFile(io.BytesIO(data)) as jar:
        for name in sorted(jar.namelist()):
            digest.update(name.encode("ascii"))
            if name == _MANIFEST:
                continue
            content = jar.read(name)
            digest.update(_without_comments(content) if name.endswith(".properties") else content)
    return digest.hexdigest()


def _without_comments(data: bytes) -> bytes:
    """Leave out comments, but for their line's end, just as the updater's SkipHashedLines does.

    A line after an empty one, or after a comment of `#` alone, is not looked at: it stays.
    """
    kept = bytearray()
    fresh, skipping = True, False
    for byte in data:
        if skipping:
            if byte == _NEWLINE:
                kept.append(byte)
                # Only a comment with a text leads to a line whose beginning is looked at.
                fresh, skipping = not fresh, False
            elif byte != _HASH or not fresh:
                fresh = False
        elif fresh and byte == _HASH:
            skipping = True
        else:
            kept.append(byte)
            fresh = byte == _NEWLINE and not fresh
    return bytes(kept)
