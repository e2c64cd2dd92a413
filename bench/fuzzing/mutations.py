"""Changes of files: bytes, numbers in text, fields of JSON and XML, cells, members of archives.

Each is made by a random generator, so the same one makes the same change.
"""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]

_INTS = (0, 1, 2, 3, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
_WORDS = (
    "", "0", "-1", "1", "2", "1e308", "-1e308", "1e400", "1e-320", "nan", "inf", "-inf", "None",
    "2147483648", "4294967296", "9223372036854775808", "18446744073709551616", "9" * 400,
    "9" * 5000, "1,5", "0x10", "1_000", " 7 ", "\u0663", "true", "null", "\u00b5m", "../../x",
    "=1+1",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "a" * 70000, "\x00", "\n",
    ";", ",",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, 1e308, -1e308, 1e-320, 2**31, 2**63, 2**64, 10**400,
    float("nan"), float("inf"), "", "x", "\x00", "\ud800", "a" * 70000, [], {}, [[]], [None],
    {"": 0}, [0] * 1000, {"class_name": "Lambda", "module": "keras.layers"},
)  # fmt: skip


def flip(data: bytes, rng: Random) -> bytes:
    """Turn some bits."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if out:
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def head(data: bytes, rng: Random) -> bytes:
    """Turn bytes at the beginning, where headers are, or at the end, where directories are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 4))):
        near = rng.randrange(min(512, len(out))) if out else 0
        if out:
            out[near if rng.random() < 0.6 else -1 - near] = rng.randrange(256)
    return bytes(out)


def number(data: bytes, rng: Random) -> bytes:
    """Write a number that is often forgotten over 2, 4 or 8 bytes."""
    size = rng.choice((2, 4, 8))
    if len(data) < size:
        return data
    at = rng.randrange(len(data) - size + 1)
    at -= at % rng.choice((1, 2))
    value = rng.choice(_INTS) % 256**size
    order = rng.choice(("little", "big"))
    return data[:at] + value.to_bytes(size, order) + data[at + size :]


def cut(data: bytes, rng: Random) -> bytes:
    """Keep the beginning."""
    return data[: rng.randrange(len(data) + 1)]


def splice(data: bytes, rng: Random) -> bytes:
    """Remove a piece, double it, or put it elsewhere."""
    if len(data) < 4:
        return data + b"\0"
    start, end = sorted(rng.randrange(len(data)) for _ in range(2))
    piece, at = data[start:end], rng.randrange(len(data))
    kind = rng.randrange(3)
    rest = data if kind == 1 else data[:start] + data[end:]
    return rest if kind == 0 else rest[:at] + piece + rest[at:]


def digits(data: bytes, rng: Random) -> bytes:
    """Put another word in the place of a number in the text."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", data))
    if not found:
        return flip(data, rng)
    match = rng.choice(found)
    word = rng.choice(_WORDS).encode("utf-8", "replace")
    return data[: match.start()] + word + data[match.end() :]


def cells(data: bytes, rng: Random) -> bytes:
    """Change a cell, a column or a line of a table."""
    lines = data.split(b"\n")
    row = rng.randrange(len(lines))
    mark = next((m for m in (b";", b",", b" ") if m in lines[0]), b",")
    parts = lines[row].split(mark)
    kind = rng.randrange(6)
    if kind == 0:
        parts[rng.randrange(len(parts))] = rng.choice(_WORDS).encode("utf-8", "replace")
    elif kind == 1:
        del parts[rng.randrange(len(parts))]
    elif kind == 2:
        parts.insert(rng.randrange(len(parts) + 1), b'"')
    elif kind == 3:
        lines.insert(rng.randrange(len(lines)), lines[row])
    elif kind == 4:
        parts = [rng.choice(parts) for _ in parts]
    else:
        lines = [*lines[:row], b""]
        parts = []
    if parts and row < len(lines):
        lines[row] = mark.join(parts)
    return b"\n".join(lines)


def fields(data: bytes, rng: Random) -> bytes:
    """Change a value, a key or the depth of a JSON file."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return digits(data, rng)
    if rng.random() < 0.04:
        deep = rng.choice(("[", '{"a":'))
        return data.replace(b":", b":" + deep.encode() * 200_000, 1)
    places: list[tuple[Any, Any]] = []
    if isinstance(found, dict | list):
        _places(found, places)
    if not places:
        return json.dumps(rng.choice(_VALUES)).encode()
    holder, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(("x", "", "=", key + " "))] = holder.pop(key)
    elif kind == 2:
        other, name = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[name] if _has(other, name) else None))
    elif kind == 3 and isinstance(holder[key], str):
        holder[key] = rng.choice(_WORDS)
    else:
        holder[key] = rng.choice(_VALUES)
    return json.dumps(found).encode()


def _places(value: Any, places: list[tuple[Any, Any]]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        places.append((value, key))
        if isinstance(inner, dict | list):
            _places(inner, places)


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def markup(data: bytes, rng: Random) -> bytes:
    """Change an attribute, an element, the encoding or the document type of XML in a file."""
    kind = rng.randrange(9)
    start = data.find(b"<?xml")
    if kind == 0:
        name = rng.choice((b"latin-9", b"utf-16", b"x-none", b"", b"cp037", b"idna", b"hex"))
        return re.sub(rb'encoding="[^"]*"', b'encoding="' + name + b'"', data, count=1)
    if kind == 1 and start >= 0:
        at = data.find(b"?>", start) + 2
        kinds = b'<!DOCTYPE x [<!ENTITY a "' + b"z" * 99 + b'">]>'
        return data[:at] + kinds + data[at:]
    if kind == 2:
        found = list(re.finditer(rb"<[A-Za-z][^<>]*?>", data))
        if found:
            match = rng.choice(found)
            again = match[0] * rng.choice((0, 2, 100, 3000))
            return data[: match.start()] + again + data[match.end() :]
    found = list(re.finditer(rb'="[^"]*"', data))
    if not found:
        return digits(data, rng)
    match = rng.choice(found)
    word = rng.choice((*_WORDS, "&a;", "&#0;", "&lt;")).encode("utf-8", "replace")
    if kind == 3:
        return data[: match.start()] + data[match.end() :]
    return data[: match.start()] + b'="' + word + b'"' + data[match.end() :]


def members(data: bytes, rng: Random) -> bytes:
    """Change a member of an archive, its name or what the archive says of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inner = [(i.filename, archive.read(i), i.compress_type) for i in archive.infolist()]
    except Exception:  # what an earlier change has made of it
        inner = []
    if not inner:
        return flip(data, rng)
    chosen = rng.randrange(len(inner))
    name, content, packed = inner[chosen]
    kind = rng.randrange(8)
    if kind <= 2:
        inner[chosen] = (name, of_content(name, content)(content, rng), packed)
    elif kind == 3:
        inner.append((name, flip(content, rng), packed))
    elif kind == 4:
        del inner[chosen]
    elif kind == 5:
        inner[chosen] = (
            rng.choice(("../" + name, "x" * 300 + name, "", "/" + name)),
            content,
            packed,
        )
    elif kind == 6:
        inner[chosen] = (name, content + b"\0" * rng.choice((1, 1000, 30_000_000)), 8)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for member, text, how in inner:
            archive.writestr(member or "/", text, how)
    made = out.getvalue()
    if kind == 7:  # encrypted, another method, another size: in both places that say so
        at = rng.choice([m.start() for m in re.finditer(rb"PK\x01\x02", made)])
        offset, size = rng.choice(((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (42, 4)))
        value = struct.pack("<I", rng.choice((1, *_INTS)))[:size]
        made = made[: at + offset] + value + made[at + offset + size :]
    return made


def of_content(name: str, data: bytes) -> Mutation:
    """Return a mutation that fits what a file holds."""
    if data[:1] in (b"{", b"["):
        return fields
    if b"<?xml" in data[:100]:
        return markup
    return flip if len(name) % 2 else number


BYTES: tuple[Mutation, ...] = (flip, head, number, cut, splice)
TIFF = (*BYTES, digits, number, number)
XML = (markup, markup, markup, digits, flip, cut, splice)
OME = (*BYTES, markup, markup, digits)
JSON = (fields, fields, fields, fields, digits, flip, cut, splice)
TABLE = (cells, cells, cells, digits, flip, cut, splice)
ZIP = (members, members, members, *BYTES)
