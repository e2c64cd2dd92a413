"""Optional libraries; one that is missing is told apart from one that does not load."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from imagej_dl.errors import UserError

_LOADER = re.compile(
    r"GLIBC|CXXABI|shared object|undefined symbol|DLL load failed|image not found|"
    r"Library not loaded|Symbol not found|wrong ELF|invalid ELF|mach-o|Illegal instruction",
    re.IGNORECASE,
)
"""Messages of dynamic loaders about a library that does not fit the machine."""

process_is_ours = False
"""True where a command of imagej-dl, and no code of a user's, is what this process is for."""


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Hide libraries that are not imported yet, as if they were not installed.

    For another library that imports them in passing, and for processes of our own alone: what it
    would do with them it cannot do afterwards.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


def need(name: str, words: str, install: str) -> Any:
    """Import a library and return it.

    Parameters
    ----------
    name : of the module.
    words : what the user knows it as, such as "Optuna, which chooses what to try,".
    install : how it is installed, as a sentence.

    Raises
    ------
    UserError : when it is not installed; or, with its own words, when it does not load.
    """
    try:
        return import_module(name)
    except ImportError as error:
        if missing(error, name):
            raise UserError(f"{words} is not installed", remedy=install) from error
        raise broken(words, error) from error
    except Exception as error:  # a compiled part raises OSError, a stale one whatever it meets
        raise broken(words, error) from error


def there(name: str) -> bool:
    """Return whether a library is installed, without importing it."""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # it was set to None, or its parent does not load
        return False


def missing(error: ImportError, name: str) -> bool:
    """Return whether the library itself is missing, not one that it needs."""
    wanted = name.split(".")
    found = (error.name or "").split(".")
    return isinstance(error, ModuleNotFoundError) and wanted[: len(found)] == found


def broken(words: str, error: BaseException) -> UserError:
    """Return the error for a library that is installed and does not load, with the cause."""
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return UserError(
        f"{words} is installed, but does not load ({cause(said)})",
        remedy="Reinstall it in this environment with the libraries named above, or leave it out.",
    )


def cause(said: str) -> str:
    """Return the line of a program's output that tells the cause: a loader's, else the last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    loaders = [line for line in lines if _LOADER.search(line)]
    return (loaders or lines or ["no message"])[-1][:400]
