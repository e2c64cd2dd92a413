"""ROIs that are marks: which are, and what a label map and its marks make of them."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from imagej_dl import rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED, UNMARKED
from imagej_dl.rois import Looks, Roi
from imagej_dl.rois.marks import Rules


def box(x: int, y: int, width: int, height: int, name: str = "cell", **more: int) -> Roi:
    return Roi("rectangle", name, box=(x, y, width, height), **more)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ignore", IGNORED),
        ("Ignore-1", IGNORED),
        ("IGNORE 2", IGNORED),
        ("ignored debris", IGNORED),
        ("background", BACKGROUND),
        ("Background_3", BACKGROUND),
        ("0012-0034-0056", UNMARKED),
        ("do not ignore", UNMARKED),
        ("", UNMARKED),
    ],
)
def test_the_name_tells_a_mark(name: str, value: int) -> None:
    assert Rules().mark(box(0, 0, 1, 1, name)) == value


def test_group_colour_and_other_names_are_declared() -> None:
    rules = Rules.of("group:3, name:Debris", "color:#0000ff")
    assert rules.mark(box(0, 0, 1, 1, group=3)) == IGNORED
    assert rules.mark(box(0, 0, 1, 1, "debris-2")) == IGNORED
    assert rules.mark(box(0, 0, 1, 1, group=4)) == UNMARKED
    blue = replace(box(0, 0, 1, 1), looks=Looks(stroke_color=0xFF0000FF))
    assert rules.mark(blue) == BACKGROUND
    assert Rules.of("colour:blue").mark(blue) == IGNORED
    assert Rules.of("colour:blue").mark(box(0, 0, 1, 1)) == UNMARKED  # no colour is not black
    assert Rules.of("colour:black").mark(box(0, 0, 1, 1)) == UNMARKED


@pytest.mark.parametrize("wrong", ["group:0", "group:256", "colour:rad", "debris", "name:", "3"])
def test_a_wrong_declaration_is_refused(wrong: str) -> None:
    with pytest.raises(UserError, match="says no group, colour or name") as caught:
        rois.labelled([box(0, 0, 2, 2)], (4, 4), ignore=wrong)
    assert "group:3" in str(caught.value)


def test_a_rule_cannot_be_both() -> None:
    with pytest.raises(UserError, match="both name the group 3"):
        Rules.of("group:3", "group:3")


def test_marks_are_painted_beside_the_objects() -> None:
    some = [
        box(0, 0, 4, 4, "a"),
        box(6, 0, 3, 3, "ignore"),
        box(6, 2, 3, 3, "background"),
        Roi("line", "background-2", params=(0, 8, 10, 8), stroke_width=2),
    ]
    found = rois.labelled(some, (10, 10))
    assert found.marks is not None
    labels, marks = found.labels.values, found.marks.values
    assert (labels > 0).sum() == 16
    assert (marks[:3, 6:9] == IGNORED).all()  # wins over background, whatever the order
    assert (marks[3:5, 6:9] == BACKGROUND).all()
    assert (marks[7:9] == BACKGROUND).all()
    assert (marks == IGNORED).sum() == 9
    assert (marks == BACKGROUND).sum() == 6 + 20
    assert [row.name for row in found.report.kept] == ["a"]
    assert [row.note for row in found.report.rows][1:3] == ["mark: ignored", "mark: background"]
    again = rois.labelled(some[::-1], (10, 10))
    np.testing.assert_array_equal(again.marks, marks)


def test_a_set_without_marks_has_none_and_one_of_marks_alone_has_no_objects() -> None:
    assert rois.labelled([box(0, 0, 2, 2)], (4, 4)).marks is None
    found = rois.labelled([box(0, 0, 4, 4, "background")], (4, 4))
    assert found.marks is not None
    assert (found.marks == BACKGROUND).all()
    assert not found.labels.any()


def test_an_object_is_ignored_as_a_whole_or_not_at_all() -> None:
    some = [box(0, 0, 4, 4, "half"), box(6, 0, 4, 4, "more"), box(2, 0, 7, 4, "ignore")]
    with pytest.warns(DataWarning, match="1 ROI left out: more than half of it is ignored more"):
        found = rois.labelled(some, (4, 12))
    assert found.marks is not None
    assert (found.labels.values[:, :4] == 1).all()
    assert found.labels.values.max() == 1
    assert (found.marks.values[:, 4:10] == IGNORED).all()  # to the end of the object
    assert not found.marks.values[:, :4].any()
    assert [row.label for row in found.report.rows] == [1, 0, 0]


def test_objects_win_over_background() -> None:
    """So a rectangle named background around all says that all else is drawn."""
    found = rois.labelled([box(1, 1, 2, 2), box(0, 0, 6, 6, "background")], (6, 6))
    assert found.marks is not None
    np.testing.assert_array_equal(found.marks == BACKGROUND, found.labels == 0)
    assert found.report.contested == 0


def test_marks_are_on_their_planes_and_never_contested() -> None:
    some = [box(0, 0, 2, 2, t=1), box(0, 0, 2, 2, t=2), box(0, 0, 8, 8, "ignore", t=2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        found = rois.labelled(some, (2, 8, 8), overlap="error")
    assert found.marks is not None
    assert not found.marks.values[0].any()
    assert (found.marks.values[1] == IGNORED).all()
    assert found.labels.values[0].any()
    assert not found.labels.values[1].any()


def test_points_cannot_mark() -> None:
    point = Roi("point", "background", points=np.array([[1, 1]]))
    with pytest.warns(DataWarning, match="is a point, not an area"):
        found = rois.labelled([box(0, 0, 2, 2), point], (4, 4))
    assert found.marks is None


def test_traced_marks_are_the_marks_again() -> None:
    some = [box(0, 0, 4, 4), box(6, 0, 3, 3, "ignore"), box(6, 2, 3, 3, "background")]
    found = rois.labelled(some, (10, 10))
    assert found.marks is not None
    again = rois.labelled(rois.trace(found.labels) + rois.trace_marks(found.marks), (10, 10))
    np.testing.assert_array_equal(again.labels, found.labels)
    np.testing.assert_array_equal(again.marks, found.marks)
