"""`imagej-dl correct`: what it asks for and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagej_dl import correction, progress
from imagej_dl.commands.correct import Correct
from imagej_dl.correction import Changes, Correction, Proposal, Retraining, Row, Status
from imagej_dl.correction.state import Retrained
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.training import Settings

ROUND = Retrained(
    round=1,
    model="Corrections/models/round_1",
    images=5,
    validation=["a"],
    unseen=True,
    before=0.5,
    after=0.6125,
    accepted=True,
)
ROWS = [
    Row(
        1,
        "M",
        2,
        Changes(kept=5, changed=9, added=1, deleted=2, changed_px=25, object_px=50),
        ROUND,
    ),
    Row(2, "round_1", 1, Changes(kept=30, changed_px=1, object_px=1000), None),
]
TABLE = """\
round    model  images  kept  changed  added  deleted  pixels changed
    1        M       2     5        9      1        2          50.0 %
    2  round_1       1    30        0      0        0           0.1 %
"""


def run(**values: object) -> None:
    Correct.declare({"project": "p", **values}).run(progress.silent)


def proposal(**other: object) -> Proposal:
    values = {
        "name": "a",
        "image": Path("a.tif"),
        "rois": Path("proposed_RoiSet.zip"),
        "labels": Path("proposed.tif"),
        "target": Path("RoiSet.zip"),
        "objects": 12,
        "uncertainty": 0.25,
        "round": 2,
        "done": 3,
        "total": 9,
        "uncertainties": {"a": 0.25},
    }
    return Proposal(**values | other)


def test_next(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = iter(
        [
            proposal(),
            proposal(rois=None, objects=0),
            proposal(rois=Path("RoiSet.zip"), drawn=True, uncertainty=None),
            None,
        ]
    )
    given = []

    def next_image(path: Path, model: Path | None, **more: object) -> Proposal | None:
        given.append((path, model, more["name"]))
        return next(found)

    monkeypatch.setattr(correction, "next_image", next_image)
    run(model="M")
    assert capsys.readouterr().out == (
        "a: 12 ROIs proposed (uncertainty 0.250; round 2, 3 of 9 images done)\n"
        "open a.tif with proposed_RoiSet.zip; the corrected ones go to RoiSet.zip\n"
    )
    run(name="a")
    assert "no object was predicted on a.tif" in capsys.readouterr().out
    run()
    assert "ROIs are drawn on it already: RoiSet.zip" in capsys.readouterr().out
    run()
    said = capsys.readouterr().out
    assert said.startswith("p: no image is left to correct. Next, the step retrain ")
    assert "`imagej-dl predict`" in said
    assert given[:2] == [(Path("p"), Path("M"), None), (Path("p"), None, "a")]


def test_save_and_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = Changes(kept=5, changed=4, added=3, deleted=2, changed_px=1, object_px=8)
    saved = Correction("a", Path("RoiSet.zip"), 12, Path("old.zip"), changes)
    monkeypatch.setattr(correction, "save", lambda path, name, source, sparse: saved)
    monkeypatch.setattr(
        correction, "mark_empty", lambda path, name: Correction(name, None, 0, None, None)
    )
    run(step="save", name="a", rois="x.zip")
    assert capsys.readouterr().out == (
        "RoiSet.zip: 12 ROIs, the previous ones are kept as old.zip; 5 kept, 4 changed, 3 added, "
        "2 deleted, 12.5 % of the object pixels changed\n"
    )
    run(step="empty", name="a")
    assert capsys.readouterr().out == "a: no object; nothing had been proposed\n"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"step": "save", "name": "a"}, "no ROIs to save.*step empty"),
        ({"step": "save", "rois": "x.zip"}, "save needs the image's name"),
        ({"step": "empty"}, "empty needs the image's name"),
    ],
)
def test_what_is_missing(values: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        run(**values)


def retraining(**other: object) -> Retraining:
    values = {
        "round": 1,
        "model": Path("round_1"),
        "present": Path("round_1"),
        "images": 5,
        "validation": ["a"],
        "unseen": True,
        "before": 0.5,
        "after": 0.6125,
        "accepted": True,
        "ended": "patience",
        "rows": ROWS,
    }
    return Retraining(**values | other)


def test_retrain(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = iter(
        [
            retraining(),
            retraining(after=0.4, accepted=False, present=Path("M")),
            retraining(before=None, after=None, unseen=False, validation=[]),
            retraining(before=0.0, after=None),
        ]
    )
    given = []

    def retrain(path: Path, model: Path | None, **more: object) -> Retraining:
        given.append(more)
        return next(found)

    monkeypatch.setattr(correction, "retrain", retrain)
    run(step="retrain", epochs=3)
    assert capsys.readouterr().out == (
        "round_1: trained on 5 images (ended by: patience)\n"
        "average precision on 1 validation images 0.500 before, 0.613 now (mean over IoU .5 to .9)"
        f"\n{TABLE}"
    )
    run(step="retrain", accept=True)
    assert "it is worse, so M stays in use" in capsys.readouterr().out
    run(step="retrain")
    assert "too few images" in capsys.readouterr().out
    run(step="retrain")
    assert "0.000 before, – now" in capsys.readouterr().out
    assert (given[0]["epochs"], given[0]["accept"], given[1]["accept"]) == (3, False, True)


def test_a_stopped_retraining_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def retrain(*_: object, **__: object) -> None:
        raise Cancelled

    monkeypatch.setattr(correction, "retrain", retrain)
    with pytest.raises(Cancelled):
        run(step="retrain")
    assert "the step retrain continues" in capsys.readouterr().out


def test_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = Status(Path("M"), 2, 3, 9, True, ROWS)
    monkeypatch.setattr(correction, "status", lambda path, model, by: found)
    run(step="status")
    assert capsys.readouterr().out == (
        "round 2, 3 of 9 images done; the current model is M\n"
        "a retraining was stopped; the step retrain continues it\n" + TABLE
    )


def test_keys_never_change() -> None:
    names = (
        "project model step name rois epochs minutes learning_rate engine engine_settings "
        "engine_python accept sparse"
    )
    assert list(Correct.model_fields) == names.split()
    assert (
        Correct.model_fields["minutes"].description == Settings.model_fields["minutes"].description
    )
