"""Report the corrections, round by round."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imagej_dl import project
from imagej_dl.correction.changes import Changes
from imagej_dl.correction.engine_models import ByEngine
from imagej_dl.correction.records import finished, record
from imagej_dl.correction.state import Retrained, State
from imagej_dl.correction.store import CorrectionStore
from imagej_dl.filesystem.containment import contained


@dataclass(frozen=True)
class Row:
    """A round: the images corrected in it, what was changed on them, and its retraining.

    round : from 1.
    model : the folder's name of the model that proposed.
    images : how many were corrected.
    changes : on all of them together.
    retrained : the outcome of the retraining that ended it; None before.
    """

    round: int
    model: str
    images: int
    changes: Changes
    retrained: Retrained | None


@dataclass(frozen=True)
class Status:
    """The progress of the corrections.

    model : the present model's folder.
    round : the current one, from 1.
    done, total : images that need no correction any more, of all.
    unfinished : whether a retraining was stopped; the step retrain continues it.
    rows : one for each round with corrections or a retraining.
    """

    model: Path
    round: int
    done: int
    total: int
    unfinished: bool
    rows: list[Row]


@contained
def status(
    path: str | os.PathLike[str], model: Path | None = None, by: ByEngine | None = None
) -> Status:
    """Return the progress of the corrections.

    Raises
    ------
    UserError : when no correction has begun, and no model to begin with is named.
    """
    store = CorrectionStore.open(path, model, by)
    sheets = project.sheets(path)
    record(store, sheets)
    store.save()
    state = store.state
    return Status(
        model=store.present,
        round=state.round,
        done=sum(finished(store, sheet) for sheet in sheets),
        total=len(sheets),
        unfinished=state.training is not None,
        rows=rows(state),
    )


def rows(state: State) -> list[Row]:
    """Return the rows of the state's table."""
    ended = {item.round: item for item in state.retrained}
    found = []
    for number in sorted({*ended, *(item.round for item in state.corrected.values())}):
        mine = [item for item in state.corrected.values() if item.round == number]
        changes = sum((item.changes for item in mine), Changes())
        by = ", ".join(sorted({Path(item.by).name for item in mine}))
        found.append(Row(number, by, len(mine), changes, ended.get(number)))
    return found


def table(found: list[Row]) -> str:
    """Format the rows as a table."""
    head = ("round", "model", "images", "kept", "changed", "added", "deleted", "pixels changed")
    lines: list[tuple[str, ...]] = [head]
    for row in found:
        c = row.changes
        numbers = (row.images, c.kept, c.changed, c.added, c.deleted)
        share = f"{100 * c.share:.1f} %" if row.images else "-"
        lines.append((str(row.round), row.model or "-", *map(str, numbers), share))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
