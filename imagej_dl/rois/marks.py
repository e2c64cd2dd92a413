"""ROIs that are marks instead of objects: of what is to be ignored, and of background.

By their names it is all whose name begins with `ignore` or `background`, in capitals or not, as
ImageJ appends numbers to names. Other ROIs can be declared as marks by their group, their colour,
or the beginning of another name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from imagej_dl.errors import UserError
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED, UNMARKED
from imagej_dl.rois.roi import Roi

NAMES = {"ignore": IGNORED, "background": BACKGROUND}
"""Beginnings of names of marks."""

COLOURS = {
    "black": 0x000000,
    "blue": 0x0000FF,
    "cyan": 0x00FFFF,
    "gray": 0x808080,
    "green": 0x00FF00,
    "magenta": 0xFF00FF,
    "orange": 0xFFC800,
    "pink": 0xFFAFAF,
    "red": 0xFF0000,
    "white": 0xFFFFFF,
    "yellow": 0xFFFF00,
}
"""The colours that ImageJ has names for."""


@dataclass(frozen=True)
class Rules:
    """Declare which ROIs are marks, beside those named so.

    ignore, background : each a rule as (what, value): ("group", 3), ("colour", 0xFF0000), ("name",
        "debris").
    """

    ignore: tuple[tuple[str, int | str], ...] = ()
    background: tuple[tuple[str, int | str], ...] = ()

    @classmethod
    def of(cls, ignore: str = "", background: str = "") -> Rules:
        """Read declarations such as "group:3", "colour:red, name:debris" or "colour:#00ff00".

        Raises
        ------
        UserError : for one that is none of these, and for a rule that is in both.
        """
        rules = cls(_rules(ignore, "ignore"), _rules(background, "background"))
        if both := set(rules.ignore) & set(rules.background):
            what, value = sorted(both, key=str)[0]
            raise UserError(f"ignore and background both name the {what} {value}")
        return rules

    def mark(self, roi: Roi) -> int:
        """Return the value of a ROI's mark, `UNMARKED` for an object."""
        name = roi.name.strip().casefold()
        for beginning, value in NAMES.items():
            if name.startswith(beginning):
                return value
        if any(_fits(roi, *rule) for rule in self.ignore):
            return IGNORED
        if any(_fits(roi, *rule) for rule in self.background):
            return BACKGROUND
        return UNMARKED

    def unused(self, rois: Iterable[Roi]) -> list[str]:
        """Return the declarations that fit none of the ROIs, as they are written."""
        left = dict.fromkeys([*self.ignore, *self.background])
        for roi in rois:
            for rule in [rule for rule in left if _fits(roi, *rule)]:
                del left[rule]
        return [
            f"{what}:#{value:06x}" if what == "colour" else f"{what}:{value}"
            for what, value in left
        ]


def _fits(roi: Roi, what: str, value: int | str) -> bool:
    if what == "group":
        return roi.group == value
    if what == "colour":
        drawn = (roi.looks.stroke_color, roi.looks.fill_color)
        return any(colour and colour & 0xFFFFFF == value for colour in drawn)
    return roi.name.strip().casefold().startswith(str(value))


def _rules(text: str, field: str) -> tuple[tuple[str, int | str], ...]:
    found = []
    for part in filter(None, map(str.strip, text.split(","))):
        what, _, value = part.partition(":")
        what = what.strip().lower().replace("color", "colour")
        rule = _rule(what, value.strip().casefold())
        if rule is None:
            raise UserError(
                f"{field}: {part!r} says no group, colour or name of ROIs",
                remedy="Write group:3 (1 to 255), colour:red (or colour:#ff0000) or name:debris, "
                f"several with commas. Colours are {', '.join(COLOURS)}.",
            )
        found.append(rule)
    return tuple(found)


def _rule(what: str, value: str) -> tuple[str, int | str] | None:
    if what == "group" and re.fullmatch("[0-9]{1,3}", value) and 1 <= int(value) <= 255:
        return what, int(value)
    if what == "colour" and value in COLOURS:
        return what, COLOURS[value]
    if what == "colour" and re.fullmatch("#[0-9a-f]{6}", value):
        return what, int(value[1:], 16)
    if what == "name" and value:
        return what, value
    return None
