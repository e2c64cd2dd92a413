"""The working folder of a prediction in blocks: what its jobs leave for each other."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, one_line
from imagej_dl.filesystem.atomic import atomic, load_json
from imagej_dl.methods.shared import windows
from imagej_dl.methods.shared.windows import Place
from imagej_dl.prediction.blocks.plan import FILE, Plan

_DONE = ".json"


class Store:
    """The files of a working folder. A job is done when its JSON is there, which comes last."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan

    def done(self, stage: str) -> set[str]:
        """Return the names of the jobs of a stage that are done."""
        try:
            names = os.listdir(self.folder / stage)
        except FileNotFoundError:
            return set()
        return {
            name.removesuffix(_DONE)
            for name in names
            if name.endswith(_DONE) and not name.startswith(".")
        }

    def is_done(self, stage: str, name: str) -> bool:
        """Return whether one job of a stage is done."""
        return self._facts(stage, name).exists()

    def keep(
        self, stage: str, name: str, facts: dict[str, Any], arrays: Mapping[str, NDArray] = {}
    ) -> None:
        """Keep what a job leaves."""
        if not (self.folder / FILE).is_file():
            raise UserError("was given up meanwhile", path=self.folder)
        for key, array in arrays.items():
            with atomic(self._array(stage, name, key)) as temporary, temporary.open("wb") as file:
                np.save(file, array, allow_pickle=False)
        with atomic(self._facts(stage, name)) as temporary:
            temporary.write_text(json.dumps(facts), encoding="utf-8")

    def facts(self, stage: str, name: str) -> dict[str, Any]:
        """Return what a job says about itself."""
        found: dict[str, Any] = load_json(self._facts(stage, name))
        return found

    def array(self, stage: str, name: str, key: str) -> NDArray:
        """Return an array that a job has left; it is read when it is indexed."""
        path = self._array(stage, name, key)
        try:
            # What is empty cannot be mapped.
            return np.lib.format.open_memmap(path, mode="r") if _pixels(path) else np.load(path)
        except (OSError, ValueError) as error:
            raise UserError(
                f"is damaged ({one_line(error)})",
                path=path,
                remedy=f"Remove the folder {self.folder}, and predict the image again.",
            ) from error

    def raster(self, stage: str, plane: int, key: str, window: Place) -> NDArray:
        """Return what blocks of a plane have left, (Y, X, …), within a window."""
        whole: NDArray | None = None
        for block in self.plan.touching(window):
            place = self.plan.place(block)
            part = self.array(stage, f"{plane}-{block}", key)
            rows, columns = (
                slice(max(one.start, w.start), min(one.stop, w.stop))
                for one, w in zip(place, window, strict=True)
            )
            if whole is None:
                shape = [span.stop - span.start for span in window]
                whole = np.empty((*shape, *part.shape[2:]), part.dtype)
            shared = rows, columns
            whole[windows.within(shared, window)] = part[windows.within(shared, place)]
        assert whole is not None, "windows lie in the plane"
        return whole

    def table(self, stage: str, plane: int, keys: list[str], window: Place) -> dict[str, NDArray]:
        """Return the rows that blocks have left whose points lie in a window, row by row."""
        parts: dict[str, list[NDArray]] = {key: [] for key in keys}
        for block in self.plan.touching(window):
            points = np.asarray(self.array(stage, f"{plane}-{block}", "points"))
            inside = windows.holds(window, *points.T)
            for key in keys:
                parts[key].append(np.asarray(self.array(stage, f"{plane}-{block}", key))[inside])
        joined = {key: np.concatenate(some) for key, some in parts.items()}
        order = np.lexsort(joined["points"].T[::-1])
        return {key: values[order] for key, values in joined.items()}

    def _facts(self, stage: str, name: str) -> Path:
        return self.folder / stage / f"{name}{_DONE}"

    def _array(self, stage: str, name: str, key: str) -> Path:
        return self.folder / stage / f"{name}-{key}.npy"


def _pixels(path: Path) -> bool:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        shape, *_ = (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(file)
        return 0 not in shape
