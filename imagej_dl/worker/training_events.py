"""Events of a training for ImageJ: each epoch, and now and then a preview on the open image."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from imagej_dl import preferences
from imagej_dl.errors import UserError
from imagej_dl.images import display, grey_rgb
from imagej_dl.worker import exporting, shared_memory, split_preview

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle
    from imagej_dl.training import Epoch
    from imagej_dl.worker.session import Session, View

_SIDE = 1024
_VOLUME, _BESIDE = 128, 8
"""Side in px of the region that a 3-D network is shown, and slices of it above and below."""


class Live:
    """A listener for `training.train(watch=...)`.

    A preview takes at most a fifth of the training's time, whatever the preferences say.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.shown = None if session.image is None else _shown(session.image, session.view)
        labels = self.shown is not None and _is_labels(self.shown)
        self.plane = None if self.shown is None or labels else _middle(self.shown)
        self.slab: xr.DataArray | None = None
        self.whole: xr.DataArray | None = None
        self.place: dict[str, slice] | None = None
        self.ready = False
        self.least = preferences.read().preview
        self.last = self.cost = 0.0
        self.at = 0

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
            if not self.ready:
                channels = bundle.config.channels
                if bundle.config.volume is None or self.plane is None:
                    self._look(channels, gives_image)
                else:
                    self.slab, self.at = self._slab(channels)
                    self.plane = self.slab.isel(Z=self.at) if "Z" in self.slab.dims else self.slab
                self.ready = True
            if self.plane is None:
                return
            if self.slab is None:
                whole = self.plane if self.whole is None else self.whole
                shown = preview(bundle, whole, self.place)
            else:
                shown = preview(bundle, self.slab).isel(Z=self.at)
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

    def _look(self, channels: int, gives_image: bool) -> None:
        """Choose the part of the open image that previews are made of."""
        if gives_image and self.shown is not None:
            # The part is normalised, and surrounded, as it will be in the result.
            self.whole = grey_rgb.with_channels(self.shown, channels)
            self.place = split_preview.region(self.whole, self.session.view.box)
            self.plane = self.whole.isel(self.place)
        elif self.plane is not None:
            # Once, not at each preview: it is said.
            self.plane = grey_rgb.with_channels(self.plane, channels)

    def _slab(self, channels: int) -> tuple[xr.DataArray, int]:
        """Return the slices around the one that is looked at, and which of them that is."""
        image, view = self.session.open_image(), self.session.view
        if "T" in image.dims:
            image = image.isel(T=min(view.t, image.sizes["T"] - 1))
        z = min(view.z, image.sizes.get("Z", 1) - 1)
        low = max(z - _BESIDE, 0)
        if "Z" in image.dims:
            image = image.isel(Z=slice(low, z + _BESIDE + 1))
        part = image.isel(split_preview.region(image, view.box, _VOLUME))
        return grey_rgb.with_channels(part, channels), z - low


def _shown(image: xr.DataArray, view: View) -> xr.DataArray:
    """Return the plane of the open image that the user looks at."""
    places = {axis: at for axis, at in (("T", view.t), ("Z", view.z)) if axis in image.dims}
    return image.isel({axis: min(at, image.sizes[axis] - 1) for axis, at in places.items()})


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


def _middle(image: xr.DataArray) -> xr.DataArray:
    """Return the middle of a large plane, at most 1024 px a side."""
    cut = {}
    for axis in "YX":
        size = image.sizes[axis]
        low = max(0, (size - _SIDE) // 2)
        cut[axis] = slice(low, min(size, low + _SIDE))
    return image.isel(cut)
