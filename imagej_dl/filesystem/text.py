"""Text files in UTF-8, with or without a byte order mark."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.errors import UserError


def write_text(path: Path, text: str) -> None:
    r"""Write text in UTF-8; undecodable bytes of a name as \\udcXX, as in JSON."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def with_section(document: str, begin: str, end: str, section: str) -> str:
    """Return a document with another section between two marks, each on a line of its own.

    Raises
    ------
    ValueError : when it has no such marks.
    """
    before, begun, rest = document.partition(f"{begin}\n")
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"there is no section between {begin} and {end}")
    return f"{before}{begin}\n\n{section}\n{end}{after}"


def text_of(path: Path) -> str:
    """Return the text of a file in UTF-8, without the byte order mark.

    Raises
    ------
    OSError : when it cannot be read.
    UserError : when it is text of another encoding.
    """
    content = path.read_bytes()
    try:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UnicodeError
        return content.decode("utf-8-sig")
    except UnicodeError as error:
        utf_16 = content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:100]
        raise UserError(
            "is text in UTF-16, not in UTF-8" if utf_16 else "is not text in UTF-8",
            path=path,
            remedy="Save it as UTF-8: a text editor offers it at Save As, Excel as CSV UTF-8.",
        ) from error
