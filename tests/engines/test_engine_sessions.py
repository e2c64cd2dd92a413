"""The exchange with an engine's program, and what it may do wrong: one clear line each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fake_engine import Fake

from imagej_dl.engines import registry, segmenting
from imagej_dl.errors import Cancelled, DataWarning, NotEnoughMemory, UserError
from imagej_dl.filesystem import processes
from imagej_dl.foreign.session import Session
from imagej_dl.images import make

posix = pytest.mark.skipif(os.name == "nt", reason="signals and process groups")


def image() -> np.ndarray:
    pixels = np.zeros((6, 8), np.uint16)
    pixels[1:3, 1:4], pixels[4, 5:8] = 300, 70
    return pixels


def ask(session: Session, misbehave: str = "", **given: object) -> tuple:
    settings = Fake().settings({"misbehave": misbehave}).model_dump()
    return session.ask("segment", {"image": image()}, {"model": "", "settings": settings}, **given)


def test_one_program_answers_request_after_request() -> None:
    seen = []
    with Session(Fake().program) as session:
        for _ in range(2):
            found, facts = ask(session, "prints", progress=lambda *given: seen.append(given))
            assert np.array_equal(found["labels"], image())
            assert facts == {}
        assert session.version == "2.0"
        with pytest.warns(DataWarning, match="fake: one thing is odd"):
            ask(session, "warns")
        # An error that it tells costs the next request nothing.
        for misbehave, words in {
            "refuses": "fake: the weights are absent. Download them",
            "fails": "fake: ValueError: two lines",
            "network": "wanted to download something and could not: .*name resolution",
        }.items():
            with pytest.raises(UserError, match=words):
                ask(session, misbehave)
        with pytest.raises(NotEnoughMemory, match=r"ran out of memory.*smaller"):
            ask(session, "memory")
        assert ask(session)[0]["labels"].max() == 300
    assert ("loading fake", 0, 1) in seen


@posix
def test_a_program_that_ends_is_one_line_and_is_started_again() -> None:
    with Session(Fake().program) as session:
        with pytest.raises(NotEnoughMemory, match="ended by signal 9, out of memory"):
            ask(session, "killed")
        with pytest.raises(UserError, match="fake failed: RuntimeError: it is over"):
            ask(session, "ends")
        with pytest.raises(UserError, match="does not keep to the exchange"):
            ask(session, "garbage")
    with Session(Fake().program) as session:
        assert ask(session)[0]["labels"].max() == 300


@posix
def test_cancelling_ends_all_that_the_program_started(tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "waiting":
            raise Cancelled

    told = tmp_path / "numbers"
    with pytest.raises(Cancelled), Session(Fake().program) as session:
        ask(session, f"waits {told}", progress=stop)
    numbers = [int(number) for number in told.read_text().split()]
    assert len(numbers) == 2
    _all_end(numbers)


@pytest.mark.slow
@posix
def test_a_program_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Else it would go on for minutes after Python was killed."""
    told = tmp_path / "numbers"
    text = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_engine_sessions as here\n"
        "with here.Session(here.Fake().program) as session:\n"
        f"    here.ask(session, 'waits {told}')\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", text])
    began = time.monotonic()
    while not (told.is_file() and len(told.read_text().split()) == 2):
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    starter.kill()
    starter.wait()
    _all_end([int(number) for number in told.read_text().split()])


def _all_end(numbers: list[int]) -> None:
    began = time.monotonic()
    while any(_lives(number) for number in numbers):
        assert time.monotonic() - began < 20
        time.sleep(0.05)


def _lives(number: int) -> bool:
    """Return whether a process runs; one that nobody has waited for does not."""
    if not processes.running(number):
        return False
    stat = Path(f"/proc/{number}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return processes.running(number)


def _job(name: str, session: Session, **settings: object) -> segmenting.Job:
    engine = registry.of(name)
    return segmenting.Job(engine, session, name, engine.settings(settings).model_dump())


def test_planes_of_a_stack_are_segmented_one_by_one() -> None:
    movie = make(np.stack([image(), image() * 0, image()]), "TYX", title="movie", pixel_width=0.5)
    with Session(Fake().program) as session:
        found = segmenting.segment(_job("fake", session), movie)
        assert (found.labels.dims, found.labels.dtype) == (("T", "Y", "X"), np.uint16)
        assert found.labels.attrs["pixel_width"] == 0.5
        assert np.array_equal(found.labels, movie)  # the engine's own ids, with their gaps
        assert found.number == 4
        for wrong, words in {"wrong size": r"shape \(1, 1\)", "no labels": "no labels"}.items():
            with pytest.raises(UserError, match=f"Fake gave .*{words}"):
                segmenting.segment(_job("fake", session, misbehave=wrong), movie)
        wide = make(movie.data.astype(np.float32) * 1000, "TYX")
        found = segmenting.segment(_job("fake", session), wide)
        assert (found.labels.dtype, found.labels.max()) == (np.uint32, 300_000)
        bad = make(np.full((4, 4), np.nan, np.float32), "YX")
        with pytest.raises(UserError, match="NaN"):
            segmenting.segment(_job("fake", session), bad)


class Volumes(Fake):
    volumes = True


def test_slices_go_together_to_an_engine_of_volumes() -> None:
    stack = make(np.stack([image(), image() * 0]), "ZYX", title="stack")
    movie = make(np.stack([stack.data, stack.data[::-1]]), "TZYX")
    with Session(Fake().program) as session:
        settings = Fake().settings({}).model_dump()
        job = segmenting.Job(Volumes(), session, "volume", settings)
        for one in (stack, movie):
            found = segmenting.segment(job, one)
            assert found.labels.dims == one.dims
            assert np.array_equal(found.labels, one)
        with pytest.raises(UserError, match="has one slice, and Fake takes volumes"):
            segmenting.segment(job, make(image(), "YX"))
        bad = stack.astype(np.float32).copy()
        bad[1, 2, 3] = np.nan
        with pytest.raises(UserError, match="NaN or infinite, the first at x=3, y=2, Z=2"):
            segmenting.segment(job, bad)


def test_images_come_back_as_images() -> None:
    with Session(Fake().program) as session:
        found = segmenting.segment(_job("fake-image", session), make(image(), "YX"))
        assert np.array_equal(found, image() / 2)
        two = make(np.stack([image()] * 2), "CYX")
        with pytest.raises(UserError, match="has 2 channels, Fake takes 1"):
            segmenting.segment(_job("fake-image", session), two)


def test_a_version_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_VERSION", "3.1")
    wanted = pytest.raises(UserError, match=r"Fake 3.1 .*>=1,<3")
    with Session(Fake().program, check=Fake().check_version) as session, wanted:
        segmenting.load(_job("fake", session))
    found, words = Fake().diagnose()
    assert (found, "3.1" in words) == (False, True)
    monkeypatch.delenv("FAKE_VERSION")
    assert Fake().diagnose()[0]


def test_settings_are_checked_by_name() -> None:
    with pytest.raises(UserError, match=r"settings of Fake: .*treshold"):
        Fake().settings({"treshold": 3})
    with pytest.raises(UserError, match="settings of Fake: threshold"):
        Fake().settings({"threshold": "high"})
    with pytest.raises(UserError, match="Fake cannot be trained here"):
        registry.of("fake-image").training({})
    with pytest.raises(UserError, match=r"unknown engine 'none'. Known are .*stardist"):
        registry.of("none")
