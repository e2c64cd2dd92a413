"""Writing stays where the user asked for it: no write follows a link out of the folder.

A project or a result from elsewhere may hold links to anywhere, such as to the user's own
settings. A link that the user names is followed, be it a folder on a large disk; one that lies
in the folder that was named may lead to another place in it, but not out of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import ParamSpec, TypeVar

from imagej_dl.errors import UserError

_named: ContextVar[tuple[Path, ...]] = ContextVar("named", default=())

_P = ParamSpec("_P")
_R = TypeVar("_R")


@contextmanager
def named(paths: Iterable[str | os.PathLike[str]]) -> Iterator[None]:
    """Take the paths as those that the user has named, besides those that are known already."""
    roots = [Path(way(path)) for path in paths for way in (os.path.abspath, os.path.realpath)]
    token = _named.set((*_named.get(), *roots))
    try:
        yield
    finally:
        _named.reset(token)


def contained(work: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function whose first argument is a folder that the user names."""
    first = next(iter(signature(work).parameters))

    @wraps(work)
    def within(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with named([str(args[0] if args else kwargs[first])]):
            return work(*args, **kwargs)

    return within


def check(path: str | os.PathLike[str], *, folder: bool = False) -> None:
    """Raise UserError if writing `path` would follow a link out of the folder that was named.

    Parameters
    ----------
    path : what is about to be written, replaced or removed; it need not be there.
    folder : whether it is a folder. One that the user has named may be a link itself; a file
        may only be one to another place in its own folder.

    Notes
    -----
    Of several folders that were named, the innermost around `path` counts. Where none is, it is
    the one that holds `path`, and a folder is taken as named by whoever calls.
    """
    place = Path(os.path.abspath(path))
    known = _named.get()
    around = [root for root in known if root == place or root in place.parents]
    root = max(around, key=lambda root: len(root.parts), default=place.parent)
    if folder and (root == place or not known):
        return
    if root == place:
        root = place.parent
    real, base = Path(os.path.realpath(place)), Path(os.path.realpath(root))
    if real != base and base not in real.parents:
        link = _link(place, root)
        raise UserError(
            f"is a link that leads out of {root}, to {os.path.realpath(link)}; nothing is"
            " written there",
            path=link,
            remedy="Remove the link, or name the place that it leads to.",
        )


def _link(place: Path, root: Path) -> Path:
    """Return the first link on the way from the folder to the place."""
    inner = [part for part in (*reversed(place.parents), place) if root in part.parents]
    return next((part for part in inner if part.is_symlink()), place)
