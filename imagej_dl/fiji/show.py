"""A label map over its image in ImageJ: hyperstack, coloured outlines, ROI Manager, a picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import xarray as xr

from imagej_dl import rois
from imagej_dl.errors import UserError
from imagej_dl.fiji import roi_manager
from imagej_dl.fiji.gateway import show_window
from imagej_dl.fiji.imageplus import to_imageplus
from imagej_dl.filesystem.atomic import atomic, refuse_existing
from imagej_dl.images import coloured, golden_angle_lut, stacked_like


def windows(
    labels: xr.DataArray, image: xr.DataArray | None = None, marks: xr.DataArray | None = None
) -> tuple[Any, Any, list]:
    """Make the ImagePlus of the image with the labels' outlines, that of the labels, and the ROIs.

    Parameters
    ----------
    labels : label map (Y, X) with any of T, Z.
    image : the image they belong to, with the same T, Z, Y, X; channels are free. Time that one
        of the two calls Z is time in both. Without an image the outlines lie over the label map.
    marks : what is ignored (grey) and background (white), of the label map's axes.

    Returns
    -------
    (imp, label_imp, rois) : the first carries an overlay, one outline for each ROI on its
        plane, in the colour of its label; nothing is shown yet.

    Raises
    ------
    UserError : when the image's shape is another than the labels'.
    """
    if image is not None:
        labels, image = _stacked(labels, image)
        check_same_planes(labels, image)
    if marks is not None:
        marks = labels.copy(data=marks.data.reshape(labels.shape))
    # Channels make a plane's place in the stack another than that in the label map.
    channels = image is not None and image.sizes.get("C", 1) > 1
    found = rois.trace(labels, hyperstack=True if channels else None)
    if marks is not None:
        found += rois.trace_marks(marks, hyperstack=True if channels else None)
    label_imp = _coloured(labels)
    over = to_imageplus(image) if image is not None else _coloured(labels)
    over.setOverlay(roi_manager.overlay(found, _colours(found)))
    return over, label_imp, found


def in_imagej(
    labels: xr.DataArray, image: xr.DataArray | None = None, marks: xr.DataArray | None = None
) -> tuple[Any, Any]:
    """Show labels and image in ImageJ's windows and add the ROIs to the ROI Manager.

    The user's images stay open and their ROIs stay in the ROI Manager, before ours.
    """
    show_window()
    over, label_imp, found = windows(labels, image, marks)
    label_imp.show()
    over.show()
    roi_manager.add(found)
    return over, label_imp


def picture(
    labels: xr.DataArray,
    image: xr.DataArray | None,
    path: Path,
    *,
    frame: int = 1,
    slice_: int = 1,
    marks: xr.DataArray | None = None,
    overwrite: bool = False,
) -> None:
    """Write a PNG of one plane with its outlines, as ImageJ draws it. Needs no screen.

    Parameters
    ----------
    frame, slice_ : which plane, counted from 1 as in ImageJ.
    """
    from scyjava import jimport

    refuse_existing(path, overwrite)
    if image is not None:
        labels, image = _stacked(labels, image)
    frames, slices = labels.sizes.get("T", 1), labels.sizes.get("Z", 1)
    if not (1 <= frame <= frames and 1 <= slice_ <= slices):
        raise UserError(
            f"has {frames} frames and {slices} slices, so there is no frame {frame}, slice "
            f"{slice_}",
            path=labels.attrs.get("title") or None,
        )
    over, _, _ = windows(labels, image, marks)
    over.setPosition(1, slice_, frame)
    flat = over.flatten()
    with atomic(path) as temporary:
        # ImageJ's own saving of PNGs asks for a screen.
        file = jimport("java.io.File")(str(temporary))
        jimport("javax.imageio.ImageIO").write(flat.getBufferedImage(), "png", file)


def wait_until_closed() -> None:
    """Return when the user has closed ImageJ, or all of its image windows."""
    from scyjava import jimport

    ij, manager = jimport("ij.IJ"), jimport("ij.WindowManager")
    while ij.getInstance() is not None and int(manager.getWindowCount()) > 0:
        time.sleep(0.2)


def check_same_planes(labels: xr.DataArray, image: xr.DataArray) -> None:
    """Raise UserError unless both have the same frames, slices, height and width."""
    ours = {axis: labels.sizes.get(axis, 1) for axis in "TZYX"}
    theirs = {axis: image.sizes.get(axis, 1) for axis in "TZYX"}
    if ours != theirs:
        raise UserError(
            f"the labels have {_shape(ours)}, but the image {image.attrs.get('title', '')} has "
            f"{_shape(theirs)}",
            path=labels.attrs.get("title") or None,
            remedy="Name the image that was segmented; if its axes are wrong, set them with "
            "--image-axes.",
        )


def _stacked(labels: xr.DataArray, image: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    if image.sizes.get("T", 1) > 1:
        return stacked_like(labels, image), image
    return labels, stacked_like(image, labels)


def _shape(sizes: dict[str, int]) -> str:
    return " × ".join(f"{axis} {size}" for axis, size in sizes.items())


def _coloured(labels: xr.DataArray) -> Any:
    return to_imageplus(coloured(labels))


def _colours(found: list[rois.Roi]) -> list[Any]:
    from scyjava import jimport

    colour = jimport("java.awt.Color")
    # Black is the background's: the other 255 colours go round.
    made = [colour(*(int(v) for v in rgb)) for rgb in golden_angle_lut()[1:]]
    of_marks = {"ignore": colour.GRAY, "background": colour.WHITE}
    return [
        made[(int(label) - 1) % len(made)]
        if (label := roi.get(rois.LABEL_KEY))
        else next((of_marks[name] for name in of_marks if roi.name.startswith(name)), made[0])
        for roi in found
    ]
