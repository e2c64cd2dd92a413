"""Steps before a training: missing label maps, and the search for hyperparameters."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagej_dl.commands.base import say
from imagej_dl.errors import UserError
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.training.data_sources import Given


def find(
    source: Path | Given, out: Path, progress: Progress, **options: Any
) -> dict[str, Any] | None:
    """Search with these options of :func:`imagej_dl.search.search`; say and return the best."""
    from imagej_dl.methods import registry
    from imagej_dl.search import search

    if isinstance(source, Path) and not source.is_dir():
        raise UserError("there is no such folder", path=source)
    best = search(source, out, progress=progress, **options)
    if best is None:
        return None
    words = ", ".join(f"{name} {value}" for name, value in best.settings.items())
    what = registry.METHODS[options.get("kind", registry.DEFAULT)].selection.words
    say(f"{out}: best of {best.trials} trials ({what} {best.score:.3f}): {words}")
    return best.settings


def refresh(folder: Path, progress: Progress) -> None:
    """Make the label maps of a project that are missing or behind their ROIs, and say so."""
    from imagej_dl.project import label_maps

    def made(item: label_maps.Made) -> None:
        due = item.due
        why = {
            "new": f"created from {due.item.rois}",
            "newer": f"created again, since {due.item.rois} was changed",
            "missing": "its missing companion files are created",
        }
        say(f"{due.place}: {why[due.why]}")

    label_maps.refresh(folder, progress, made=made)


def settings(
    source: Path | Given, out: Path, given: dict[str, Any], fixed: Set[str], progress: Progress
) -> dict[str, Any]:
    """Search for what a training is not given; return its fields that were found.

    Parameters
    ----------
    source : what the training is on.
    given : the training's settings.
    fixed : those of them that the user has decided.
    """
    from imagej_dl.search import Space
    from imagej_dl.search.report import train_keys

    decided = {name: given[name] for name in Space.model_fields if name in fixed}
    decided = {name: value for name, value in decided.items() if value is not None}
    space = Space.model_validate({name: (value,) for name, value in decided.items()})
    searched = {*Space.model_fields, "epochs", "steps", "minutes", "patience"}
    base = {name: value for name, value in given.items() if name not in searched}
    return train_keys(find(source, out, progress, space=space, **base) or {})
