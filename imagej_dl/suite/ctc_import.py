"""Cell Tracking Challenge folders as the suite's frames: NN, NN_GT/SEG, NN_GT/TRA → labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import ctc, images
from imagej_dl.ctc import identities
from imagej_dl.errors import UserError, warn
from imagej_dl.suite.videos import assemble

Truth = Literal["gold", "silver"]
"""The segmentation: gold, NN_GT/SEG, drawn by people; silver, NN_ST/SEG, of several programs."""


@dataclass
class FromCtc:
    """Runs of frames that follow each other, by the name NN_FIRST-LAST, with their labels.

    `tracks` are the rows `id, first frame, last frame, parent` of each sequence NN; `said` are
    words on what was left out or assumed.
    """

    videos: dict[str, xr.DataArray] = field(default_factory=dict)
    labels: dict[str, xr.DataArray] = field(default_factory=dict)
    tracks: dict[str, NDArray] = field(default_factory=dict)


def read(folder: Path, truth: Truth = "gold") -> FromCtc:
    """Read all sequences of a folder of the challenge.

    A frame's labels are its man_segNNN.tif with the ids of the man_trackNNN.tif markers: each
    object gets that of the marker which covers most of its pixels, so that lineage is kept. Frames
    without man_seg are left out. Only where there is no SEG at all are the tracking masks taken
    for the objects. Sequences without ground truth are left out, unless none has one.

    Raises
    ------
    UserError : for a folder without sequences, ground truth of frames that are not there, and
        masks of another size than their images.

    Warns
    -----
    DataWarning : for what is left out, objects without a marker and markers without an object.
    """
    places = ctc.find_sequences(folder)
    known = {name: _Truth.find(folder, name, truth) for name in places}
    some = any(one.labelled for one in known.values())
    found = FromCtc()
    for name, pictures in places.items():
        one = known[name]
        if some and not one.labelled:
            warn("there is no ground truth; it is left out", path=folder / name)
            continue
        wanted = sorted(one.labelled) if some else sorted(pictures)
        alone = [one.labelled[t].name for t in wanted if t not in pictures]
        if alone:
            raise UserError(f"has no image for {', '.join(alone)}", path=folder / name)
        if len(wanted) < len(pictures):
            warn(
                f"{len(pictures) - len(wanted)} of {len(pictures)} frames have no segmentation and "
                "are left out",
                path=folder / name,
            )
        masks = one.masks(wanted) if some else {}
        for run in identities.runs(wanted):
            video = f"{name}_{run[0]}-{run[-1]}"
            found.videos[video] = assemble([pictures[t] for t in run])
            if not some:
                continue
            stack = np.stack([masks[t] for t in run])
            image = found.videos[video]
            if stack.shape[1:] != (image.sizes["Y"], image.sizes["X"]):
                raise UserError(
                    f"has the size {stack.shape[1:]}, its image "
                    f"{(image.sizes['Y'], image.sizes['X'])}",
                    path=one.labelled[run[0]],
                )
            labels = images.with_data(image, stack, ("T", "Y", "X"))
            found.labels[video] = images.as_labels(labels)
        if one.tracks is not None:
            found.tracks[name] = one.tracks
    return found


@dataclass(frozen=True)
class _Truth:
    """The ground truth of a sequence: files of objects and of markers by frames, rows of tracks."""

    segmented: dict[int, Path]
    marked: dict[int, Path]
    tracks: NDArray | None

    @classmethod
    def find(cls, folder: Path, name: str, truth: Truth) -> _Truth:
        gold, silver = folder / f"{name}_GT", folder / f"{name}_ST"
        place = gold if truth == "gold" else silver
        marked, segmented = ctc.markers(gold), ctc.segmented(place)
        if marked and not segmented:
            words = "there is no segmentation; the tracking masks are used as objects"
            warn(words, path=place / "SEG")
        table = gold / "TRA" / ctc.folders.TRUTH
        rows = ctc.read_tracks(table) if table.is_file() else None
        if rows is not None and (problem := ctc.problem_of(rows, strict=False)):
            raise UserError(problem, path=table)
        return cls(segmented, marked, rows)

    @property
    def labelled(self) -> dict[int, Path]:
        return self.segmented or self.marked

    def masks(self, frames: list[int]) -> dict[int, NDArray]:
        """Return the labels of frames, with the ids of the tracks where these are known."""
        if not (self.segmented and self.marked):
            return {t: ctc.read_mask(self.labelled[t]) for t in frames}
        if self.tracks is not None:
            highest = int(self.tracks[:, 0].max(initial=0))
        else:  # then the markers alone say which ids are taken
            known = (ctc.read_mask(self.marked[t]) for t in frames if t in self.marked)
            highest = max((int(mask.max(initial=0)) for mask in known), default=0)
        found, unmarked, empty = {}, 0, 0
        for t in frames:
            objects = ctc.read_mask(self.segmented[t])
            if t not in self.marked:
                raise UserError(f"has no man_track of frame {t}", path=self.segmented[t])
            markers = ctc.read_mask(self.marked[t])
            if markers.shape != objects.shape:
                raise UserError(
                    f"has the size {markers.shape}, {self.segmented[t].name} {objects.shape}",
                    path=self.marked[t],
                )
            ids = identities.matched(objects, markers)
            new = [number for number in np.unique(objects[objects > 0]) if number not in ids]
            unmarked += len(new)
            empty += len(set(np.unique(markers[markers > 0]).tolist()) - set(ids.values()))
            # Ids of no track: an object that nobody has followed is a track of one frame.
            ids |= {int(number): highest + i for i, number in enumerate(new, 1)}
            highest += len(new)
            found[t] = identities.renamed(objects, ids)
        if unmarked or empty:
            warn(
                f"{unmarked} objects have no marker, and get ids of their own; {empty} markers "
                "have no object, and are left out",
                path=next(iter(self.segmented.values())).parent,
            )
        return found
