"""`imagej-dl corrections`: turn tracks corrected in TrackMate into ground truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import atomic_folder, heal, refuse_existing, refuse_input
from imagej_dl.filesystem.names import cut
from imagej_dl.filesystem.text import write_text
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.ctc import CtcFolder
    from imagej_dl.tracking.corrections import Corrected

# Folders that are written with an image only.
_TRAINING = ("training/images", "training/masks")


class Corrections(Command):
    """Turn tracks corrected in TrackMate into ground truth.

    Writes the label movie and the lineage as they were edited: tracked.tif (one id for each
    track), 01_GT (Cell Tracking Challenge ground truth), lineage.csv, spots.csv, edges.csv,
    tracks.xml; with --image the corrected frames as images and masks for `train`; and
    corrections.json: the changes, and the scores of the automatic result (SEG, DET, TRA and
    others).
    """

    tracks: Annotated[Path, Positional()] = Field(
        description="The TrackMate file (.xml), as saved after correcting."
    )
    out: Annotated[Path, Shown(path="folder")] = Field(
        description="Folder for the results; it must not exist."
    )
    automatic: Annotated[Path | None, Shown(path="folder")] = Field(
        None,
        description="Folder of the automatic result, as `track` wrote it: unchanged objects keep "
        "their pixels, and the result is scored. Without it the folder of the file, if it is such "
        "a result.",
    )
    image: Path | None = Field(
        None,
        description="The movie, for images and masks to train on; without it none are written.",
    )
    frames: Literal["edited", "all"] = Field(
        "edited",
        description="Frames to train on: those with a spot that was changed, added or deleted, "
        "or all.",
    )
    image_axes: Annotated[str | None, Shown(advanced=True)] = Field(
        None, description="Axes of the movie, such as TCYX, if its file declares wrong ones."
    )
    overwrite: bool = Field(False, description="Replace the folder if it exists.")

    def run(self, progress: Progress) -> None:
        with locks.held(self.out, "corrections"):
            heal(self.out)
            self._run()

    def _run(self) -> None:
        from imagej_dl import ctc, images, tracking
        from imagej_dl.filesystem import stale_outputs
        from imagej_dl.tracking import corrections, export
        from imagej_dl.tracking.corrections import automatic_result as results

        folder = self._automatic()
        refuse_input(self.out, self.tracks, self.image, folder)
        refuse_existing(self.out, self.overwrite)
        edited = tracking.read_trackmate(self.tracks)
        automatic = corrections.read_automatic(folder) if folder else None
        try:
            corrected = corrections.correct(edited, automatic)
        except UserError as error:
            raise error.at(self.tracks) from error
        image = images.read(self.image, self.image_axes) if self.image else None
        labels = corrected.tracks.labels
        if image is not None and labels is not None:
            _, image = tracking.pair(labels, image, self.tracks, self.image)
        if not len(corrected.tracks.spots):
            raise UserError("holds no spots to make ground truth from", path=self.tracks)
        # In the layout of the automatic result, or unchanged gaps and merges would count as errors.
        manner = results.manner(folder, automatic) if folder and automatic else results.USUAL
        truth = ctc.layout(corrected.tracks, *manner, self.out / "01_GT")
        segments = corrected.tracks.segments(manner[0] == "cut", manner[1])
        scores = _scores(folder, truth) if folder else {}
        former = stale_outputs.recorded(self.out / "corrections.json")
        with atomic_folder(self.out, overwrite=self.overwrite) as temporary:
            ctc.write_truth(truth, temporary / "01_GT")
            images.write(images.coloured(corrected.tracks.tracked()), temporary / "tracked.tif")
            export.write_spots(corrected.tracks, temporary / "spots.csv")
            export.write_edges(corrected.tracks, temporary / "edges.csv")
            export.write_lineage(corrected.tracks, temporary / "lineage.csv", segments)
            shutil.copyfile(self.tracks, temporary / "tracks.xml")
            pairs = self._pairs(corrected, image, temporary / "training")
            report = {
                "changes": corrected.changes,
                "frames": corrected.frames.tolist(),
                "automatic": scores,
                "counts": corrected.tracks.counts,
                "files": (files := stale_outputs.record(temporary, _TRAINING)),
            }
            text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
            write_text(temporary / "corrections.json", text)
        if self.overwrite:
            stale_outputs.clear(self.out, _TRAINING, former, files)
        self._say(corrected, scores, pairs)

    def _automatic(self) -> Path | None:
        if self.automatic is not None:
            return self.automatic
        own = self.tracks.parent
        return own if (own / "tracked.tif").is_file() and (own / "spots.csv").is_file() else None

    def _pairs(self, corrected: Corrected, image: xr.DataArray | None, folder: Path) -> int:
        """Write images and masks to train on; return how many."""
        from imagej_dl import images

        if image is None:
            return 0
        numbers = np.arange(1, len(corrected.tracks.spots) + 1)
        labels = corrected.tracks.painted(numbers)
        chosen = range(labels.sizes["T"]) if self.frames == "all" else corrected.frames.tolist()
        name = cut(Path(self.image or self.tracks).stem, len("_t000000.tif"))
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True)
        for frame in chosen:
            one = f"{name}_t{frame:04d}.tif"
            plane = image.isel(T=frame) if "T" in image.dims else image
            images.write(plane, folder / "images" / one)
            mask = images.with_data(labels.isel(T=frame), _renumbered(labels[frame].values))
            images.write(images.as_labels(mask), folder / "masks" / one)
        return len(chosen)

    def _say(self, corrected: Corrected, scores: dict[str, Any], pairs: int) -> None:
        counts = ", ".join(f"{number} {name}" for name, number in corrected.tracks.counts.items())
        say(f"{self.out}: {counts}")
        if corrected.changes:
            say("corrected: " + ", ".join(f"{n} {name}" for name, n in corrected.changes.items()))
        if scores:
            named = ("SEG", "DET", "TRA", "LNK")
            known = [f"{k} {scores[k]:.4f}" for k in named if scores.get(k) is not None]
            say("the automatic result: " + ", ".join(known))
        if pairs:
            say(f"{self.out / 'training'}: {pairs} images with masks for `imagej-dl train`")


def _scores(folder: Path, truth: CtcFolder) -> dict[str, Any]:
    """Score the Cell Tracking Challenge folder of the automatic result."""
    from imagej_dl import ctc
    from imagej_dl.evaluation import ctc_metrics as scores

    result = ctc.find_result(folder)
    if not ctc.is_ctc(result):
        raise UserError(
            "holds no CTC/NN_RES to score", path=folder, remedy="Track it again, or move it there."
        )
    whole = ctc.GroundTruth(truth, dict(enumerate(truth.masks)))
    try:
        return scores.score(ctc.read(result), whole)
    except UserError as error:
        raise error.at(error.path or result) from error


def _renumbered(labels: np.ndarray) -> np.ndarray:
    """Number the labels of one frame from 1."""
    ids, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(labels.shape)
    return (numbers if ids[0] == 0 else numbers + 1).astype(np.uint32)
