"""What libraries log while a file is open is said with its name, and nothing is set for all."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imagej_dl import images
from imagej_dl.errors import DataWarning
from imagej_dl.images.checks import library_warnings

LOGGER = logging.getLogger("tifffile")


def state() -> tuple:
    return LOGGER.level, LOGGER.propagate, LOGGER.disabled, [*LOGGER.filters], [*LOGGER.handlers]


@pytest.mark.slow
def test_importing_changes_no_logger() -> None:
    code = (
        "import logging, warnings, pandas, scipy.special, tifffile, xarray\n"
        "before = list(warnings.filters), logging.root.level\n"
        "import imagej_dl.images, imagej_dl.web.intake, imagej_dl.project.raw_images\n"
        "import imagej_dl.images.formats.bioio_files\n"
        "for name in ('tifffile', 'bioio_lif', 'PIL', ''):\n"
        "    logger = logging.getLogger(name)\n"
        "    assert logger.level == (30 if name == '' else 0), (name, logger.level)\n"
        "    assert not logger.filters and not logger.handlers, name\n"
        "assert (list(warnings.filters), logging.root.level) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_logged_is_said_with_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((4, 5), np.uint8), software="x" * 50, metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        tag = file.pages.first.tags["Software"]
        place = tag.offset + 8
    data = bytearray(path.read_bytes())
    data[place : place + 4] = (10**6).to_bytes(4, "little")
    path.write_bytes(data)
    before = state()
    with pytest.warns(
        UserWarning, match=r"a\.tif: message of tifffile: .*TiffTag 305 .*invalid value"
    ):
        images.read(path)
    assert state() == before
    assert not caplog.records
    with tifffile.TiffFile(path) as file:
        assert file.pages.first
    assert len(caplog.records) == 1


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG, logging.CRITICAL])
def test_lines_are_collected_and_the_logger_is_as_before(level: int) -> None:
    kept = LOGGER.level
    LOGGER.setLevel(level)
    before = state()
    try:
        with library_warnings.collected("tifffile") as outer:
            LOGGER.warning("one %d", 1)
            with library_warnings.collected("tifffile") as inner:
                LOGGER.error("two")
                LOGGER.debug("nothing")
            LOGGER.warning("three")
        assert (outer, inner) == (["one 1", "three"], ["two"])
        assert state() == before
        with pytest.raises(KeyError), library_warnings.collected("tifffile"):
            raise KeyError
        assert state() == before
    finally:
        LOGGER.setLevel(kept)


def test_lines_of_other_threads_go_where_they_went(caplog: pytest.LogCaptureFixture) -> None:
    begun, ended = threading.Event(), threading.Event()
    theirs: list[list[str]] = []

    def work(number: int) -> None:
        with library_warnings.collected("tifffile") as said:
            for line in range(200):
                LOGGER.warning("%d %d", number, line)
        theirs.append(said)

    def other() -> None:
        begun.wait(10)
        LOGGER.warning("mine")
        LOGGER.info("not shown")
        ended.set()

    caplog.set_level(logging.WARNING)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    threads.append(threading.Thread(target=other))
    before = state()
    with library_warnings.collected("tifffile") as said:
        for thread in threads:
            thread.start()
        begun.set()
        assert ended.wait(10)
        LOGGER.error("here")
        for thread in threads:
            thread.join()
    assert said == ["here"]
    assert [record.getMessage() for record in caplog.records] == ["mine"]
    assert sorted(theirs, key=lambda lines: int(lines[0].split()[0])) == [
        [f"{i} {line}" for line in range(200)] for i in range(8)
    ]
    assert state() == before


def test_nothing_is_said_of_files_that_are_well(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((4, 5), np.uint8), software="Zürich µm".encode("latin-1"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.read(path)


def test_label_maps_of_cut_files_log_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cut.tif"
    words = "ImageJ=1.54p\nimages=5\nframes=5\nhyperstack=true\n"
    tifffile.imwrite(path, np.ones((8, 8), np.uint8), description=words, metadata=None)
    with pytest.warns(DataWarning, match="declares 5 frames, and the file has 1"):
        images.read_labels(path)
    assert not caplog.records
