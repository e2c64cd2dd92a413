"""Events of a training for ImageJ: each epoch, and now and then a preview on the open image."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from imagej_dl import preferences
from imagej_dl.errors import UserError
from imagej_dl.images import grey_rgb
from imagej_dl.worker import shared_memory

if TYPE_CHECKING:
    from imagej_dl.training import Epoch
    from imagej_dl.worker.session import Session

_SIDE = 1024


class Live:
    """A listener for `training.train(watch=...)`.

    A preview takes at most a fifth of the training's time, whatever the preferences say.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        shown = session.image
        self.plane = None if shown is None or _is_labels(shown) else _middle(shown)
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
        now = time.monotonic()
        due = now - self.last >= max(self.least, 4 * self.cost)
        if self.plane is None or epoch.bundle is None or not due:
            return
        from imagej_dl.prediction import preview

        # Once, not at each preview: it is said.
        self.plane = grey_rgb.with_channels(self.plane, epoch.bundle.config.channels)
        try:
            shown = preview(epoch.bundle, self.plane)
        except UserError as error:
            # Of another kind than the training images, perhaps: no reason to stop the training.
            self.plane = None
            self.session.tell({"note": f"no preview: {error}"})
            return
        self.last = time.monotonic()
        self.cost = self.last - now
        self.session.tell({"kind": "preview", "preview": shown, "epoch": epoch.epoch})
        # ImageJ has copied those before; a long training would fill the memory with them.
        shared_memory.release(but=2)


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
