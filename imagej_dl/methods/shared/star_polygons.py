"""From object probabilities and distances along rays to a label map, as the `stardist` package.

Only pixels that may be centres of objects are kept of the network's output, so a large plane needs
no more room than these; what becomes of them is the same however the plane was given.
"""

from __future__ import annotations

import tempfile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imagej_dl.images import array_storage, memory_maps
from imagej_dl.methods.base import PostProcessing
from imagej_dl.methods.shared import windows
from imagej_dl.methods.shared.polygon_suppression import survivors
from imagej_dl.methods.shared.postprocessing_settings import DropEdge, MinimumArea, Probability
from imagej_dl.methods.shared.star_distances import directions
from imagej_dl.methods.shared.windows import Place
from imagej_dl.progress import Progress, silent

_EDGE = 2
"""Px along the plane's edge in which `stardist` looks for no centres."""
_SHORTEST, _LONGEST = 1e-3, 1e6
"""Distances in px: shorter ones are taken as this, as `stardist` does; longer ones as none."""


class StarObjects(PostProcessing):
    """The post-processing of star-convex polygons, with StarDist's default thresholds."""

    probability_threshold: Probability = Field(
        default=0.5, description="Object probability above which a pixel may be an object's centre."
    )
    overlap_threshold: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Share of the smaller of two polygons that both may cover; with more in common "
        "the less probable one is no object.",
    )
    minimum_area: MinimumArea = 0
    drop_edge: DropEdge = False


class StarPolygons:
    """Takes the output for a plane some rows at a time, and gives its label map.

    Parameters
    ----------
    shape : of the plane (Y, X).
    rays : number of distances of each pixel.
    unit : of the distances, in px.
    large : whether what it keeps, and the label map, lie in files.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        rays: int,
        settings: StarObjects,
        unit: float = 1.0,
        large: bool = False,
    ) -> None:
        self.shape, self.settings, self.unit, self.large = shape, settings, unit, large
        self.left_out = 0
        self._points: list[NDArray[np.int32]] = [np.zeros((0, 2), np.int32)]
        self._probabilities: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        self._distances = _Rows(rays, large)

    def add(self, low: int, rows: NDArray[np.float32]) -> None:
        """Take the rows from `low` on, (rows, X, 1 + rays)."""
        points, probabilities, distances = candidates(
            rows, (low, 0), self.shape, self.settings, self.unit
        )
        self._points.append(points)
        self._probabilities.append(probabilities)
        self._distances.add(distances)

    def finish(self, progress: Progress = silent) -> NDArray:
        """Return the label map (Y, X), ids from 1 on by falling probability.

        Nothing can be added after that.
        """
        points, probabilities = np.concatenate(self._points), np.concatenate(self._probabilities)
        distances = self._distances.finish()
        threshold = self.settings.overlap_threshold
        kept = survivors(points, distances, probabilities, threshold, progress)
        outlines = outlines_of(points[kept], np.asarray(distances[kept]))
        labels = self._new(np.uint32)
        for (band,), part in memory_maps.pieces(labels):
            assert isinstance(band, slice), "pieces of a plane are rows"
            window = band, slice(0, self.shape[1])
            part[:] = painted(outlines, probabilities[kept], window, self.shape)
        return self._numbered(labels, len(kept))

    def _numbered(self, labels: NDArray[np.uint32], count: int) -> NDArray:
        """Drop objects that are too small or at the edge; number the rest without gaps."""
        sizes = np.zeros(count + 1, np.int64)
        for _, part in memory_maps.pieces(labels):
            sizes += np.bincount(part.ravel(), minlength=count + 1)
        stays = sizes > 0
        if self.settings.drop_edge:
            for side in (labels[:1], labels[-1:], labels[:, :1], labels[:, -1:]):
                stays[np.unique(side)] = False
        stays[0] = False
        large = stays & (sizes >= self.settings.minimum_area)
        self.left_out = int(np.count_nonzero(stays & ~large))
        number = int(np.count_nonzero(large))
        kind = np.uint16 if number <= np.iinfo(np.uint16).max else np.uint32
        final = np.where(large, np.cumsum(large), 0).astype(kind)
        target = labels if kind == np.uint32 else self._new(kind)
        for place, part in memory_maps.pieces(labels):
            target[place] = final[part]
            memory_maps.forget(target)
        return target

    def _new(self, kind: type[np.unsignedinteger]) -> NDArray:
        return array_storage.in_file(self.shape, kind) if self.large else np.zeros(self.shape, kind)


def candidates(
    output: NDArray[np.float32],
    corner: tuple[int, int],
    shape: tuple[int, int],
    settings: StarObjects,
    unit: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the pixels that may be centres of objects: places (y, x), probabilities, distances.

    Parameters
    ----------
    output : (Y, X, 1 + rays) of a part of the plane that begins at a corner.
    shape : of the plane.
    unit : of the output's distances, in px; those that are returned are in px.
    """
    low = [max(_EDGE - begin, 0) for begin in corner]
    high = [max(size - _EDGE - begin, 0) for begin, size in zip(corner, shape, strict=True)]
    part = output[low[0] : high[0], low[1] : high[1]]
    y, x = np.nonzero(part[..., 0] > np.float32(settings.probability_threshold))
    found = part[y, x]
    usable = (found < _LONGEST).all(axis=1)  # which no NaN is
    y, x, found = y[usable], x[usable], found[usable]
    points = np.stack((y + low[0] + corner[0], x + low[1] + corner[1]), axis=1).astype(np.int32)
    distances = np.maximum(found[:, 1:] * np.float32(unit), np.float32(_SHORTEST))
    return points, found[:, 0].copy(), distances


class _Rows:
    """Rows of numbers that are added: in memory, or in a temporary file."""

    def __init__(self, width: int, large: bool) -> None:
        self.width, self.count = width, 0
        self.parts: list[NDArray[np.float32]] = [np.zeros((0, width), np.float32)]
        self.file = tempfile.TemporaryFile() if large else None  # noqa: SIM115 - until mapped

    def add(self, rows: NDArray[np.float32]) -> None:
        self.count += len(rows)
        if self.file is None:
            self.parts.append(rows)
            return
        try:
            self.file.write(np.ascontiguousarray(rows, np.float32).tobytes())
            self.file.flush()
        except OSError as error:
            raise array_storage.no_room(error) from error

    def finish(self) -> NDArray[np.float32]:
        if self.file is None:
            return np.concatenate(self.parts)
        with self.file:
            if not self.count:
                return self.parts[0]
            return np.memmap(self.file, np.float32, "r", shape=(self.count, self.width))


def outlines_of(points: NDArray[np.integer], distances: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vertices of polygons, (N, 2, rays), as `stardist.geometry.dist_to_coord` does."""
    outlines = (distances[:, None] * directions(distances.shape[1])).astype(np.float32)
    return (outlines + points[..., None].astype(np.float64)).astype(np.float32)


def painted(
    outlines: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    window: Place,
    shape: tuple[int, int],
) -> NDArray[np.uint32]:
    """Return a window of the plane with the polygons painted, the most probable ones on top.

    Polygons have the ids 1, 2, … in their order.
    """
    from skimage.draw import polygon

    rows, columns = window
    labels = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint32)
    down = outlines[:, 0]
    meets = (down.min(axis=1) < rows.stop) & (down.max(axis=1) > rows.start - 1)
    order = np.argsort(probabilities, kind="stable")
    for number in order[meets[order]].tolist():
        y, x = polygon(outlines[number, 0], outlines[number, 1], shape)
        inside = windows.holds(window, y, x)
        labels[y[inside] - rows.start, x[inside] - columns.start] = number + 1
    return labels
