"""`imagej-dl engines`: the segmentation programs of others, and their environments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.engines import registry
from imagej_dl.engines.base import Engine, EngineSettings
from imagej_dl.errors import UserError
from imagej_dl.foreign import environments
from imagej_dl.foreign.program import FIRST_TIMEOUT
from imagej_dl.progress import Progress


class Engines(Command):
    """List engines of others, such as StarDist and Cellpose; install or remove one.

    An engine works in a Python of its own, never in that of imagej-dl. `add NAME` makes an
    environment for it, with uv where that is installed, else with venv and pip; with --python it
    records an environment of yours. `remove NAME` deletes an environment that was made here, and
    forgets one of yours. `show NAME` prints its settings. `imagej-dl predict --engine NAME` and
    `imagej-dl train --engine NAME` use it.
    """

    action: Annotated[Literal["list", "show", "add", "remove"], Positional()] = Field(
        "list", description="list, show, add or remove."
    )
    name: Annotated[str | None, Positional()] = Field(None, description="The engine.")
    python: Path | None = Field(
        None, description="For add: the Python of an environment in which the engine is installed."
    )

    def run(self, progress: Progress) -> None:
        if self.action == "list" and self.name is None:
            for engine in registry.engines().values():
                say(_line(engine))
            return
        if self.name is None:
            raise UserError(
                f"{self.action} needs the name of an engine",
                remedy=f"Known are {', '.join(registry.names())}.",
            )
        if self.python is not None and self.action != "add":
            raise UserError("python: is for add only", remedy="Leave it out.")
        engine = registry.of(self.name)
        if self.action == "add":
            self._add(engine, progress)
        elif self.action == "remove":
            found = environments.remove(engine.name)
            if found.made:
                say(f"{engine.name}: {environments.folder_of(engine.name)} is removed")
            else:
                say(f"{engine.name}: {found.python} is forgotten, and stays as it is")
        else:
            say(_described(engine))

    def _add(self, engine: Engine, progress: Progress) -> None:
        if self.python is not None:
            # What does not load is not recorded.
            version = engine.program.version(self.python)
            engine.check_version(version)
            environments.name_python(engine.name, self.python)
            say(f"{engine.name}: {engine.label} {version} of {self.python} is used")
            return
        if not engine.requirements:
            raise UserError(
                f"{engine.label} cannot be installed by pip",
                remedy=engine.program.hint,
            )
        folder, free = environments.folder_of(engine.name), environments.free()
        size = f"about {engine.gigabytes:.1f} GB" if engine.gigabytes else "of unknown size"
        say(
            f"{engine.name}: {' '.join(engine.requirements)} ({engine.licence}) goes into "
            f"{folder}; {size}, {free / 1e9:.0f} GB are free"
        )
        if engine.gigabytes and free < engine.gigabytes * 1e9:
            raise UserError(
                "there is not enough room for it",
                path=folder,
                remedy="Name a folder on another disk with the variable IMAGEJ_DL_ENGINES.",
            )
        made = environments.make(engine.name, engine.requirements, progress)
        try:
            version = engine.program.version(made.python, FIRST_TIMEOUT)
            engine.check_version(version)
        except BaseException:
            environments.remove(engine.name)
            raise
        size = f"{environments.nbytes(folder) / 1e9:.1f} GB"
        say(f"{engine.name}: {engine.label} {version} is installed ({size})")


def _line(engine: Engine) -> str:
    kept = environments.recorded(engine.name)
    try:
        python = engine.program.find()
    except UserError:
        state = "not installed"
    else:
        own = "" if kept is None else "made here, " if kept.made else "yours, "
        state = f"installed ({own}{python})"
    size = f"{engine.gigabytes:.1f} GB" if engine.gigabytes else "size unknown"
    wanted = ", ".join(engine.requirements) or "not in the package index"
    trains = "predicts and trains" if engine.training_model else "predicts"
    tried = "" if engine.ran == "run" else "; its runner was never run with the real library"
    return (
        f"{engine.name}: {engine.label}, {state}; {wanted}, {size}, {engine.licence}; {trains} "
        f"{engine.gives}{tried}"
    )


def _described(engine: Engine) -> str:
    lines = [
        _line(engine),
        engine.homepage,
        "settings of predict:",
        *_settings(engine.settings_model),
    ]
    if engine.training_model is not None:
        lines += ["settings of train:", *_settings(engine.training_model)]
    return "\n".join(lines)


def _settings(model: type[EngineSettings]) -> list[str]:
    return [
        f"  {name} ({field.get_default(call_default_factory=True)!r}): {field.description}"
        for name, field in model.model_fields.items()
    ]
