"""Cell Tracking Challenge scores of a result folder: SEG, DET, TRA and more, by py-ctcmetrics."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import UserError, warn
from imagej_dl.evaluation import ctc_rules
from imagej_dl.evaluation.overlap import overlap
from imagej_dl.tracking import ctc
from imagej_dl.tracking.ctc import CtcFolder

METRICS = ["Valid", "SEG", "DET", "TRA", "LNK", "CT", "TF", "BC", "CCA"]


@dataclass(frozen=True)
class Truth:
    """Tracks of the truth and, by frame, the masks that SEG is measured on; where it was read."""

    tracks: CtcFolder
    segmentation: dict[int, np.ndarray]
    path: Path | None = None


def is_ctc(path: Path) -> bool:
    """Whether a folder holds tracks in the challenge's layout."""
    names = ("res_track.txt", "man_track.txt", "TRA/man_track.txt")
    return any((path / name).is_file() for name in names)


def find_result(path: Path) -> Path:
    """Return the result folder itself, or the only NN_RES in it or in its CTC folder."""
    if is_ctc(path):
        return path
    found = [p for base in (path, path / "CTC") for p in sorted(base.glob("*_RES")) if is_ctc(p)]
    return found[0] if len(found) == 1 else path


def is_segmentation(path: Path) -> bool:
    """Whether a folder is a truth of the challenge's that segments frames but tracks none."""
    return (path / "SEG").is_dir() and not (path / "TRA").is_dir() and not is_ctc(path)


def segmentation_score(result: Path, truth: Path) -> float:
    """Return SEG of a result's masks in the frames that the truth segments.

    Parameters
    ----------
    result : a folder with maskNNN.tif; its table of tracks is not needed.
    truth : a folder with SEG/man_segNNN.tif of some frames or all.

    Raises
    ------
    UserError : when masks of segmented frames are missing or of another shape, and when the
        truth has none or no object.
    """
    from ctc_metrics.metrics import seg

    masks = ctc.numbered(result, "mask")
    true = ctc.numbered(truth / "SEG", "man_seg")
    if missing := sorted(set(true) - set(masks)):
        raise UserError(f"has no mask of frame {missing[0]}, which the truth segments", path=result)
    try:
        found = _match((i, ctc.read_mask(true[i]), ctc.read_mask(masks[i])) for i in true)
    except UserError as error:
        raise error.at(error.path or result) from error
    if not any(found["labels_ref"]):
        raise UserError("segments no object: there is nothing to score", path=truth)
    return seg(found["labels_ref"], found["ious"])


def read_truth(folder: Path) -> Truth:
    """Read `NN_GT` (TRA and SEG), or a folder with man_track.txt and man_trackNNN.tif alone.

    In the second form the tracking masks serve for SEG as well, which is right where they are
    whole objects.
    """
    tracks = ctc.read(folder)
    if (folder / "TRA").is_dir():
        files = ctc.numbered(folder / "SEG", "man_seg") if (folder / "SEG").is_dir() else {}
        masks = {number: ctc.read_mask(path) for number, path in files.items()}
        return Truth(tracks, masks, folder)
    return Truth(tracks, dict(enumerate(tracks.masks)), folder)


def score(result: CtcFolder, truth: Truth, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Score a result against the truth; `also` by these measures of py-ctcmetrics (CHOTA, …).

    Returns
    -------
    SEG, DET, TRA (0 to 1, more is better), LNK, CT, TF, BC(i) and others. A score that is not
    defined, such as BC without divisions or SEG without segmentation truth, is None or left out.

    Raises
    ------
    UserError : when frames or shapes differ, or the result breaks the challenge's rules.
    """
    frames, true_frames = len(result.masks), len(truth.tracks.masks)
    if frames != true_frames:
        raise UserError(f"the result has {frames} frames, the truth {true_frames}")
    tracking = _match(
        (number, *pair)
        for number, pair in enumerate(zip(truth.tracks.masks, result.masks, strict=True))
    )
    beyond = [number for number in truth.segmentation if number >= frames]
    if beyond:
        raise UserError(f"the truth segments frame {beyond[0]}; the result has {frames} frames")
    segmentation = _match(
        (number, mask, result.masks[number]) for number, mask in truth.segmentation.items()
    )
    ctc_rules.check_result(result, tracking["labels_comp"])
    ctc_rules.check_truth(truth.tracks, tracking["labels_ref"], truth.path)
    if not any(tracking["labels_ref"]):
        raise UserError("the truth has no objects: there is nothing to score", path=truth.path)
    if not any(tracking["labels_comp"]):
        warn("the result has no objects: its scores are 0")
        names = ("SEG", "DET", "TRA", "LNK", "CT", "TF", *also)
        return {"Valid": 1, **dict.fromkeys(names, 0.0)}
    return _calculate(result, truth, tracking, segmentation, also)


def _calculate(
    result: CtcFolder,
    truth: Truth,
    tracking: dict[str, Any],
    segmentation: dict[str, Any],
    also: tuple[str, ...],
) -> dict[str, Any]:
    from ctc_metrics.scripts.evaluate import calculate_metrics

    if len(result.masks) == 1:
        # py-ctcmetrics wants two frames; one without objects changes no score.
        tracking = {name: [*values, []] for name, values in tracking.items()}
    # It makes tables as long as the largest id, so ids are numbered anew in their order.
    rows, ours = _numbered(truth.tracks.tracks), _numbered(result.tracks)
    tracking = tracking | {
        f"{name}_{side}": _numbers(tracking[f"{name}_{side}"], of.tracks)
        for name in ("labels", "mapped")
        for side, of in (("ref", truth.tracks), ("comp", result))
    }
    undefined = set() if any(segmentation["labels_ref"]) else {"SEG"}
    if not np.any((rows[:, 1] < rows[:, 2]) | (rows[:, 3] > 0)):
        undefined.add("LNK")  # the truth has no link
    wanted = [name for name in (*METRICS, *also) if name not in undefined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = calculate_metrics(ours, rows.copy(), tracking, segmentation, wanted, True)
    scores = {key: _plain(value) for key, value in found.items() if not isinstance(value, dict)}
    return {key: value for key, value in scores.items() if key != "BC" or value is not None}


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


def _match(frames: Iterable[tuple[int, np.ndarray, np.ndarray]]) -> dict[str, list[list]]:
    """Match frames (number, truth, result): more than half of the true object is covered."""
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
