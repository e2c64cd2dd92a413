"""Checkpoints of PyTorch that a library would unpickle, opened without unpickling.

`torch.load(..., weights_only=False)` runs whatever a file says. Here a file is opened by PyTorch's
restricted reader alone: tensors, numbers, text and containers of them come out. A file that names
anything else is refused, or holds an :class:`Inert` in its place: what it names is then neither
imported nor called.

Files of tensors alone are opened with PyTorch 1.13, too: Debian 12 has it, and Cellpose works with
it. All else takes PyTorch 2.6.
"""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from serve import Refused

_load = torch.load
_tells_what_it_names = hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint")

# PyTorch keeps to the restricted reader where a library asks for the contrary.
os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)


class Inert:
    """Stands for an object of a checkpoint; it does nothing, and keeps its name and its contents.

    Trainers put their data sets and callbacks into a checkpoint; the weights need none of them.
    """

    named = ""
    held: Any = None

    def __new__(cls, *args: Any, **named: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *args: Any, **named: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.held = state


def opened(file: Any, map_location: Any = "cpu", inert: bool = False, **how: Any) -> Any:
    """Return what a checkpoint holds.

    Parameters
    ----------
    file : a path, or an open file.
    inert : take a file that holds other objects, too, with an :class:`Inert` for each.
    how : further arguments of `torch.load`, such as mmap.

    Raises
    ------
    Refused : for a file that holds other objects, or is no checkpoint.
    """
    name = str(file if isinstance(file, (str, os.PathLike)) else getattr(file, "name", "a file"))
    how |= {"map_location": map_location, "weights_only": True}
    try:
        if not _tells_what_it_names:
            return _tensors_of(file, name, inert, how)
        with torch.serialization.safe_globals(_harmless()):
            others = _others(file)
            if others and not inert:
                raise Refused(
                    f"{name} holds more than tensors and numbers ({', '.join(others[:3])}) and is "
                    "not opened, since that would run what it says"
                )
            stand_ins = [(type("Inert", (Inert,), {"named": one}), one) for one in others]
            with torch.serialization.safe_globals(stand_ins):
                return _load(file, **how)
    except (Refused, MemoryError):
        raise
    except Exception as error:
        raise Refused(
            f"{name} is no checkpoint that can be opened safely ({_cause(error)})"
        ) from None


@contextmanager
def safely(inert: bool = False) -> Iterator[None]:
    """Within it `torch.load` is :func:`opened`, whatever a library asks of it."""

    def load(f: Any, map_location: Any = None, *args: Any, **asked: Any) -> Any:
        return opened(f, map_location, inert)

    torch.load = load
    try:
        yield
    finally:
        torch.load = _load


def without_prefix(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return the tensors of a state, with a prefix of their names left out."""
    return {key.removeprefix(prefix): value for key, value in state.items()}


def name_of(value: Any) -> str:
    """Return the full name of a class or function that a checkpoint names, "" of another value."""
    if isinstance(value, Inert) or (isinstance(value, type) and issubclass(value, Inert)):
        return value.named
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else ""


def _tensors_of(file: Any, name: str, inert: bool, how: dict[str, Any]) -> Any:
    """Return what a file of tensors alone holds, with PyTorch before 2.6.

    Its restricted reader runs two kinds of files all the same (CVE-2025-32434): they are refused.
    """
    if inert or not hasattr(torch, "_weights_only_unpickler"):
        raise Refused(
            "this PyTorch cannot open checkpoints safely", "Install PyTorch 2.6 or later."
        )
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            script = any(one.endswith("/constants.pkl") for one in archive.namelist())
    else:
        script = tarfile.is_tarfile(file)
    if hasattr(file, "seek"):
        file.seek(0)
    if script:
        raise Refused(f"{name} holds a program, not weights alone, and is not opened")
    return _load(file, **how)


def _others(file: Any) -> list[str]:
    """Return what a file names that is no tensor or number, without opening it."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(file))
    except ValueError:
        return []  # no zip archive, as PyTorch wrote before 1.6; the restricted reader decides
    finally:
        if hasattr(file, "seek"):
            file.seek(0)


def _harmless() -> list[Any]:
    """Return the NumPy types that loggers and optimisers put into checkpoints: numbers and arrays
    of numbers, under the names of NumPy 1 and 2."""
    core = np._core if hasattr(np, "_core") else np.core
    codes = np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"
    made = [core.multiarray.scalar, core.multiarray._reconstruct]
    named = [
        (one, f"numpy.{place}.multiarray.{one.__name__}")
        for one in made
        for place in ("core", "_core")
    ]
    return [np.ndarray, np.dtype, *{type(np.dtype(code)) for code in codes}, *named]


def _cause(error: Exception) -> str:
    """Return the reason of an error in a few words; PyTorch puts it after much advice."""
    text = str(error)
    reason = re.search(r"WeightsUnpickler error: (.+)", text) or re.search(r"(.+)", text)
    return reason[1][:150] if reason else type(error).__name__
