"""ROIs between Python and ImageJ 1: the ROI Manager and overlays.

The user's own ROIs stay where they are: ROIs are only ever added after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imagej_dl import rois
from imagej_dl.errors import UserError


def to_java(roi: rois.Roi) -> Any:
    """Return ImageJ's Roi of ours, with name and position, by ImageJ's own decoder."""
    return decoded(rois.encode(roi), roi.name)


def from_java(roi: Any) -> rois.Roi:
    """Return our Roi of ImageJ's, by ImageJ's own encoder."""
    return rois.decode(encoded(roi), str(roi.getName() or ""))


def decoded(data: bytes, name: str | None = None) -> Any:
    """Return ImageJ's Roi of bytes in its format; UserError where they are damaged."""
    import jpype
    from scyjava import jimport

    array = jpype.JArray(jpype.JByte)(bytearray(data))
    try:
        return jimport("ij.io.RoiDecoder")(array, name).getRoi()
    except jpype.JException as error:
        raise UserError(f"ImageJ cannot read a ROI ({error})") from error


def encoded(roi: Any) -> bytes:
    """Return the bytes of ImageJ's Roi in its format."""
    from scyjava import jimport

    stream = jimport("java.io.ByteArrayOutputStream")()
    jimport("ij.io.RoiEncoder")(stream).write(roi)
    return bytes(stream.toByteArray())


def manager() -> Any:
    """Return the ROI Manager, opened if need be; UserError where there is no screen."""
    from scyjava import jimport

    if bool(jimport("java.awt.GraphicsEnvironment").isHeadless()):
        raise UserError(
            "the ROI Manager needs a screen, but ImageJ runs without one",
            remedy="Write a RoiSet.zip instead, or use xvfb-run.",
        )
    return jimport("ij.plugin.frame.RoiManager").getRoiManager()


def add(found: Sequence[rois.Roi]) -> int:
    """Add ROIs to the ROI Manager, after those that are there; return how many it now holds."""
    window = manager()
    for roi in found:
        # add(), unlike addRoi(), keeps a ROI's position and asks the current image nothing.
        window.add(to_java(roi), -1)
    window.repaint()
    return int(window.getCount())


def contents() -> list[rois.Roi]:
    """Return copies of the ROIs in the ROI Manager, in its order."""
    return [from_java(roi) for roi in manager().getRoisAsArray()]


def overlay(found: Sequence[rois.Roi], colours: Sequence[Any] | None = None) -> Any:
    """Return an ImageJ Overlay of the ROIs, each in its colour (java.awt.Color)."""
    from scyjava import jimport

    made = jimport("ij.gui.Overlay")()
    for index, roi in enumerate(found):
        outline = to_java(roi)
        if colours is not None:
            outline.setStrokeColor(colours[index])
        made.add(outline)
    return made
