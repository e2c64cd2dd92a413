"""Cell Tracking Challenge scores of a result folder: SEG, DET, TRA and more, by py-ctcmetrics."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl import ctc
from imagej_dl.ctc import CtcFolder, GroundTruth, problem_of
from imagej_dl.errors import UserError, warn
from imagej_dl.evaluation.overlap import overlap

_OF_OBJECTS = ("SEG", "DET", "TRA", "LNK", "CT", "TF")  # 0 where a result has no object
METRICS = ["Valid", *_OF_OBJECTS, "BC", "CCA"]

Matched = dict[str, list[list]]
"""For each frame the objects of ground truth and result, and those of both that match."""


def segmentation_score(result: Path, truth: Path) -> float:
    """Return SEG of a result's masks in the frames that the ground truth segments.

    Parameters
    ----------
    result : a folder with maskNNN.tif; its table of tracks is not needed.
    truth : the ground truth, a folder with SEG/man_segNNN.tif of some frames or all.

    Raises
    ------
    UserError : when masks of segmented frames are missing or of another shape, and when the
        ground truth has none or no object.
    """
    from ctc_metrics.metrics import seg

    masks = ctc.numbered(result, "mask")
    true = ctc.segmented(truth)
    if missing := sorted(set(true) - set(masks)):
        raise UserError(
            f"has no mask of frame {missing[0]}, which the ground truth segments", path=result
        )
    try:
        found = _match((i, ctc.read_mask(true[i]), ctc.read_mask(masks[i])) for i in true)
    except UserError as error:
        raise error.at(error.path or result) from error
    if not any(found["labels_ref"]):
        raise UserError("segments no object: there is nothing to score", path=truth)
    return seg(found["labels_ref"], found["ious"])


def score(result: CtcFolder, truth: GroundTruth, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Score a result against the ground truth.

    Parameters
    ----------
    also : further measures of py-ctcmetrics, such as CHOTA.

    Returns
    -------
    SEG, DET, TRA (0 to 1, more is better), LNK, CT, TF, BC(i) and others. A score that is not
    defined, such as BC without divisions or SEG without segmentation, is None or left out.

    Raises
    ------
    UserError : when frames or shapes differ, or the result breaks the challenge's rules.
    """
    return score_matched(result.tracks, truth, *matches(result.masks, truth), also)


def matches(masks: np.ndarray, truth: GroundTruth) -> tuple[Matched, Matched]:
    """Match masks (T, Y, X) with the ground truth's tracks, and with its segmentation.

    Raises
    ------
    UserError : when frames or shapes differ.
    """
    frames, true_frames = len(masks), len(truth.tracks.masks)
    if frames != true_frames:
        raise UserError(f"the result has {frames} frames, the ground truth {true_frames}")
    tracking = _match(
        (number, *pair) for number, pair in enumerate(zip(truth.tracks.masks, masks, strict=True))
    )
    beyond = [number for number in truth.segmentation if number >= frames]
    if beyond:
        raise UserError(
            f"the ground truth segments frame {beyond[0]}; the result has {frames} frames"
        )
    segmentation = _match(
        (number, mask, masks[number]) for number, mask in truth.segmentation.items()
    )
    return tracking, segmentation


def score_matched(
    rows: np.ndarray,
    truth: GroundTruth,
    tracking: Matched,
    segmentation: Matched,
    also: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Score a table of tracks whose masks were matched with those of the ground truth already.

    Parameters
    ----------
    rows : (n, 4) the table of tracks.
    tracking, segmentation : the objects of each frame of the ground truth's tracks, and of its
        segmentation, and those of the result that cover them; see :func:`matches`.

    Returns and raises as :func:`score`.
    """
    _check_result(rows, len(truth.tracks.masks), tracking["labels_comp"])
    _check_truth(truth.tracks, tracking["labels_ref"], truth.path)
    if not any(tracking["labels_ref"]):
        raise UserError(
            "the ground truth has no objects: there is nothing to score", path=truth.path
        )
    if not any(tracking["labels_comp"]):
        warn("the result has no objects: its scores are 0")
        undefined = _undefined(truth.tracks.tracks, segmentation)
        names = (*(name for name in _OF_OBJECTS if name not in undefined), *also)
        return {"Valid": 1, **dict.fromkeys(names, 0.0)}
    return _calculate(rows, truth, tracking, segmentation, also)


def _check_truth(truth: CtcFolder, labels: list[list], path: Path | None) -> None:
    """Refuse ground truth whose masks and table do not belong together.

    Masks may lack a track that the table has, as some of the challenge's own do.
    """
    listed = set(truth.tracks[:, 0].tolist())
    problem = problem_of(truth.tracks, len(truth.masks), strict=False)
    for frame, here in enumerate(labels):
        if not problem and (extra := set(here) - listed):
            problem = f"has no id {min(extra)}, which is in the mask of frame {frame}"
    if problem:
        raise UserError(f"the ground truth's table of tracks {problem}", path=path)


def _check_result(rows: np.ndarray, frames: int, labels: list[list]) -> None:
    """Refuse what the challenge's own check refuses, saying what it is."""
    if problem := problem_of(rows, frames):
        raise UserError(f"the table of tracks {problem}")
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for number, first, last, _ in rows.tolist():
        begins.setdefault(first, []).append(number)
        ends.setdefault(last + 1, []).append(number)
    listed: set[int] = set()
    for frame, here in enumerate(labels):
        listed.update(begins.get(frame, ()))
        listed.difference_update(ends.get(frame, ()))
        if extra := set(here) - listed:
            raise UserError(
                f"the mask of frame {frame} has the id {min(extra)}, which is missing in the table"
            )
        if missing := listed - set(here):
            raise UserError(f"track {min(missing)} is not in the mask of frame {frame}")


def _calculate(
    table: np.ndarray,
    truth: GroundTruth,
    tracking: Matched,
    segmentation: Matched,
    also: tuple[str, ...],
) -> dict[str, Any]:
    from ctc_metrics.scripts.evaluate import calculate_metrics

    if len(truth.tracks.masks) == 1:
        # py-ctcmetrics wants two frames; one without objects changes no score.
        tracking = {name: [*values, []] for name, values in tracking.items()}
    # It makes tables as long as the largest id, so ids are numbered anew in their order.
    rows, ours = _numbered(truth.tracks.tracks), _numbered(table)
    tracking = tracking | {
        f"{name}_{side}": _numbers(tracking[f"{name}_{side}"], of)
        for name in ("labels", "mapped")
        for side, of in (("ref", truth.tracks.tracks), ("comp", table))
    }
    undefined = _undefined(rows, segmentation)
    wanted = [name for name in (*METRICS, *also) if name not in undefined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = calculate_metrics(ours, rows.copy(), tracking, segmentation, wanted, True)
    scores = {key: _plain(value) for key, value in found.items() if not isinstance(value, dict)}
    return {key: value for key, value in scores.items() if key != "BC" or value is not None}


def _undefined(rows: np.ndarray, segmentation: Matched) -> set[str]:
    """Return the scores that a ground truth without segmentation, or without a link, leaves open.

    `rows` is its table of tracks.
    """
    undefined = set() if any(segmentation["labels_ref"]) else {"SEG"}
    if not np.any((rows[:, 1] < rows[:, 2]) | (rows[:, 3] > 0)):
        undefined.add("LNK")
    return undefined


def _numbered(rows: np.ndarray) -> np.ndarray:
    """Return a table of tracks whose ids are 1 to their number."""
    ids = np.unique(rows[:, 0])
    made = rows.copy()
    made[:, 0] = np.searchsorted(ids, rows[:, 0]) + 1
    made[:, 3] = np.where(rows[:, 3] > 0, np.searchsorted(ids, rows[:, 3]) + 1, 0)
    return made


def _numbers(frames: list[list], rows: np.ndarray) -> list[list]:
    """Return the ids of masks, frame by frame, numbered as :func:`_numbered` does."""
    ids = np.unique(rows[:, 0])
    return [(np.searchsorted(ids, np.array(here, np.int64)) + 1).tolist() for here in frames]


def _plain(value: Any) -> float | int | None:
    if value is None:
        return None
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(value) if isinstance(value, int | np.integer) else number


def _match(frames: Iterable[tuple[int, np.ndarray, np.ndarray]]) -> Matched:
    """Match frames (number, ground truth, result); more than half of the true object is covered."""
    names = ("labels_ref", "labels_comp", "mapped_ref", "mapped_comp", "ious")
    found: dict[str, list[list]] = {name: [] for name in names}
    for number, true, mask in frames:
        try:
            frame = overlap(true, mask)
        except UserError as error:
            raise UserError(f"in frame {number} {error.problem}") from error
        good = frame.covered > 0.5
        columns = (
            frame.truth,
            frame.pred,
            frame.truth[frame.rows[good]],
            frame.pred[frame.columns[good]],
            frame.ious[good],
        )
        for name, values in zip(names, columns, strict=True):
            found[name].append(values.tolist())
    return found
