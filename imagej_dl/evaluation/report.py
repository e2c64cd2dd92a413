"""The evaluation of predictions against the ground truth, and its report."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from imagej_dl import ctc
from imagej_dl.errors import UserError, warn
from imagej_dl.evaluation import ctc_metrics as challenge
from imagej_dl.evaluation.matching import THRESHOLDS, Matching, match, total
from imagej_dl.evaluation.pairing import frames, pair, true_frames
from imagej_dl.filesystem.atomic import atomic, load_json, refuse_existing
from imagej_dl.filesystem.text import write_text
from imagej_dl.images.checks.repeated_warnings import gathered
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import marks
from imagej_dl.progress import Progress, note, silent

_FRAMES = "If the slices are frames, pass --axes TYX, or set them in ImageJ's Image > Properties."
# The scores of tracks that the table shows; the JSON holds all.
_SHOWN = {
    "SEG": "SEG",
    "DET": "DET",
    "TRA": "TRA",
    "LNK": "LNK",
    "CT": "complete tracks CT",
    "TF": "track fractions TF",
    "BC(0)": "divisions BC(0)",
    "BC(1)": "within a frame BC(1)",
    "BC(2)": "within two frames BC(2)",
    "gt_divisions": "true divisions",
    "tp_div(1)": "found within a frame",
    "fp_div(1)": "false ones",
}


@dataclass(frozen=True)
class Report:
    """The scores of label maps (`matchings`, one for each threshold) or of tracks (`tracks`).

    `slices` is the depth of the deepest volume whose objects were matched as a whole, 1 for planes.
    """

    pred: str
    truth: str
    matchings: list[Matching] = field(default_factory=list)
    images: dict[str, list[Matching]] = field(default_factory=dict)
    tracks: dict[str, Any] = field(default_factory=dict)
    slices: int = 1

    @property
    def mean_average_precision(self) -> float | None:
        """Mean of the average precisions over the thresholds; None where there is no object."""
        if not self.matchings or math.isnan(self.matchings[0].average_precision):
            return None
        return sum(m.average_precision for m in self.matchings) / len(self.matchings)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        found: dict[str, Any] = {"pred": self.pred, "truth": self.truth}
        if self.matchings:
            found["mean_average_precision"] = self.mean_average_precision
            found["thresholds"] = [m.to_json() for m in self.matchings]
            found["images"] = {n: [m.to_json() for m in ms] for n, ms in self.images.items()}
            found["slices"] = self.slices
        if self.tracks:
            found["tracks"] = self.tracks
        return found

    def write(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the report as JSON."""
        path = Path(path)
        refuse_existing(path, overwrite)
        with atomic(path) as temporary:
            text = json.dumps(self.to_json(), indent=2, ensure_ascii=False)
            write_text(temporary, text + "\n")

    def table(self) -> str:
        """Return the scores as a table to read."""
        lines = []
        if self.matchings:
            lines.append(
                "  IoU      AP      F1  precision  recall      PQ  mean IoU  objects (pred)"
            )
            for m in self.matchings:
                scores = (
                    f"{shown(m.average_precision, 6)}  {shown(m.f1, 6)}  {shown(m.precision, 9)}  "
                    f"{shown(m.recall, 6)}  {shown(m.panoptic_quality, 6)}  "
                    f"{shown(m.mean_matched_iou, 8)}"
                )
                lines.append(f"{m.threshold:5.2f}  {scores}  {m.n_true:7d} ({m.n_pred})")
            lines.append(f" mean  {shown(self.mean_average_precision, 6)}")
            if self.mean_average_precision is None:
                lines.append(
                    "There are no objects in the ground truth or the prediction: no score is "
                    "defined."
                )
            if self.slices > 1:
                lines.append(
                    f"Objects are those of volumes of up to {self.slices} slices, as a whole. "
                    f"{_FRAMES}"
                )
        for key in _SHOWN:
            if key not in self.tracks:
                continue
            value = self.tracks[key]
            text = "–" if value is None else f"{value:.4f}" if isinstance(value, float) else value
            lines.append(f"{_SHOWN[key]:>24}  {text}")
        return "\n".join(lines)


def shown(score: float | None, width: int = 0) -> str:
    """Write a score with three decimals, and an undefined one (None, NaN) as a dash."""
    text = "–" if score is None or math.isnan(score) else f"{score:.3f}"
    return f"{text:>{width}}"


@gathered()
def evaluate(
    pred: str | Path,
    truth: str | Path,
    axes: str | None = None,
    progress: Progress = silent,
    *,
    sparse: bool = False,
) -> Report:
    """Evaluate label maps or tracks against the ground truth.

    Parameters
    ----------
    pred, truth : two label files (a movie counts frame by frame), two folders of label maps with
        equal names, or two Cell Tracking Challenge folders; `pred` may also be the folder that
        `imagej-dl track` wrote. Ground truth with SEG alone gives SEG of the frames that it has;
        label files are scored against SEG of `NN_GT` as well.
    axes : the axes of label files that do not say them, such as TYX.
    sparse : not all objects of the ground truth are drawn. What lies neither within 2 px of a
        drawn object nor in what is marked as background is unknown then (see :func:`match`). What
        is marked as ignored always is. Tracks are not scored so; SEG alone is the same.

    Raises
    ------
    UserError : for unequal shapes or numbers of frames, missing pairs and unreadable files, and for
        tracks of a ground truth that is sparse.
    """
    pred, truth = Path(pred), Path(truth)
    if all(map(registry.is_plain_folder, (pred, truth))):
        pred = ctc.find_result(pred)
        if ctc.is_ctc(pred) and ctc.is_ctc(truth):
            _warn_of_axes(axes, pred)
            if sparse:
                raise UserError(
                    "tracks are not scored sparsely: DET, TRA and others count every object that "
                    "the ground truth lacks as false",
                    path=truth,
                    remedy="Leave sparse out, or name a label movie as the prediction (such as "
                    "the one that was tracked): its objects are scored frame by frame.",
                )
            try:
                scores = challenge.score(ctc.read(pred), ctc.read_truth(truth))
            except UserError as error:
                raise error.at(error.path or pred) from error
            return Report(str(pred), str(truth), tracks=scores)
        if ctc.is_segmentation(truth) and ctc.numbered(pred, "mask"):
            _warn_of_axes(axes, pred)
            also = ", which counts drawn objects alone, sparse or not" if sparse else ""
            note(progress, f"{truth}: has no tracks (TRA); only SEG is measured{also}")
            segmented = {"SEG": challenge.segmentation_score(pred, truth)}
            return Report(str(pred), str(truth), tracks=segmented)
    pairs = pair(pred, truth)
    images, slices = {}, 1
    for number, (name, one, other) in enumerate(pairs):
        _warn_of_lineages(one)
        _warn_of_lineages(other)
        images[name], depth = _image(one, other, axes, marks.RING if sparse else None)
        slices = max(slices, depth)
        progress("evaluating", number + 1, len(pairs))
    return Report(str(pred), str(truth), total(images.values()), images, slices=slices)


def _warn_of_axes(axes: str | None, pred: Path) -> None:
    if axes is not None:
        warn("has the axes of its format, so axes has no effect", path=pred)


def _warn_of_lineages(path: Path) -> None:
    """Warn of a tracked label map in which cells of a lineage, such as daughters, share an id."""
    if path.name != "tracked.tif":
        return
    for name in ("settings.json", "corrections.json"):
        found = None
        with suppress(UserError):  # not there, or not ours
            found = load_json(path.with_name(name))
        counts = found.get("counts") if isinstance(found, dict) else None
        if isinstance(counts, dict) and (counts.get("divisions") or counts.get("merges")):
            warn(
                "has one id for each whole lineage, so that both daughters of a cell count as one "
                "object",
                path=path,
                remedy="Score the label movie that was tracked, or the folder beside it, *_RES "
                "(in CTC) or *_GT, whose masks have an id for each cell.",
            )
            return


def _image(
    pred: Path, truth: Path, axes: str | None, ring: int | None
) -> tuple[list[Matching], int]:
    """Match the objects of two files, and return the slices of their volumes, 1 for planes."""
    found, slices = [], 1
    both = zip_longest(true_frames(truth, axes, ring), frames(pred, axes))
    for number, (true, guess) in enumerate(both):
        if true is None or guess is None:
            which = "fewer" if guess is None else "more"
            raise UserError(f"has {which} frames than its ground truth {truth}", path=pred)
        drawn, known = true
        if drawn is None:  # not segmented
            continue
        try:
            found.append(match(drawn, guess, THRESHOLDS, known=known))
        except UserError as error:
            stacked = drawn.ndim != guess.ndim
            raise UserError(
                f"in frame {number} {error.problem}",
                path=pred,
                remedy=_FRAMES if stacked else None,
            ) from error
        slices = max(slices, len(guess) if guess.ndim == 3 else 1)
    return total(found), slices
