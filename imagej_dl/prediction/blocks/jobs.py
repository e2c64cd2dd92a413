"""The jobs of a prediction in blocks: each reads what those before it left, and leaves its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.images import array_storage
from imagej_dl.methods.shared.block_objects import BlockFinder, FoundObjects
from imagej_dl.methods.shared.instance_method import InstanceMethod
from imagej_dl.methods.shared.windows import Place
from imagej_dl.models import ModelBundle
from imagej_dl.prediction.blocks import inputs, intensities, models, network_jobs
from imagej_dl.prediction.blocks.plan import FILE, Plan
from imagej_dl.prediction.blocks.store import Store
from imagej_dl.prediction.pixels import Pixels
from imagej_dl.prediction.tiles import Network

MEASURE, NETWORK, OBJECTS, NUMBER, LABELS = "measure", "network", "objects", "number", "labels"
_ROWS = 2**22
"""Pixels of rows that are read at once, where the objects of a plane are found together."""


def run(folder: str, stage: str, name: str) -> None:
    """Do a job of a stage, unless it is done.

    Parameters
    ----------
    folder : the working folder.
    name : "PLANE" or "PLANE-BLOCK", by their numbers in the plan.
    """
    work = _Work(Path(folder))
    plane, _, block = name.partition("-")
    if work.store.is_done(stage, name):
        return
    _STAGES[stage](work, int(plane), int(block or 0), name)


class _Work:
    def __init__(self, folder: Path) -> None:
        self.key = str(folder), _written(folder)
        self.plan = _plan(*self.key)
        self.store = Store(folder, self.plan)

    @property
    def bundles(self) -> tuple[ModelBundle, ...]:
        """The models without their networks."""
        return models.described(self.plan.model)

    @property
    def pixels(self) -> Pixels:
        return Pixels(_image(*self.key))

    @property
    def method(self) -> InstanceMethod:
        method = self.bundles[0].config.method
        assert isinstance(method, InstanceMethod), "images have no such stage"
        return method

    @property
    def finder(self) -> BlockFinder | None:
        if self.plan.together:
            return None
        return self.method.block_finder(self.plan.shape, self.bundles[0].config.instances)


def _written(folder: Path) -> int:
    """Return when the plan was written; 0 where there is none, which reading it says."""
    with suppress(OSError):
        return (folder / FILE).stat().st_mtime_ns
    return 0


@lru_cache(maxsize=4)
def _plan(folder: str, written: int) -> Plan:
    return Plan.read(Path(folder))


@lru_cache(maxsize=2)
def _image(folder: str, written: int) -> xr.DataArray:
    return inputs.opened(_plan(folder, written).image)


def _measure(work: _Work, plane: int, block: int, name: str) -> None:
    t, z = work.plan.planes[plane]
    found = [
        intensities.measured(bundle, work.pixels, t, z)
        if t == 0 or not intensities.whole_video(bundle)
        else {}
        for bundle in work.bundles
    ]
    work.store.keep(MEASURE, name, {"models": found})


def _network(work: _Work, plane: int, block: int, name: str) -> None:
    plan, pixels, ready = work.plan, work.pixels, _ready(*work.key)
    t, z = plan.planes[plane]

    @cache
    def part(number: int, frame: int) -> intensities.Part:
        bundle, _ = ready[number]
        at = 0 if intensities.whole_video(bundle) else frame
        facts = work.store.facts(MEASURE, str(plan.planes.index((at, z))))
        return intensities.Part(bundle, pixels, frame, z, facts["models"][number])

    output, far = network_jobs.output(plan, ready, part, t, block)
    facts: dict[str, Any] = {"far": far}
    arrays: dict[str, NDArray] = {}
    finder = None if plan.gives == "image" else work.finder
    if finder is not None:
        rows, columns = plan.place(block)
        arrays = finder.keep(output, (rows.start, columns.start))
        facts["facts"] = finder.facts(arrays)
    if finder is None or plan.probabilities:
        arrays["output"] = output
    work.store.keep(NETWORK, name, facts, arrays)


@lru_cache(maxsize=1)
def _ready(folder: str, written: int) -> list[tuple[ModelBundle, Network]]:
    plan = _plan(folder, written)
    return [network_jobs.ready(plan, bundle) for bundle in models.loaded(plan.model)]


def _objects(work: _Work, plane: int, block: int, name: str) -> None:
    finder, store, plan = work.finder, work.store, work.plan
    if finder is None:
        _together(work, plane, name)
        return

    def read(window: Place) -> dict[str, NDArray]:
        assert finder is not None
        keys = finder.keeps
        if finder.layout == "table":
            return store.table(NETWORK, plane, keys, window)
        return {key: store.raster(NETWORK, plane, key, window) for key in keys}

    found = finder.find(plan.place(block), read, _largest(*work.key, plane))
    extent = None
    if len(found.boxes):
        extent = [*found.boxes[:, :2].min(0).tolist(), *found.boxes[:, 2:].max(0).tolist()]
    facts = {"count": len(found.order), "left_out": found.left_out, "extent": extent}
    arrays: dict[str, NDArray] = {
        "order": found.order,
        "boxes": found.boxes,
        "pixels": found.pixels,
    }
    store.keep(OBJECTS, name, facts, arrays)


@lru_cache(maxsize=4)
def _largest(folder: str, written: int, plane: int) -> dict[str, float]:
    """Return the largest of what the parts of a plane say about it."""
    plan = _plan(folder, written)
    store, found = Store(Path(folder), plan), dict[str, float]()
    for block in range(len(plan.blocks)):
        facts = store.facts(NETWORK, f"{plane}-{block}")["facts"]
        if not facts:
            break  # none of them says anything
        found = {key: max(value, found.get(key, value)) for key, value in facts.items()}
    return found


def _together(work: _Work, plane: int, name: str) -> None:
    """Find all objects of a plane, whose output is read some rows at a time."""
    plan, settings = work.plan, work.bundles[0].config.instances
    (height, width), whole = plan.shape, slice(0, plan.shape[1])

    def rows(low: int, high: int) -> NDArray:
        return work.store.raster(NETWORK, plane, "output", (slice(low, high), whole))

    if height * width <= array_storage.LARGE:
        labels, left_out = work.method.instances(rows(0, height), settings)
    else:
        objects = work.method.accumulator(plan.shape, settings)
        step = max(_ROWS // width, 1)
        for low in range(0, height, step):
            objects.add(low, rows(low, min(low + step, height)))
        labels = objects.finish()
        left_out = objects.left_out
    facts = {"count": int(labels.max(initial=0)), "left_out": left_out}
    work.store.keep(NUMBER, name, facts, {"labels": labels})
    work.store.keep(OBJECTS, name, {})


def _number(work: _Work, plane: int, block: int, name: str) -> None:
    """Give the objects of a plane their ids, in the order of all."""
    store, blocks = work.store, range(len(work.plan.blocks))
    every = [store.facts(OBJECTS, f"{plane}-{one}") for one in blocks]
    orders = [np.asarray(store.array(OBJECTS, f"{plane}-{one}", "order")) for one in blocks]
    order = np.concatenate(orders)
    ids = np.zeros(len(order), np.uint32)
    ids[np.lexsort(order.T[::-1])] = np.arange(1, len(order) + 1, dtype=np.uint32)
    ends = np.cumsum([len(one) for one in orders])
    arrays = {f"ids-{one}": part for one, part in enumerate(np.split(ids, ends[:-1]))}
    facts = {
        "count": len(order),
        "left_out": sum(one["left_out"] for one in every),
        "extents": [one["extent"] for one in every],
    }
    store.keep(NUMBER, name, facts, arrays)


def _labels(work: _Work, plane: int, block: int, name: str) -> None:
    """Paint the label map of a block."""
    store, place = work.store, work.plan.place(block)
    facts = _numbers(*work.key, plane)
    corner = (place[0].start, place[1].start)
    shape = [span.stop - span.start for span in place]
    kind = np.uint16 if facts["count"] <= np.iinfo(np.uint16).max else np.uint32
    labels = np.zeros(shape, kind)
    for other, extent in enumerate(facts["extents"]):
        if extent is not None and _meets(extent, place):
            key = f"{plane}-{other}"
            found = FoundObjects(
                store.array(OBJECTS, key, "order"),
                np.asarray(store.array(OBJECTS, key, "boxes")),
                store.array(OBJECTS, key, "pixels"),
            )
            found.paint(labels, corner, store.array(NUMBER, str(plane), f"ids-{other}"))
    store.keep(LABELS, name, {}, {"labels": labels})


@lru_cache(maxsize=4)
def _numbers(folder: str, written: int, plane: int) -> dict[str, Any]:
    return Store(Path(folder), _plan(folder, written)).facts(NUMBER, str(plane))


def _meets(extent: list[int], place: Place) -> bool:
    top, left, bottom, right = extent
    rows, columns = place
    return top < rows.stop and bottom > rows.start and left < columns.stop and right > columns.start


_STAGES: dict[str, Callable[[_Work, int, int, str], None]] = {
    MEASURE: _measure,
    NETWORK: _network,
    OBJECTS: _objects,
    NUMBER: _number,
    LABELS: _labels,
}
