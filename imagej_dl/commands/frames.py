"""`imagej-dl frames`: videos as single frames with a table, and back; Cell Tracking Challenge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import xarray as xr
from pydantic import Field

from imagej_dl import images
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.filesystem.atomic import atomic_folder, refuse_existing, refuse_input
from imagej_dl.images.labels import label_maps
from imagej_dl.progress import Progress


class Frames(Command):
    """Split videos into frames, or join frames into videos; CTC folders too.

    FOLDER has inputs and labels, as in microscopy-dl-suite-tf. split writes inputs/raw_NNN.tif,
    labels/instance_ids_NNN.tif and the table videos2im_relation.csv; join reads them and writes
    inputs/VIDEO.tif and labels/VIDEO.tif. from-ctc makes such frames from a Cell Tracking
    Challenge folder (NN, NN_GT); to-ctc writes such a folder from them, or NN_RES from the
    output of predict.
    """

    action: Annotated[Literal["split", "join", "from-ctc", "to-ctc"], Positional()] = Field(
        description="split: videos to frames; join: frames to videos; from-ctc: Cell Tracking "
        "Challenge to frames; to-ctc: to Cell Tracking Challenge."
    )
    folder: Annotated[Path, Positional(), Shown(path="folder")] = Field(
        description="The folder with inputs and, optionally, labels; for from-ctc the one with 01 "
        "and 01_GT; for to-ctc also one with predicted label maps."
    )
    out: Annotated[Path, Shown(path="folder")] = Field(description="The folder to write.")
    videos: Annotated[Path | None, Shown("Table of videos")] = Field(
        None, description="The table videos2im_relation.csv, if it is not in the folder."
    )
    truth: Annotated[Literal["gold", "silver"], Shown(advanced=True)] = Field(
        "gold", description="from-ctc: the segmentation to use. gold: NN_GT/SEG; silver: NN_ST/SEG."
    )
    maps: Annotated[bool, Shown("Contours and weights", advanced=True)] = Field(
        False,
        description="Also write contours and the weight maps of the U-Net paper, beside the "
        "labels; the training computes them if they are missing.",
    )
    same_ids: Annotated[bool, Shown("Ids are tracks", advanced=True)] = Field(
        False,
        description="to-ctc of predicted labels: an id is the same object in all frames. "
        "Otherwise objects are tracked, which finds parents.",
    )
    overwrite: bool = Field(False, description="Replace existing files.")

    def run(self, progress: Progress) -> None:
        from imagej_dl import suite

        refuse_existing(self.out, self.overwrite)
        refuse_input(self.out, self.folder)
        if self.action == "from-ctc":
            imported = suite.read_ctc(self.folder, self.truth)
            suite.write_frames(
                imported.videos,
                imported.labels,
                self.out,
                tracks=imported.tracks,
                maps=self.maps,
                overwrite=self.overwrite,
            )
            say(f"{self.out}: {_count(imported.videos)}, {len(imported.labels)} with labels")
        elif self.action == "to-ctc":
            for line in self._to_ctc(progress):
                say(line)
        else:
            self._cut_or_join()

    def _cut_or_join(self) -> None:
        from imagej_dl.suite import data, write_frames
        from imagej_dl.suite.weight_maps import write_maps

        pictures, truth = self._both(data.is_labelled(self.folder))
        if self.action == "split":
            write_frames(pictures, truth, self.out, maps=self.maps, overwrite=self.overwrite)
        else:
            with atomic_folder(self.out, overwrite=self.overwrite) as temporary:
                for place, videos in (("inputs", pictures), ("labels", truth)):
                    for name, video in videos.items():
                        images.write(video, temporary / place / f"{name}.tif")
                        if self.maps and place == "labels":
                            write_maps(video, temporary, name)
        say(f"{self.out}: {_count(pictures)}")

    def _to_ctc(self, progress: Progress) -> list[str]:
        from imagej_dl import suite
        from imagej_dl.suite import data

        if data.is_suite(self.folder):
            # The challenge's own segment some frames, too.
            pictures, truth = self._both("some")
            tracks = suite.read_tracks(self.folder)
            return suite.write_ctc_truth(
                pictures, truth, tracks, self.out, overwrite=self.overwrite
            )
        return suite.write_ctc_results(
            suite.results(self.folder, self.videos),
            self.out,
            same_ids=self.same_ids,
            tracks=suite.read_tracks(self.folder),
            overwrite=self.overwrite,
            progress=progress,
        )

    def _both(
        self, needed: bool | Literal["some"]
    ) -> tuple[dict[str, xr.DataArray], dict[str, xr.DataArray]]:
        """Return the videos and the label maps of those that have some; see `suite.items`."""
        from imagej_dl import suite
        from imagej_dl.suite import data

        items = data.items(self.folder, labelled=needed, recurrent=True, relation=self.videos)
        pictures = {item.name: _read(item.image) for item in items}
        # The ids of tracks are theirs, and frames cut and joined keep what they are.
        as_is = self.action != "to-ctc" or bool(suite.read_tracks(self.folder))
        return pictures, {
            item.name: _labels(item.labels, as_is) for item in items if item.labels is not None
        }


def _read(source: str | Path | xr.DataArray) -> xr.DataArray:
    return source if isinstance(source, xr.DataArray) else images.read(source)


def _labels(source: str | Path | xr.DataArray, as_is: bool) -> xr.DataArray:
    if isinstance(source, xr.DataArray):
        return label_maps.from_image(source, as_is=as_is)
    return images.read_labels(source, as_is=as_is)


def _count(videos: dict[str, xr.DataArray]) -> str:
    frames = sum(video.sizes.get("T", 1) for video in videos.values())
    return f"{len(videos)} videos, {frames} frames"
