"""The search for settings, as `search` and `train --search` do it."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagej_dl.commands.base import say
from imagej_dl.errors import UserError
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.commands.train import Train


def find(project: Path, out: Path, progress: Progress, **options: Any) -> dict[str, Any] | None:
    """Search with these options of :func:`imagej_dl.search.search`; say and return the best."""
    from imagej_dl.search import search

    if not project.is_dir():
        raise UserError("there is no such folder", path=project)
    found = search(project, out, progress=progress, **options)
    if found is None:
        return None
    words = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    what = "average precision at IoU .5" if options.get("kind") == "border" else "Dice"
    say(f"{out}: best of {found.trials} trials ({what} {found.score:.3f}): {words}")
    return found.settings


def before(training: Train, apart: Set[str], progress: Progress) -> Train:
    """Search for what the training is not given; return it with what was found.

    `apart` names its fields that are no settings of a training.
    """
    from imagej_dl.files import refuse_existing
    from imagej_dl.search import Space
    from imagej_dl.search.report import train_keys

    assert training.out is not None
    if training.start is not None:
        raise UserError(
            "search and start exclude each other",
            remedy="A model to start from has decided what would be searched.",
        )
    if training.out.is_dir() and any(training.out.iterdir()):
        refuse_existing(training.out, training.overwrite)
    further = training.further()
    base = training.model_dump(exclude=set(apart)) | further
    fixed = {n: base[n] for n in Space.model_fields if n in training.model_fields_set | {*further}}
    fixed = {name: value for name, value in fixed.items() if value is not None}
    space = Space.model_validate({name: (value,) for name, value in fixed.items()})
    searched = {*Space.model_fields, "epochs", "steps", "minutes", "patience"}
    base = {name: value for name, value in base.items() if name not in searched}
    best = find(training.project, training.search_folder(), progress, space=space, **base)
    found = train_keys(best or {})
    found["settings"] = {**further, **found.get("settings", {})} or None
    return training.model_copy(update={**found, "search": False})
