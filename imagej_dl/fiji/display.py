"""The display of an ImagePlus, to and from the attrs of :mod:`imagej_dl.images.display`.

ImageJ always has a LUT and a range. Those it chose by itself are no one's choice: they are noted
in a property when the ImagePlus is made, and become attrs only when they have changed since.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.fiji import roi_manager
from imagej_dl.images import display

_AUTOMATIC = "imagej_dl.automatic"
_GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def is_rgb(image: xr.DataArray) -> bool:
    """Return whether the image becomes an RGB one: three channels that its mode calls RGB."""
    return image.attrs.get("display_mode") == "rgb" and display.mode(image) == "rgb"


def apply(imp: Any, image: xr.DataArray) -> Any:
    """Show an ImagePlus as the image's attrs say; return it, or the CompositeImage made of it."""
    if int(imp.getBitDepth()) != 24:
        colours, ranges, mode = display.luts(image), display.ranges(image), display.mode(image)
        if int(imp.getNChannels()) > 1:
            imp = _composite(imp, colours, ranges, mode)
        else:
            if colours is not None:
                imp.setLut(to_lut(colours[0]))
            if ranges is None:
                imp.resetDisplayRange()
            else:
                imp.setDisplayRange(*ranges[0])
        given = {"luts": colours, "display_ranges": ranges, "display_mode": mode}
        noted = {k: _token(v) for k, v in _state(imp).items() if given[k] is None}
        imp.setProp(_AUTOMATIC, json.dumps(noted))
    if (selection := image.attrs.get("selection")) is not None:
        for roi in _decoded([selection], image):
            imp.setRoi(roi)
    if overlay := _decoded(image.attrs.get("overlay") or (), image):
        imp.setOverlay(_to_overlay(overlay))
    return imp


def read(imp: Any) -> dict[str, Any]:
    """Return the attrs that say how an ImagePlus is shown, as far as somebody has chosen it."""
    attrs: dict[str, Any] = {"display_mode": "rgb"}
    if int(imp.getBitDepth()) != 24:
        try:
            automatic = json.loads(str(imp.getProp(_AUTOMATIC) or "{}"))
        except ValueError:
            automatic = {}
        state = _state(imp)
        attrs = {k: v for k, v in state.items() if k not in automatic or automatic[k] != _token(v)}
        if len(state["luts"]) == 1 and np.array_equal(state["luts"][0], _GREY):
            attrs.pop("luts", None)
    if (roi := imp.getRoi()) is not None:
        attrs["selection"] = roi_manager.encoded(roi)
    overlay = imp.getOverlay()
    if overlay is not None and int(overlay.size()):
        # As ImageJ does in its files: the first ROI says how the overlay's labels are drawn.
        overlay.get(0).setPrototypeOverlay(overlay)
        attrs["overlay"] = [roi_manager.encoded(roi) for roi in overlay.toArray()]
    return attrs


def to_lut(colours: NDArray[np.uint8]) -> Any:
    """Return ImageJ's LUT of 256 colours, (256, 3) uint8."""
    import jpype
    from scyjava import jimport

    return jimport("ij.process.LUT")(
        *(jpype.JArray(jpype.JByte)(channel.astype(np.int8)) for channel in colours.T)
    )


def from_lut(lut: Any) -> NDArray[np.uint8]:
    """Return the colours of ImageJ's LUT as (256, 3) uint8; short LUTs are filled with black."""
    import jpype

    channels, make = [], jpype.JArray(jpype.JByte)
    for fill in (lut.getReds, lut.getGreens, lut.getBlues):
        values = make(256)
        fill(values)
        channels.append(np.array(memoryview(values)).view(np.uint8))
    return np.stack(channels, axis=1)


def _composite(
    imp: Any,
    colours: Sequence[NDArray[np.uint8]] | None,
    ranges: Sequence[tuple[float, float]] | None,
    mode: str | None,
) -> Any:
    from scyjava import jimport

    channels = int(imp.getNChannels())
    number = ("", *display.MODES).index(
        mode if mode in display.MODES else display.usual_mode(channels)
    )
    imp = jimport("ij.CompositeImage")(imp, number)
    luts = list(imp.getLuts())
    stack = imp.getStack()
    for index in range(channels):
        low, high = ranges[index] if ranges is not None else _span(stack.getProcessor(index + 1))
        if colours is not None:
            luts[index] = to_lut(colours[index])
        luts[index].min, luts[index].max = low, high
    for index, lut in enumerate(luts):
        imp.setChannelLut(lut, index + 1)
    # The channel that is shown has a range of its own, besides that of its LUT.
    imp.setDisplayRange(luts[0].min, luts[0].max)
    return imp


def _span(ip: Any) -> tuple[float, float]:
    ip.resetMinAndMax()
    return float(ip.getMin()), float(ip.getMax())


def _state(imp: Any) -> dict[str, Any]:
    channels = int(imp.getNChannels())
    if bool(imp.isComposite()) and channels > 1:
        luts = list(imp.getLuts())
        return {
            "luts": [from_lut(lut) for lut in luts],
            "display_ranges": [(float(lut.min), float(lut.max)) for lut in luts],
            "display_mode": str(imp.getModeAsString()),
        }
    # Channels that are no CompositeImage share one LUT and one range.
    lut, limits = from_lut(imp.getProcessor().getLut()), imp.getProcessor()
    span = (float(limits.getMin()), float(limits.getMax()))
    return {"luts": [lut] * channels, "display_ranges": [span] * channels}


def _token(value: Any) -> Any:
    """Return what stands for a LUT, a range or a mode in the property."""
    if isinstance(value, str):
        return value
    return [zlib.crc32(v.tobytes()) if isinstance(v, np.ndarray) else list(v) for v in value]


def _decoded(rois: Sequence[bytes], image: xr.DataArray) -> list[Any]:
    """Return ImageJ's ROIs of their bytes; damaged ones do not hide the image."""
    found = []
    for data in rois:
        try:
            found.append(roi_manager.decoded(data))
        except UserError as error:
            title = image.attrs.get("title") or "the image"
            warn(f"{title}: {error.problem}: left out")
    return found


def _to_overlay(rois: Sequence[Any]) -> Any:
    from scyjava import jimport

    made = jimport("ij.gui.Overlay")()
    for roi in rois:
        made.add(roi)
    first = made.get(0).getPrototypeOverlay()
    made.drawLabels(first.getDrawLabels())
    made.drawNames(first.getDrawNames())
    made.drawBackgrounds(first.getDrawBackgrounds())
    made.setLabelColor(first.getLabelColor())
    made.setLabelFont(first.getLabelFont(), first.scalableLabels())
    return made
