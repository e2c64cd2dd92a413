"""How much had to be corrected, round by round."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imagej_dl import project
from imagej_dl.correction.changes import Changes
from imagej_dl.correction.records import finished, record
from imagej_dl.correction.rounds import Retrained, State
from imagej_dl.correction.state import Book
from imagej_dl.filesystem.containment import contained


@dataclass(frozen=True)
class Row:
    """A round: the images corrected in it, what was changed on them, and its retraining.

    round : from 1.
    model : the folder's name of the model that proposed.
    images : how many were corrected.
    changes : on all of them together.
    retrained : what came of the retraining that ended it; None while it is under way.
    """

    round: int
    model: str
    images: int
    changes: Changes
    retrained: Retrained | None


@dataclass(frozen=True)
class Status:
    """How far the loop is.

    model : the present model's folder.
    round : the one under way, from 1.
    done, total : images that need no correction any more, of all.
    unfinished : whether a retraining was stopped; the step retrain goes on with it.
    rows : one for each round with corrections or a retraining.
    """

    model: Path
    round: int
    done: int
    total: int
    unfinished: bool
    rows: list[Row]


@contained
def status(path: str | os.PathLike[str], model: Path | None = None) -> Status:
    """Say how far the loop is.

    Raises
    ------
    UserError : when no correction has begun, and no model to begin with is named.
    """
    book = Book.open(path, model)
    sheets = project.sheets(path)
    record(book, sheets)
    book.save()
    state = book.state
    return Status(
        model=book.present,
        round=state.round,
        done=sum(finished(book, sheet) for sheet in sheets),
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
    """Write the rows as a table of text."""
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
