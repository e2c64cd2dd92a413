"""What counts as kept, changed, added, deleted."""

from __future__ import annotations

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.correction import Changes, compare
from imagej_dl.errors import UserError
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED
from imagej_dl.rois import Labelled, LabelReport


def squares(*boxes: tuple[int, int, int, int], ids: list[int] | None = None) -> np.ndarray:
    """Label map 40 × 40 of boxes y, x, height, width."""
    labels = np.zeros((40, 40), np.uint16)
    for i, (y, x, height, width) in enumerate(boxes):
        labels[y : y + height, x : x + width] = ids[i] if ids else i + 1
    return labels


def changes(before: np.ndarray, after: np.ndarray) -> Changes:
    return compare(images.make(before), images.make(after))


ONE, TWO, THREE = (0, 0, 10, 10), (0, 20, 10, 10), (20, 0, 10, 10)


def test_the_same_objects_under_other_ids_are_kept() -> None:
    found = changes(squares(ONE, TWO), squares(TWO, ONE, ids=[7, 3]))
    assert found == Changes(kept=2, object_px=200)
    assert found.share == 0


def test_redrawn_added_and_deleted() -> None:
    # 80 of 120 pixels in common: the same object, redrawn
    found = changes(squares(ONE, TWO), squares((0, 2, 10, 10), THREE))
    assert found == Changes(changed=1, added=1, deleted=1, changed_px=40 + 200, object_px=320)
    assert found.share == pytest.approx(0.75)


def test_a_stray_pixel_is_no_correction() -> None:
    before, after = squares((0, 0, 20, 20)), squares((0, 0, 20, 20))
    after[0, 0] = 0
    assert changes(before, after) == Changes(kept=1, changed_px=1, object_px=400)


def test_half_of_an_object_is_another_one() -> None:
    found = changes(squares((0, 0, 10, 20)), squares(ONE, (0, 10, 10, 10)))
    assert found == Changes(added=2, deleted=1, changed_px=200, object_px=200)


def test_planes_count_each_for_itself() -> None:
    before = np.stack([squares(ONE), squares(ONE), squares()])
    after = np.stack([squares(ONE), squares(TWO), squares(ONE)])
    found = compare(images.make(before, "TYX"), images.make(after, "TYX"))
    assert found == Changes(kept=1, added=2, deleted=1, changed_px=300, object_px=400)


def test_what_is_unknown_was_neither_kept_nor_deleted() -> None:
    proposed, drawn = images.make(squares(ONE, TWO, THREE)), images.make(squares(ONE))
    assert compare(proposed, drawn) == Changes(kept=1, deleted=2, changed_px=200, object_px=300)
    assert compare(proposed, drawn, sparse=True) == Changes(kept=1, object_px=100)
    marked = squares()
    marked[15:35, :20] = IGNORED
    ignored = Labelled(drawn, LabelReport([], 0), images.make(marked.astype(np.uint8)))
    some = Changes(kept=1, deleted=1, changed_px=100, object_px=200)
    assert compare(proposed, ignored) == some
    # Where there is surely background, what was proposed was wrong.
    marked[:15] = BACKGROUND
    told = Labelled(drawn, LabelReport([], 0), images.make(marked.astype(np.uint8)))
    assert compare(proposed, told, sparse=True) == some


def test_nothing_there() -> None:
    assert changes(squares(), squares()) == Changes()
    assert Changes().share == 0
    assert changes(squares(ONE), squares()).share == 1


def test_other_shapes_are_refused() -> None:
    with pytest.raises(UserError, match="shape"):
        changes(squares(), np.zeros((3, 3), np.uint16))


def test_changes_add() -> None:
    a = Changes(kept=1, changed=2, added=3, deleted=4, changed_px=5, object_px=10)
    assert a + a == Changes(kept=2, changed=4, added=6, deleted=8, changed_px=10, object_px=20)
