"""Words for planes that are beyond what the training of the model saw."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from imagej_dl.images import Far
from imagej_dl.images.checks import non_finite
from imagej_dl.prediction.frames import Beyond

_SEGMENTED = {
    "noise": "Contrast is enhanced less, so that noise is not segmented",
    "few": "Contrast is enhanced up to them",
    "bright": "They are treated as debris: contrast is enhanced up to the others",
}
_GIVEN_BACK = {
    "noise": "The network sees them with less contrast, so that noise is as in the training",
    "few": "The network sees contrast enhanced up to them",
    "bright": "The network sees contrast enhanced up to the others: check the result there",
}


def words(beyond: Sequence[Beyond], image: xr.DataArray, *, segmented: bool = True) -> list[str]:
    """Return a sentence for each kind: which planes are beyond, by how much, and what is done.

    `segmented` is False where the image is given back, in its own intensities.
    """
    title = image.attrs.get("title") or "the image"
    planes = image.sizes.get("T", 1) * image.sizes.get("Z", 1)
    found = []
    for kind, say in (("noise", _noise), ("few", _few), ("bright", _bright), ("hot", _hot)):
        same = [one for one in beyond if one.far.why == kind]
        if same:
            worst = max(same, key=lambda one: _distance(one.far))
            done = "" if kind == "hot" else (_SEGMENTED if segmented else _GIVEN_BACK)[kind]
            found.append(f"{title}: {_which(same, planes)}{say(worst, image)}{done}")
    return found


def _usual(worst: Beyond, image: xr.DataArray) -> float:
    place = {a: i for a, i in (("T", max(worst.t, 0)), ("Z", worst.z)) if a in image.dims}
    plane = image.isel(place)
    step = max(1, int((plane.size / 2**22) ** 0.5))
    return non_finite.outlying(plane.isel(Y=slice(None, None, step)).values)


def _which(same: Sequence[Beyond], planes: int) -> str:
    count = len({(one.t, one.z) for one in same})
    return f"{count} of {planes} planes, " if planes > 1 and same[0].t >= 0 else ""


def _distance(far: Far) -> float:
    return max(far.plane / far.training, far.training / far.plane) if far.training else far.plane


def _noise(worst: Beyond, image: xr.DataArray) -> str:
    far = worst.far
    return (
        f"nearly empty, or noisier than the training images: noise is {far.plane:.2g} of "
        f"the contrast, {far.training:.2g} at most in those. "
    )


def _few(worst: Beyond, image: xr.DataArray) -> str:
    far = worst.far
    beyond = far.training / max(far.plane, 1e-9)
    return (
        f"nearly empty: only few pixels are bright, {beyond:.2g} times as far "
        "above the upper percentile as in the training images. "
    )


def _bright(worst: Beyond, image: xr.DataArray) -> str:
    far = worst.far
    return (
        f"some pixels are {far.plane:.2g} times as bright as the other bright ones, "
        f"{far.training:.2g} times at most in the training images. "
    )


def _hot(worst: Beyond, image: xr.DataArray) -> str:
    place = {a: i for a, i in (("T", worst.t), ("Z", worst.z)) if a in image.dims}
    at = non_finite.where(worst.far.at, place)
    return (
        f"the pixel at {at} is {worst.far.plane:g}, far beyond all others; it is clipped to "
        f"the range of the training. {non_finite.remedy(_usual(worst, image))}"
    )
