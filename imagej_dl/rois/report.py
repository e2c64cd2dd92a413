"""Report of what became of each ROI in a label map, as a table beside it."""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import csv_cells
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.filesystem.text import text_of

LEFT_OUT = "left out:"
IGNORE_MARK, BACKGROUND_MARK = "mark: ignored", "mark: background"
"""Notes on ROIs that are marks and no objects."""
IN_PIECES = "in several large pieces"
"""Note on a ROI that may be a selection of several objects."""
_NAMED = 5
_REASONS = 4


@dataclass
class LabelRow:
    """One ROI: `roi` is its place in the RoiSet from 1, `label` its id (0 when left out).

    `t`, `z` and `c` count from 1, 0 being all. `area_px` are its pixels on one plane of the
    image, `visible_px` those that no other ROI took, over all its planes.
    """

    roi: int
    name: str
    type: str
    label: int = 0
    t: int = 0
    z: int = 0
    c: int = 0
    area_px: int = 0
    visible_px: int = 0
    clipped: bool = False
    note: str = ""


@dataclass(frozen=True)
class LabelReport:
    """All ROIs of a label map, and `contested`, the number of pixels in more than one of them."""

    rows: list[LabelRow]
    contested: int

    @property
    def kept(self) -> list[LabelRow]:
        """The rows of the ROIs that are in the label map."""
        return [row for row in self.rows if row.label]

    @property
    def marks(self) -> list[LabelRow]:
        """The rows of the ROIs that are marks."""
        return [row for row in self.rows if row.note in (IGNORE_MARK, BACKGROUND_MARK)]

    def messages(self) -> list[str]:
        """Return in words what was left out, cut at the border or hidden."""
        reasons: defaultdict[str, list[str]] = defaultdict(list)
        for row in self.rows:
            if row.note.startswith(LEFT_OUT):
                reasons[row.note].append(row.name)
                continue
            if row.note == IN_PIECES:
                words = f"{IN_PIECES}, but one object (the ROI Manager's More » Split parts them):"
                reasons[words].append(row.name)
            if row.clipped:
                reasons["cut at the border of the image:"].append(row.name)
            elif row.label and not row.visible_px:
                reasons["hidden by other ROIs:"].append(row.name)
        told = [
            f"{len(names)} ROI{'s' if len(names) > 1 else ''} {reason} {some_of(names)}"
            for reason, names in reasons.items()
        ]
        # ROIs of a long stack can each be left out for a plane of its own.
        rest = sum(map(len, list(reasons.values())[_REASONS:]))
        return told[:_REASONS] + ([f"{rest} more ROIs for the same reason"] if rest else [])

    def warn(self) -> None:
        """Give each of the messages as a DataWarning."""
        for message in self.messages():
            warn(message)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the rows as CSV (UTF-8), replacing what is there."""
        names = ["label"] + [f.name for f in fields(LabelRow) if f.name != "label"]
        with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, names)
            table.writeheader()
            for row in self.rows:
                values = asdict(row) | {"clipped": int(row.clipped)}
                table.writerow({key: csv_cells.safe(value) for key, value in values.items()})


def some_of(names: list[str]) -> str:
    """Return the first names of a list for a message, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def table_path(labels: str | os.PathLike[str]) -> Path:
    """Return the table that belongs to a label map's file: the same name with .csv."""
    return Path(labels).with_suffix(".csv")


def read_names(path: str | os.PathLike[str]) -> dict[int, str]:
    """Return the name of each label from a table written beside a label map.

    A label of several ROIs (an object on several planes) has the name of the first.

    Raises
    ------
    UserError : when the file is no such table.
    """
    names: dict[int, str] = {}
    refuse_special(path)
    try:
        # Excel puts a mark before the first column's name, and in many languages a ; between.
        text = text_of(Path(path))
        first = text.partition("\n")[0]
        split = ";" if first.count(";") > first.count(",") else ","
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=split):
            label = int(row["label"])
            if label:
                names.setdefault(label, csv_cells.plain(row["name"]))
    except (KeyError, ValueError, csv.Error, TypeError) as error:
        raise UserError(
            "is not a table of labels", path=path, remedy="It needs the columns label and name."
        ) from error
    return names
