"""A plane in work: the network's output is put together, and averaged over all passes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images import array_storage, memory_maps
from imagej_dl.methods.shared.instance_method import Accumulator, InstanceMethod
from imagej_dl.models import ModelBundle
from imagej_dl.prediction import tiles
from imagej_dl.prediction.views import View
from imagej_dl.progress import Progress

_AT_ONCE = 2**20  # pixels averaged at a time


class Canvas:
    """A plane in work: the network's output, or of a large one what its objects are made of.

    Of several `passes` the output is the mean.
    """

    def __init__(
        self, bundle: ModelBundle, shape: tuple[int, int], probabilities: bool, passes: int = 1
    ) -> None:
        method = bundle.config.method
        assert isinstance(method, InstanceMethod), "images have a canvas of their own"
        self.method, self.settings = method, bundle.config.instances
        self.is_large = shape[0] * shape[1] > array_storage.LARGE
        self.passes, self.probabilities = passes, probabilities
        self.objects: Accumulator | None = None
        if self.is_large:
            self.objects = self.method.accumulator(shape, self.settings)
        kept = shape if probabilities or self.objects is None or passes > 1 else (0, 0)
        make = array_storage.in_file if self.is_large and kept == shape else np.zeros
        self.whole: NDArray[np.float32] = make((*kept, len(bundle.config.classes)), np.float32)

    def add(self, strip: tiles.Strip, view: View) -> None:
        """Take a row of tiles of one view of the plane."""
        if self.passes > 1:
            shape = self.whole.shape[:2]
            strip_of_view = np.s_[strip.low : strip.high, : view.shape(shape)[1]]
            place = view.source(strip_of_view, shape)
            self.whole[place] += self.method.restored(
                strip.values, view.quarter_turns, view.mirrored
            )
            memory_maps.forget(self.whole)
            return
        if self.whole.size:
            self.whole[strip.low : strip.high] = strip.values
            memory_maps.forget(self.whole)
        if self.objects is not None:
            self.objects.add(strip.low, strip.values)

    def finish(self, progress: Progress) -> tuple[NDArray, NDArray[np.float32], int]:
        """Return the label map, the network's output, and how many objects were too small."""
        if self.passes > 1:
            self._average()
        if self.objects is not None:
            return self.objects.finish(progress), self.whole, self.objects.left_out
        labels, left_out = self.method.instances(self.whole, self.settings)
        return labels, self.whole, left_out

    def _average(self) -> None:
        step = max(_AT_ONCE // self.whole.shape[1], 1)
        for low in range(0, len(self.whole), step):
            rows = self.whole[low : low + step]
            rows /= self.passes
            if self.objects is not None:
                self.objects.add(low, np.array(rows))
            memory_maps.forget(self.whole)
        if self.objects is not None and not self.probabilities:
            self.whole = self.whole[:0, :0]
