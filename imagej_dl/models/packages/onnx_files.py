"""ONNX files from elsewhere: refused where they refer to other files of this machine.

An ONNX file is a Protocol Buffers message. Its tensors may lie in other files, named by a path
that a runtime opens. Only the fields on the way to tensors are followed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imagej_dl.errors import UserError

_GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _FUNCTION, _TRAINING = range(7)
_MODEL = -1
_FIELDS: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}
"""Of each kind of message the fields that lead to tensors, and the kinds that they hold."""
_EXTERNAL_DATA, _LOCATION = 13, 14
_DEEPEST = 50
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def check(data: bytes, path: Path) -> None:
    """Raise UserError for an ONNX file with tensors in other files, or one that is damaged."""
    try:
        outside = _refers_outside(memoryview(data), _MODEL, 0)
    except (ValueError, IndexError) as error:
        raise UserError(
            f"its ONNX weights are damaged ({error})",
            path=path,
            remedy="Download the package again.",
        ) from error
    if outside:
        raise UserError(
            "its ONNX weights refer to other files, which are not opened",
            path=path,
            remedy="Use a package whose ONNX file holds the weights itself.",
        )


def _refers_outside(message: memoryview, kind: int, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deep")
    follow = _FIELDS[kind]
    for field, value in _fields(message):
        if kind == _TENSOR and field in (_EXTERNAL_DATA, _LOCATION):
            if field == _EXTERNAL_DATA or value == 1:
                return True
        elif field in follow:
            if not isinstance(value, memoryview):
                raise ValueError(f"field {field} is no message")
            if _refers_outside(value, follow[field], depth + 1):
                return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield field, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
        if wire == _BYTES:
            size, at = _varint(message, at)
        if size is None or at + size > len(message):
            raise ValueError("it is truncated, or no ONNX file")
        yield field, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
