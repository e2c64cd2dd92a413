"""A plane of a model that gives an image, in work: averaged over all passes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.images import Levels, array_storage, memory_maps
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import ModelBundle
from imagej_dl.prediction import tiles
from imagej_dl.prediction.views import View
from imagej_dl.progress import Progress


class ImageCanvas:
    """A plane in work: the image, in the input's intensities.

    Each row of tiles becomes an image and gets its intensities back before it is averaged: models
    of an ensemble may normalise the plane each in its way, and the output may have many channels
    more than the image.
    """

    def __init__(
        self, method: ImageMethod, shape: tuple[int, int], passes: int = 1, slices: int = 1
    ) -> None:
        """Of a slab of so many slices, the channels of all follow each other."""
        self.method, self.shape, self.passes, self.slices = method, shape, passes, slices
        self.is_large = shape[0] * shape[1] * slices > array_storage.LARGE
        self.whole: NDArray[np.float32] = np.zeros((0, 0, 0), np.float32)
        self.levels: Levels | None = None

    def add(self, bundle: ModelBundle, strip: tiles.Strip, view: View, levels: Levels) -> None:
        """Take a row of tiles of one view of the plane, whose intensities `levels` mapped.

        Raises
        ------
        UserError : where the network gives NaN or infinity.
        """
        self.levels = levels
        output = self.method.restored(strip.values, view.quarter_turns, view.mirrored)
        parts = np.split(output, self.slices, axis=-1)
        image = np.concatenate([self.method.image(part) for part in parts], axis=-1)
        if not np.isfinite(image).all():
            raise UserError(
                "the model's output has pixels that are NaN or infinite",
                path=bundle.folder,
                remedy="Train the model again, with a lower learning rate.",
            )
        count = image.shape[-1] // self.slices
        sources = self.method.intensities_of(count, bundle.config.channels)
        image = levels.undone(image, sources * self.slices)
        strip_of_view = np.s_[strip.low : strip.high, : view.shape(self.shape)[1]]
        place = view.source(strip_of_view, self.shape)
        if not self.whole.size:
            make = array_storage.in_file if self.is_large else np.zeros
            self.whole = make((*self.shape, image.shape[-1]), np.float32)
        self.whole[place] += image / self.passes if self.passes > 1 else image
        memory_maps.forget(self.whole)

    def finish(self, progress: Progress) -> tuple[NDArray, NDArray[np.float32], int]:
        """Return an empty label map, the image, and that no object was too small."""
        return np.zeros((0, 0), np.uint16), self.method.of_plane(self.whole, self.levels), 0
