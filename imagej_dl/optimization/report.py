"""The files that an optimization leaves: tables of trials, and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imagej_dl.filesystem import csv_cells
from imagej_dl.filesystem.atomic import atomic
from imagej_dl.filesystem.text import write_text


def write_table(rows: Sequence[dict[str, Any]], path: Path) -> list[str]:
    """Write one line for each trial; return the columns, in the order in which rows name them."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cells.safe(value) for name, value in r.items()} for r in rows)
    return columns


def write_json(values: dict[str, Any], path: Path) -> None:
    """Write a JSON object of several lines."""
    with atomic(path) as temporary:
        write_text(temporary, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
