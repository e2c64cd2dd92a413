"""Events of a training for ImageJ: each epoch, and now and then a preview on the open image."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from imagej_dl import preferences
from imagej_dl.errors import UserError
from imagej_dl.images import display, grey_rgb
from imagej_dl.models import frame_windows
from imagej_dl.worker import exporting, shared_memory, split_preview

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle, ModelConfig
    from imagej_dl.training import Epoch
    from imagej_dl.worker.session import Session, View

_SIDE = 1024
"""Largest side in px of the plane that a label map is made of."""
_VOLUME, _BESIDE = 128, 8
"""Side in px of the region that a 3-D network is shown, and slices of it above and below."""


class Live:
    """A listener for `training.train(watch=...)`.

    A preview takes at most a fifth of the training's time, whatever the preferences say.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.plane: xr.DataArray | None = None
        if session.image is not None:
            shown = _shown(session.image, session.view)
            if not _is_labels(shown):
                self.plane = shown.isel(split_preview.region(shown, side=_SIDE))
        self.seen: xr.DataArray | None = None
        self.place: dict[str, Any] = {}
        self.least = preferences.read().preview
        self.last = self.cost = 0.0

    def __call__(self, epoch: Epoch) -> None:
        row = {
            name: getattr(epoch, name)
            for name in ("epoch", "epochs", "seconds", "remaining", "loss", "val_loss", "val_dice")
        }
        if epoch.bundle is not None:
            measure = epoch.bundle.config.method.shown
            row |= {"measure": measure.short, "measured": epoch.measures[measure.key]}
        # JSON knows no NaN, which the Dice of a method without objects is.
        row = {k: v for k, v in row.items() if not (isinstance(v, float) and math.isnan(v))}
        self.session.tell(row | {"kept": epoch.kept})
        if epoch.bundle is None:
            return
        for words in exporting.write_due(epoch.bundle, self.plane):
            self.session.tell({"note": words})
        now = time.monotonic()
        if now - self.last >= max(self.least, 4 * self.cost):
            self._preview(epoch.bundle, epoch.epoch)
            self.cost = time.monotonic() - now
            self.last = now + self.cost

    def _preview(self, bundle: ModelBundle, epoch: int) -> None:
        """Show what the present network makes of the open image, of a large one of a part."""
        from imagej_dl.prediction import preview

        gives_image = bundle.config.method.gives == "image"
        try:
            if self.seen is None:
                self._look(bundle.config)
            if self.seen is None or self.plane is None:
                return
            shown = preview(bundle, self.seen, self.place)
        except UserError as error:
            # Of another kind than the training images, perhaps: no reason to stop the training.
            self.plane = None
            self.session.tell({"note": f"no preview: {error}"})
            return
        kind = "preview"
        if gives_image:
            noisy = self.plane.assign_attrs(self.session.display)
            kind, shown = "image", display.like(split_preview.split(self.plane, shown), noisy)
        self.session.tell({"kind": kind, "preview": shown, "epoch": epoch})
        # ImageJ has copied those before; a long training would fill the memory with them.
        shared_memory.release(but=2)

    def _look(self, config: ModelConfig) -> None:
        """Choose what the network sees of the open image, and the place in it that is shown."""
        image, view = self.session.image, self.session.view
        if config.method.gives != "image" or image is None:
            seen, self.place = self.plane, {}
        elif config.volume is not None:
            seen, self.place = _slab(image, view)
        else:
            # The part is normalised, and surrounded, as it will be in the result.
            seen, among = _frames(image, view, config)
            self.place = {**among, **split_preview.region(seen, view.box)}
        if seen is not None:
            # Once, not at each preview: it is said.
            self.seen = grey_rgb.with_channels(seen, config.channels)
            self.plane = self.seen.isel(self.place)


def _shown(image: xr.DataArray, view: View) -> xr.DataArray:
    """Return the plane of the open image that the user looks at."""
    return image.isel(_looked_at(image, view))


def _frames(
    image: xr.DataArray, view: View, config: ModelConfig
) -> tuple[xr.DataArray, dict[str, int]]:
    """Return the plane that the user looks at, with the frames that the network sees beside it.

    And the place of that one in them; an image with too few frames is refused.
    """
    if config.frames == 1:
        return _shown(image, view), {}
    at, count = _looked_at(image, view), image.sizes.get("T", 1)
    t = at.pop("T", 0)
    seen = config.method.frames_seen
    frame_windows.check(config.frames, count, seen)
    if "T" not in image.dims:
        return image.isel(at), {}
    shown = frame_windows.window(t, config.frames, count, seen)
    found = sorted(set(shown))
    return image.isel(at | {"T": found}), {"T": found.index(t)}


def _slab(image: xr.DataArray, view: View) -> tuple[xr.DataArray, dict[str, int]]:
    """Return the slices around the one that is looked at, and the place of that one in them."""
    at: dict[str, Any] = {**_looked_at(image, view)}
    place = {}
    if "Z" in at:
        z = at["Z"]
        low = max(z - _BESIDE, 0)
        at["Z"], place["Z"] = slice(low, z + _BESIDE + 1), z - low
    return image.isel(at | split_preview.region(image, view.box, _VOLUME)), place


def _looked_at(image: xr.DataArray, view: View) -> dict[str, int]:
    """Return the frame and the slice that the user looks at, of the axes that the image has."""
    places = {axis: at for axis, at in (("T", view.t), ("Z", view.z)) if axis in image.dims}
    return {axis: min(at, image.sizes[axis] - 1) for axis, at in places.items()}


def _is_labels(image: xr.DataArray) -> bool:
    """Return whether an image looks like a label map or a mask, on which there is nothing to see.

    Almost all neighbours within its objects are the same number, and where two objects touch it
    jumps, as the steps of a smooth picture do not.
    """
    pixels = np.asarray(image.data)
    if pixels.ndim != 2 or (pixels.dtype.kind == "f" and (pixels != np.rint(pixels)).any()):
        return False
    pixels = pixels.astype(np.int64)
    pairs = [(pixels[:, 1:], pixels[:, :-1]), (pixels[1:], pixels[:-1])]
    one, other = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    inside = (one > 0) & (other > 0)
    steps = np.abs(one - other)[inside]
    jumps = steps[steps > 0]
    if not inside.any() or inside.all() or len(jumps) > 0.15 * len(steps):
        return False
    return len(jumps) < 0.04 * len(steps) or float(np.median(jumps)) > 1
