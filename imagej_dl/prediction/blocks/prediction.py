"""A prediction in blocks, as the process sees it that has the jobs done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike, NDArray

from imagej_dl import images
from imagej_dl.distribution.base import Executor, Job
from imagej_dl.errors import warn
from imagej_dl.filesystem.atomic import discard
from imagej_dl.images import Far, array_storage, display, memory_maps
from imagej_dl.models import ModelBundle, ModelConfig
from imagej_dl.prediction import unlike
from imagej_dl.prediction.blocks.jobs import LABELS, MEASURE, NETWORK, NUMBER, OBJECTS
from imagej_dl.prediction.blocks.plan import Plan
from imagej_dl.prediction.blocks.store import Store
from imagej_dl.prediction.frames import Beyond
from imagej_dl.prediction.intensity_range import words
from imagej_dl.prediction.pixel_types import PixelType, PixelTypes
from imagej_dl.prediction.predict import Prediction
from imagej_dl.prediction.rescaling import AS_IT_IS
from imagej_dl.progress import Progress, silent

_FUNCTION = "imagej_dl.prediction.blocks.jobs:run"


@dataclass(frozen=True)
class BlockPrediction:
    """A prediction of which all blocks are, or are to be, in a working folder.

    folder : of this prediction alone: what is in it is taken as done.
    config : of the model.
    image : of which no pixels are read here.
    """

    folder: Path
    plan: Plan
    config: ModelConfig
    image: xr.DataArray

    @property
    def store(self) -> Store:
        """The working folder."""
        return Store(self.folder, self.plan)

    @property
    def done(self) -> int:
        """The number of jobs that are done."""
        return sum(len(self.store.done(stage)) for stage in _STAGES)

    def run(self, executor: Executor, progress: Progress = silent) -> None:
        """Do what is not done yet. `progress` is told the stages, in jobs.

        Raises
        ------
        UserError : of the first job that fails; what is done is kept.

        Warns
        -----
        DataWarning : of the jobs, each once; of planes beyond what the training saw.
        """
        planes = [str(plane) for plane in range(len(self.plan.planes))]
        blocks = [f"{plane}-{block}" for plane in planes for block in range(len(self.plan.blocks))]
        self._stage(executor, MEASURE, planes, progress)
        self._stage(executor, NETWORK, blocks, progress)
        if self.plan.gives == "instances" and self.plan.together:
            self._stage(executor, OBJECTS, planes, progress)
        elif self.plan.gives == "instances":
            self._stage(executor, OBJECTS, blocks, progress)
            self._stage(executor, NUMBER, planes, progress)
            self._stage(executor, LABELS, blocks, progress)
        segmented = self.plan.gives == "instances"
        for text in dict.fromkeys(words(list(self._beyond()), self.image, segmented=segmented)):
            warn(text)

    def _stage(
        self, executor: Executor, stage: str, names: Sequence[str], progress: Progress
    ) -> None:
        done = self.store.done(stage)
        due = [name for name in names if name not in done]
        count = len(names) - len(due)
        progress(_STAGES[stage], count, len(names))
        if not due:
            return
        folder = str(self.folder)
        jobs = [Job(_FUNCTION, {"folder": folder, "stage": stage, "name": name}) for name in due]
        said: set[str] = set()

        def pulse() -> None:
            progress(_STAGES[stage], count, len(names))

        for _, outcome in executor.run(jobs, pulse):
            outcome.check()
            for text in outcome.warnings:
                if text not in said:
                    said.add(text)
                    warn(text)
            count += 1
            pulse()

    def _beyond(self) -> Iterator[Beyond]:
        """Yield how planes are beyond what the training saw."""
        store = self.store
        for plane, (t, z) in enumerate(self.plan.planes):
            every = self.config.normalisation.scope == "video"
            for found in store.facts(MEASURE, str(plane))["models"]:
                for far in found.get("far", []):
                    yield Beyond(-1 if every else t, z, _far(far))
            for block in range(len(self.plan.blocks)):
                for far in store.facts(NETWORK, f"{plane}-{block}")["far"]:
                    yield Beyond(t, z, _far(far))

    def prediction(self) -> Prediction:
        """Return the result, whose pixels lie in a file where they are many.

        Warns
        -----
        DataWarning : for an image that is unlike those of the training.
        """
        shape = self._stack()
        facts = [self.store.facts(NUMBER, str(p)) for p in range(len(self.plan.planes))]
        most = max(one["count"] for one in facts)
        kind = np.uint16 if most <= np.iinfo(np.uint16).max else np.uint32
        labels = self._room((*shape, *self.plan.shape), kind)
        if self.plan.together:
            for plane, at in enumerate(np.ndindex(*shape)):
                found = self.store.array(NUMBER, str(plane), "labels")
                for place, part in memory_maps.pieces(found):
                    labels[at][place] = part
                    memory_maps.forget(labels)
        else:
            self._gather(LABELS, "labels", lambda at, place, part: _put(labels[at], place, part))
        dims = [str(axis) for axis in self.image.dims if axis != "C"]
        probabilities = None
        if self.plan.probabilities:
            kept = self._room(
                (*shape, *self.plan.shape, len(self.config.classes)), np.dtype(np.float32)
            )
            self._gather(NETWORK, "output", lambda at, place, part: _put(kept[at], place, part))
            probabilities = images.with_data(self.image, kept, [*dims, "C"])
        return Prediction(
            images.with_data(self.image, labels, dims),
            probabilities,
            sum(one["left_out"] for one in facts),
            self.config.instances.least_area(),
            unlike=tuple(self._unlike(labels)),
        )

    def _unlike(self, labels: NDArray[Any]) -> list[str]:
        """Warn of an image that is unlike those of the training; return in what it is."""
        model = ModelBundle(None, self.config, Path(self.plan.model["folder"]))
        noticed = {one.far.why for one in self._beyond()}
        far = unlike.compared(model, self.image, labels, AS_IT_IS)
        return unlike.tell(far, self.image.attrs.get("title") or "the image", noticed)

    def made_image(self, dtype: PixelType) -> xr.DataArray:
        """Return the image of a model that gives one; see :func:`.predict_image`."""
        pixels, shape = PixelTypes(self.image, dtype), self._stack()
        count = (
            self.config.method.intensities or self.store.array(NETWORK, "0-0", "output").shape[-1]
        )
        made = self._room((*shape, count, *self.plan.shape), pixels.dtype)

        def put(at: tuple[int, ...], place: tuple[slice, slice], part: NDArray) -> None:
            for channel in range(count):
                _put(made[(*at, channel)], place, pixels.of(part[..., channel]))

        self._gather(NETWORK, "output", put)
        pixels.tell()
        dims = [str(axis) for axis in self.image.dims if axis != "C"]
        if count == 1:
            result = images.with_data(self.image, made.reshape(*shape, *self.plan.shape), dims)
        else:
            result = images.with_data(self.image, made, [*dims[:-2], "C", *dims[-2:]])
        return display.like(result, self.image)

    def remove(self) -> None:
        """Remove the working folder."""
        discard(self.folder)

    def _room(self, shape: tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
        """Return an array of zeros for a result: of large planes in a file, however many."""
        large = self.plan.shape[0] * self.plan.shape[1] > array_storage.LARGE
        return (array_storage.in_file if large else array_storage.empty)(shape, kind)

    def _stack(self) -> tuple[int, ...]:
        return tuple(self.image.sizes[axis] for axis in map(str, self.image.dims) if axis in "TZ")

    def _gather(
        self, stage: str, key: str, put: Callable[[tuple[int, ...], tuple[slice, slice], Any], None]
    ) -> None:
        for plane, at in enumerate(np.ndindex(*self._stack())):
            for block in range(len(self.plan.blocks)):
                part = np.asarray(self.store.array(stage, f"{plane}-{block}", key))
                put(at, self.plan.place(block), part)


_STAGES = {
    MEASURE: "measure",
    NETWORK: "predict",
    OBJECTS: "objects",
    NUMBER: "number",
    LABELS: "labels",
}


def _put(target: NDArray, place: tuple[slice, slice], part: NDArray) -> None:
    target[place] = part
    memory_maps.forget(target)


def _far(facts: dict[str, Any]) -> Far:
    return Far(**{**facts, "at": tuple(facts["at"])})
