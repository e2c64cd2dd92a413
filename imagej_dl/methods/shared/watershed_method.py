"""Methods whose objects are a watershed's: a region, and how sure each pixel is to be inside."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagej_dl.methods.base import PostProcessing
from imagej_dl.methods.shared.block_objects import BlockFinder
from imagej_dl.methods.shared.instance_method import Accumulator, InstanceMethod
from imagej_dl.methods.shared.postprocessing_settings import Instances


class WatershedMethod(InstanceMethod):
    """Base of the methods that find objects by :mod:`imagej_dl.methods.shared.postprocessing`.

    They differ in what :meth:`evidence` takes of the output.
    """

    object_weights: ClassVar[tuple[float, ...]] = (5.0, 10.0, 20.0)
    """Values of `object_weight` that are tried."""

    postprocessing: ClassVar[type[PostProcessing]] = Instances

    def evidence(self, output: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the probability of being in any object, and what is highest in their middles.

        Each pixel by itself, so that any rows of the output (Y, X, channels) will do.
        """
        from imagej_dl.methods.shared.postprocessing import object_evidence

        return object_evidence(output)

    def instances(self, output: NDArray, settings: Any) -> tuple[NDArray, int]:
        """Make a label map by a watershed; see :mod:`imagej_dl.methods.shared.postprocessing`."""
        from imagej_dl.methods.shared.postprocessing import instances_with_dropped

        return instances_with_dropped(output, settings, self.evidence)

    def accumulator(self, shape: tuple[int, int], settings: Any) -> Accumulator:
        """Return what makes the same label map block by block."""
        from imagej_dl.methods.shared.blockwise import Blocks

        return Blocks(shape, settings, evidence=self.evidence)

    def block_finder(self, shape: tuple[int, int], settings: Any) -> BlockFinder | None:
        """Return what finds the same objects in blocks that know nothing of each other."""
        from imagej_dl.methods.shared.watershed_blocks import WatershedBlocks

        return WatershedBlocks(shape, settings, self.evidence)

    def _sure(self, start: Instances) -> dict[str, list[Any]]:
        """Return the values of what looks at p_object itself, where the method makes use of it."""
        if not start.joining:
            return {}
        return {"joining": [0.35, 0.45, 0.55], "least_mean": [0.0, 0.8]}

    def search_space(self, start: PostProcessing) -> dict[str, list[Any]]:
        """Return the values of each post-processing setting that are tried, in this order."""
        assert isinstance(start, Instances), "it is the settings model of the method"
        return {
            "object_weight": list(self.object_weights),
            "marker_height": [1.0, 2.0, 4.0],
            **self._sure(start),
            "region_threshold": [0.4, 0.5, 0.6],
            "region_erosion": sorted({max(start.region_erosion - 1, 0), start.region_erosion}),
            "minimum_area": sorted({start.minimum_area // 2, start.minimum_area}),
        }
