"""Test-time augmentation: the views of a plane, mirrored and turned, that are predicted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError

if TYPE_CHECKING:
    from imagej_dl.methods.base import Method

Augment = Literal["none", "flips", "all"]
"""Sets of views: the plane alone; also mirrored, and turned by 180°; also turned by 90°."""

Where = tuple[slice, slice]


@dataclass(frozen=True)
class View:
    """A plane (Y, X, …) as `rot90(plane[:, ::-1] if mirrored else plane, quarter_turns)`."""

    quarter_turns: int = 0
    mirrored: bool = False

    def of(self, plane: NDArray) -> NDArray:
        """Return the view of a plane, or of a part of one."""
        return np.rot90(plane[:, ::-1] if self.mirrored else plane, self.quarter_turns)

    def shape(self, plane: tuple[int, int]) -> tuple[int, int]:
        """Return the view's shape (Y, X), of the plane's."""
        return plane if self.quarter_turns % 2 == 0 else (plane[1], plane[0])

    def place(self, where: Where, plane: tuple[int, int]) -> Where:
        """Return the part of the view that a part of the plane is seen as; see :meth:`source`."""
        rows, columns = (one.indices(size)[:2] for one, size in zip(where, plane, strict=True))
        height, width = plane
        if self.mirrored:
            columns = _reversed(columns, width)
        turns = self.quarter_turns % 4
        # Of rot90: its pixel (i, j) is (j, width - 1 - i) of the plane, and so on.
        if turns == 1:
            rows, columns = _reversed(columns, width), rows
        elif turns == 2:
            rows, columns = _reversed(rows, height), _reversed(columns, width)
        elif turns == 3:
            rows, columns = columns, _reversed(rows, height)
        return slice(*rows), slice(*columns)

    def source(self, where: Where, plane: tuple[int, int]) -> Where:
        """Return the part of a plane of which a part of its view is the view."""
        # A mirrored view leads back by itself, however it is turned.
        back = self if self.mirrored else View(-self.quarter_turns)
        return back.place(where, self.shape(plane))


def views(augment: Augment) -> tuple[View, ...]:
    """Return the views of a way: 1, 4 or 8, the plane itself first.

    Raises
    ------
    UserError : for another name.
    """
    if augment not in get_args(Augment):
        raise UserError(f"augment is one of {', '.join(get_args(Augment))}, not {augment!r}")
    turns = {"none": (0,), "flips": (0, 2), "all": (0, 1, 2, 3)}[augment]
    mirrored = (False,) if augment == "none" else (False, True)
    return tuple(View(turn, mirror) for mirror in mirrored for turn in turns)


def check(method: Method, augment: Augment, folder: Path | None = None) -> None:
    """Raise UserError for views that the training of a method kept from the network.

    A network that learned stripes of one direction does not know the others.
    """
    allowed = {"all": get_args(Augment), "flips": ("none", "flips"), "none": ("none",)}
    known = allowed[method.symmetries]
    if augment not in known:
        raise UserError(
            f"its kind {method.name} was trained on images that are not turned so",
            path=folder,
            remedy=f"Use --augment {known[-1]}.",
        )


def seen(plane: Any, view: View) -> Any:
    """Return the view of a plane, of one whose parts are read when they are asked for as well."""
    if view == View():
        return plane
    return view.of(plane) if isinstance(plane, np.ndarray) else _Seen(plane, view)


class _Seen:
    """The view of a lazy plane."""

    def __init__(self, plane: Any, view: View) -> None:
        self.plane, self.view = plane, view
        self.shape = (*view.shape(plane.shape[:2]), plane.shape[2])

    def __getitem__(self, where: Where) -> NDArray[np.float32]:
        return self.view.of(self.plane[self.view.source(where, self.plane.shape[:2])])


def _reversed(span: tuple[int, int], size: int) -> tuple[int, int]:
    return size - span[1], size - span[0]
