"""A command's session in ImageJ: what is open when it is run there, and what it opens beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagej_dl.errors import UserError

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.rois import Roi


@dataclass
class Session:
    """The user's open image and ROIs, and the results that ImageJ is to show.

    image : the open image; None where there is none.
    display : how it is shown, as attrs of :mod:`imagej_dl.images.display`.
    roiset : a RoiSet.zip with the ROIs of the ROI Manager; None where it holds none.
    image_path : the file that the image was opened from, if it is as it was there.
    fiji : the folder of the Fiji that asks, if it has TrackMate.
    folder : a folder for files that ImageJ reads and then forgets.
    shown : what ImageJ is to open, in this order, each a dictionary with `kind`: image, rois,
        file, table, trackmate.
    values : numbers and names for macros (`Ext`).
    tell : sends an event to ImageJ while the command runs, such as a finished epoch.
    """

    folder: Path
    image: xr.DataArray | None = None
    roiset: Path | None = None
    image_path: Path | None = None
    fiji: str | None = None
    tell: Callable[[dict[str, Any]], None] = lambda event: None
    shown: list[dict[str, Any]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    display: dict[str, Any] = field(default_factory=dict)

    def open_image(self) -> xr.DataArray:
        """Return the open image; UserError where there is none."""
        if self.image is None:
            raise UserError(
                "there is no image open", remedy="Open the image in ImageJ, or name its file."
            )
        return self.image

    def label_map(self, *, volumes: bool = False) -> xr.DataArray:
        """Return the open image as a label map, as :func:`imagej_dl.images.read_labels` does."""
        from imagej_dl.images.checks import lossy_compression
        from imagej_dl.images.labels import label_maps

        image = self.open_image()
        if self.image_path is not None:
            lossy_compression.refuse(self.image_path)
        return label_maps.from_image(image, volumes=volumes)

    def show(self, image: xr.DataArray, title: str) -> None:
        """Open an image in a window of its own."""
        self.shown.append({"kind": "image", "image": image, "title": title})

    def show_labels(self, labels: xr.DataArray, title: str) -> None:
        """Open a label map in a window of its own, in the label colours."""
        self.shown.append({"kind": "labels", "image": labels, "title": title})

    def show_rois(self, traced: Sequence[Roi]) -> None:
        """Add ROIs to the ROI Manager, after the user's own; without a screen to the overlay."""
        from imagej_dl import rois

        if not traced:
            return
        path = self.folder / f"rois_{len(self.shown)}.zip"
        rois.write(traced, path)
        self.shown.append({"kind": "rois", "path": str(path)})

    def show_file(self, kind: str, path: Path) -> None:
        """Open a file: `image`s as ImageJ opens them, a `table` (CSV), `trackmate` (XML)."""
        self.shown.append({"kind": "file" if kind == "image" else kind, "path": str(path)})
