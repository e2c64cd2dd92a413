"""Two trainings never write into one folder."""

from __future__ import annotations

import threading

import pytest

from imagej_dl import models
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.filesystem import locks
from imagej_dl.training import train

pytestmark = pytest.mark.tf

TINY = {"depth": 1, "width": 4, "last_width": 4, "patch": 32, "batch": 2, "steps": 4}


def test_the_second_is_refused_and_the_first_goes_on(tmp_path, folder):
    out = tmp_path / "M"
    refused: list[UserError] = []

    def second(overwrite: bool) -> None:
        with pytest.raises(UserError) as caught:
            train(folder, out, epochs=1, overwrite=overwrite, **TINY)
        refused.append(caught.value)

    def meanwhile(epoch) -> None:
        if epoch.epoch == 1:
            for overwrite in (False, True):
                thread = threading.Thread(target=second, args=(overwrite,))
                thread.start()
                thread.join()

    train(folder, out, epochs=2, watch=meanwhile, **TINY)
    assert len(refused) == 2
    for error in refused:
        assert "another imagej-dl is writing into it (a training, process" in str(error)
    models.load(out, verify=True)
    assert not (out / ".training").exists()
    assert not locks.place_of(out).exists()


def test_a_stop_gives_the_folder_back(tmp_path, folder):
    def stop(stage, done, total):
        if stage == "training" and done:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(folder, tmp_path / "M", epochs=2, progress=stop, **TINY)
    assert not locks.place_of(tmp_path / "M").exists()
    train(folder, tmp_path / "M", epochs=1, **TINY)


def test_one_that_was_taken_for_dead_writes_no_more(tmp_path, folder):
    """As after a long sleep of its machine, when another has begun there."""
    out = tmp_path / "M"

    def taken(epoch) -> None:
        locks.place_of(out).write_text("another's")

    with pytest.raises(UserError, match="has taken over the folder"):
        train(folder, out, epochs=2, watch=taken, **TINY)
    assert locks.place_of(out).read_text() == "another's"
