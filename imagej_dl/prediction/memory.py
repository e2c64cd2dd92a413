"""The largest tile that there is room for: free memory, and what a network takes for a pixel."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagej_dl.models.frame_windows import is_volumetric
from imagej_dl.models.layers import LAYERS

_KNOWN = {*LAYERS, "SlicePadding3D"}
_COPIES = 2
"""Memory that the backends were seen to take, as a multiple of what the layers' outputs need."""
_SHARE = 4
"""A tile takes at most this part of the memory that is free: other programs need some, too."""
_MOST = 2**23
"""Pixels of the largest tile: more save little, and progress is shown tile by tile."""


def affordable_pixels(model: Any) -> int | None:
    """Return how many pixels a tile may have on the CPU; None where that cannot be told.

    Of a 3-D network over all slices.
    """
    free = available()
    needed = bytes_per_pixel(model)
    if free is None or needed is None:
        return None
    return min(free // _SHARE // needed, _MOST)


def bytes_per_pixel(model: Any) -> int | None:
    """Return the memory in bytes that a network computes a pixel of its input in.

    Layer by layer, a value is held from the layer that makes it to the last that reads it. None
    for a network of several inputs or outputs, one that holds other networks, or one of frames.
    """
    source = model.inputs[0]
    sides: tuple[int, ...] = (128, 32, 128) if is_volumetric(model) else (256, 256)
    if len(model.inputs) + len(model.outputs) != 2 or len(source.shape) != len(sides) + 2:
        return None
    from imagej_dl.models import backend

    keras = backend.keras()
    specs = {id(source): keras.KerasTensor((1, *sides, source.shape[-1]), "float32")}
    layers = [layer for layer in model.operations if type(layer).__name__ != "InputLayer"]
    read_last = {}
    for number, layer in enumerate(layers):
        holds_others = hasattr(layer, "layers") or type(layer).__name__ not in _KNOWN
        if holds_others or len(layer._inbound_nodes) != 1:
            return None
        for tensor in _tensors(layer.input):
            read_last[id(tensor)] = number
    held, most = dict.fromkeys(specs, _size(specs[id(source)])), 0
    for number, layer in enumerate(layers):
        given = [specs[id(tensor)] for tensor in _tensors(layer.input)]
        made = layer.compute_output_spec(given if isinstance(layer.input, list) else given[0])
        specs[id(layer.output)] = made
        held[id(layer.output)] = _size(made)
        most = max(most, sum(held.values()))
        held = {key: size for key, size in held.items() if read_last.get(key, number) > number}
    return math.ceil(_COPIES * most / math.prod(sides))


def available() -> int | None:
    """Return the memory in bytes that this process may still take; None where not known.

    It is what the system has free, or less where a container or a scheduler sets a limit.
    """
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    if sys.platform == "win32":
        yield from _windows()
        return
    with suppress(OSError, ValueError, IndexError):
        words = Path("/proc/meminfo").read_text().split()
        yield int(words[words.index("MemAvailable:") + 1]) * 1024
    with suppress(OSError, ValueError, AttributeError):
        if sys.platform == "darwin":  # which does not tell what is free: half of all
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    yield from _cgroup(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))


def _cgroup(root: Path, membership: Path) -> Iterator[int]:
    """Yield what the limits of the process's control groups leave, version 2 and version 1."""
    with suppress(OSError):
        for line in membership.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            version_1 = controllers == "memory"
            limit, used = (
                ("memory.limit_in_bytes", "memory.usage_in_bytes")
                if version_1
                else ("memory.max", "memory.current")
            )
            base = root / "memory" if version_1 else root
            group = base / name.strip("/")
            # A limit of any group above holds, too; within a container only the root is seen.
            for folder in (group, *group.parents):
                with suppress(OSError, ValueError):
                    most = int((folder / limit).read_text())  # "max" where there is none
                    if most < 2**60:
                        yield max(0, most - int((folder / used).read_text()))
                if folder == base:
                    break


def _windows() -> Iterator[int]:
    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", *"abcde")),
        ]

    status = Status(length=ctypes.sizeof(Status))
    if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        yield status.free


def _size(tensor: Any) -> int:
    return 4 * math.prod(tensor.shape)


def _tensors(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
