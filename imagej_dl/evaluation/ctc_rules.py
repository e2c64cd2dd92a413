"""What tables and masks of the Cell Tracking Challenge must fulfil to be scored."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.tracking.ctc import CtcFolder
from imagej_dl.tracking.ctc_rules import problem_of


def check_truth(truth: CtcFolder, labels: list[list], path: Path | None) -> None:
    """Refuse a truth whose masks and table do not belong together.

    Masks may lack a track that the table has, as some of the challenge's own do.
    """
    listed = set(truth.tracks[:, 0].tolist())
    problem = problem_of(truth.tracks, len(truth.masks), strict=False)
    for frame, here in enumerate(labels):
        if not problem and (extra := set(here) - listed):
            problem = f"lacks id {min(extra)}, which the mask of frame {frame} holds"
    if problem:
        raise UserError(f"the truth's table of tracks {problem}", path=path)


def check_result(result: CtcFolder, labels: list[list]) -> None:
    """Refuse what the challenge's own check refuses, saying what it is."""
    if problem := problem_of(result.tracks, len(result.masks)):
        raise UserError(f"the table of tracks {problem}")
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for number, first, last, _ in result.tracks.tolist():
        begins.setdefault(first, []).append(number)
        ends.setdefault(last + 1, []).append(number)
    listed: set[int] = set()
    for frame, here in enumerate(labels):
        listed.update(begins.get(frame, ()))
        listed.difference_update(ends.get(frame, ()))
        if extra := set(here) - listed:
            raise UserError(f"the mask of frame {frame} holds id {min(extra)}, the table does not")
        if missing := listed - set(here):
            raise UserError(f"track {min(missing)} is not in the mask of frame {frame}")
