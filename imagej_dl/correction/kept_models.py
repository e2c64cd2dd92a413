"""Models as the state of the corrections names them, so that it can be moved with its project."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.models.ready import registry as ready

READY = "ready:"
"""Before the name of a ready model, whose folder is elsewhere on each machine."""
NAMED = "named:"
"""Before the name of a model that an engine has."""


def kept(project: Path, path: Path, engine: str = "") -> str:
    """Return a model's path as the state has it: relative to the project if it lies in it."""
    if engine and not path.exists():
        return NAMED + str(path)
    if not engine and (name := ready.name_of(path)) is not None:
        return READY + name
    real, root = path.resolve(), project.resolve()
    return real.relative_to(root).as_posix() if root in real.parents else str(real)


def path_of(project: Path, name: str) -> Path:
    """Return the path of a model that the state has as `name`; of one of an engine, its name."""
    if name.startswith(NAMED):
        return Path(name.removeprefix(NAMED))
    if name.startswith(READY):
        return ready.HOME / name.removeprefix(READY)
    return project / name  # an absolute one stays as it is
