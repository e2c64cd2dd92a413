"""The plan of a prediction in blocks: all that its jobs know, in one file of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic, load_json
from imagej_dl.prediction.tiles import Span

FILE = "plan.json"


@dataclass(frozen=True)
class Plan:
    """A prediction: of what, with what, and how it is cut.

    model : see :class:`.models.Named`.
    image : see :class:`.inputs.Input`.
    frames, depth, shape : of the image: lengths of T and Z, and of a plane (Y, X).
    rows, columns : windows of the network and what is kept of each; blocks are their products.
    halo : px around what is kept, where it is not the model's own.
    augment : the views that are averaged.
    gives : "instances" or "image".
    together : whether all objects of a plane are found by one job.
    probabilities : whether the network's output is kept.
    """

    model: dict[str, Any]
    image: dict[str, Any]
    frames: int
    depth: int
    shape: tuple[int, int]
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    halo: int | None
    augment: str
    gives: str
    together: bool
    probabilities: bool

    @cached_property
    def planes(self) -> list[tuple[int, int]]:
        """The planes, each by its frame and slice."""
        return list(product(range(self.frames), range(self.depth)))

    @cached_property
    def blocks(self) -> list[tuple[Span, Span]]:
        """The blocks of a plane, row by row."""
        return list(product(self.rows, self.columns))

    def place(self, block: int) -> tuple[slice, slice]:
        """Return the part of a plane that a block is."""
        rows, columns = self.blocks[block]
        return slice(rows.low, rows.high), slice(columns.low, columns.high)

    def touching(self, window: tuple[slice, slice]) -> list[int]:
        """Return the blocks that have pixels in a window."""
        rows, columns = (
            [n for n, span in enumerate(spans) if span.low < part.stop and span.high > part.start]
            for spans, part in zip((self.rows, self.columns), window, strict=True)
        )
        return [row * len(self.columns) + column for row, column in product(rows, columns)]

    def write(self, folder: Path) -> None:
        """Write the plan into its working folder."""
        with atomic(folder / FILE) as temporary:
            temporary.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """Read the plan of a working folder.

        Raises
        ------
        UserError : where there is none: the prediction was given up, or begun anew.
        """
        values = load_json(folder / FILE)
        try:
            for axis in ("rows", "columns"):
                values[axis] = tuple(Span(**one) for one in values[axis])
            return cls(**{**values, "shape": tuple(values["shape"])})
        except (TypeError, KeyError, AttributeError) as error:
            raise UserError(
                "is no plan of this version", path=folder / FILE, remedy="Remove its folder."
            ) from error
