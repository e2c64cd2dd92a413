"""The one list of engines, which commands, dialogs, doctor and documentation read.

Every module of this package with a subclass of Engine that has a `name` adds it; none is listed by
hand.
"""

from __future__ import annotations

from functools import cache

from imagej_dl import registries
from imagej_dl.engines.base import Engine
from imagej_dl.errors import UserError


@cache
def engines() -> dict[str, Engine]:
    """Return all engines by their names: those that were run first, then by name."""
    found = registries.by_name(__package__, Engine, lambda one: (one.ran != "run", one.name))
    return {name: made() for name, made in found.items()}


def names() -> tuple[str, ...]:
    """Return the names of all engines."""
    return tuple(engines())


def of(name: str) -> Engine:
    """Return the engine of a name; UserError for an unknown one."""
    try:
        return engines()[name]
    except KeyError:
        raise UserError(
            f"unknown engine {name!r}", remedy=f"Known are {', '.join(names())}."
        ) from None


def register(engine: Engine) -> None:
    """Add an engine from outside this package, before the commands are imported."""
    if engine.name in engines():
        raise ValueError(f"there are two engines {engine.name}")
    engines()[engine.name] = engine
