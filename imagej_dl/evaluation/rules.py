"""What tables and masks of the Cell Tracking Challenge must fulfil to be scored."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.tracking.ctc import CtcFolder


def check_truth(truth: CtcFolder, labels: list[list], path: Path | None) -> None:
    """Refuse a truth whose masks and table do not belong together.

    Masks may lack a track that the table has, as some of the challenge's own do.
    """
    ids, begins, ends, parents = truth.tracks.T
    listed = set(ids.tolist())
    problem = ""
    if len(listed) != len(ids):
        problem = "names an id twice"
    elif (wrong := ends < begins).any():
        problem = f"has track {ids[wrong][0]} end before it begins"
    elif alone := set(parents[parents != 0].tolist()) - listed:
        problem = f"names the parent {min(alone)}, which is no track in it"
    for frame, here in enumerate(labels):
        if not problem and (extra := set(here) - listed):
            problem = f"lacks id {min(extra)}, which the mask of frame {frame} holds"
    if problem:
        raise UserError(f"the truth's table of tracks {problem}", path=path)


def check_result(result: CtcFolder, labels: list[list]) -> None:
    """Refuse what the challenge's own check refuses, saying what it is."""
    rows = {int(row[0]): row for row in result.tracks}
    if len(rows) != len(result.tracks):
        raise UserError("the table of tracks names an id twice")
    for number, begin, end, parent in result.tracks.tolist():
        if end < begin:
            raise UserError(f"track {number} ends (frame {end}) before it begins ({begin})")
        if parent and parent not in rows:
            raise UserError(f"track {number} has the parent {parent}, which is not in the table")
        if parent and rows[parent][2] >= begin:
            raise UserError(f"track {number} begins before its parent {parent} ends")
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for number, first, last, _ in result.tracks.tolist():
        # A track that begins before the movie is in its first mask as well.
        begins.setdefault(max(first, 0), []).append(number)
        ends.setdefault(max(last + 1, 0), []).append(number)
    listed: set[int] = set()
    for frame, here in enumerate(labels):
        listed.update(begins.get(frame, ()))
        listed.difference_update(ends.get(frame, ()))
        if extra := set(here) - listed:
            raise UserError(f"the mask of frame {frame} holds id {min(extra)}, the table does not")
        if missing := listed - set(here):
            raise UserError(f"track {min(missing)} is not in the mask of frame {frame}")
