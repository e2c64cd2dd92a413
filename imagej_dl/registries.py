"""The search of registries for what the modules of a package declare; none is listed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def modules(package: str) -> Iterator[ModuleType]:
    """Import and yield the modules of a package, in alphabetical order; not its packages."""
    for found in iter_modules(import_module(package).__path__, f"{package}."):
        if not found.ispkg:
            yield import_module(found.name)


def by_name(package: str, base: type, order: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the subclasses of `base` that a package's modules define, by their `name`.

    Parameters
    ----------
    base : has an empty `name`, as have the subclasses that are bases of others.
    order : key by which they are sorted.

    Raises
    ------
    ValueError : when two have the same name.
    """
    declared: dict[str, Any] = {}
    for module in modules(package):
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if not (own and issubclass(value, base) and value.name):
                continue
            if declared.setdefault(value.name, value) is not value:
                raise ValueError(f"{declared[value.name]} and {value} have the same name")
    return dict(sorted(declared.items(), key=lambda item: order(item[1])))
