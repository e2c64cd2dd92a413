"""Sizes that are only declared cost neither time nor memory."""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bombs import write_all

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import reading

SECONDS, MIB = 1.0, 200


def costs(folder: str) -> dict[str, tuple[float, int, str]]:
    """Return for each file processor seconds, MiB and what came of it, in a process of its own."""
    # Some of the memory is only asked for, and would be taken where it is touched.
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    found = {}
    paths = write_all(Path(folder))
    for path in paths:
        began, most = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                images.scenes_of(path)
                reading.nbytes(path)
                image = images.read(path)
                told = f"{image.size} {[str(w.message) for w in said]}"
            except UserError as error:
                told = f"refused {error}"
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
        found[path.name] = time.process_time() - began, more // 1024, told
    return found


def test_declared_sizes_cost_nothing(tmp_path: Path, own_process: Callable[..., Any]) -> None:
    found = own_process(costs, str(tmp_path))
    assert len(found) > 20
    for name, (seconds, mib, told) in found.items():
        assert seconds < SECONDS, (name, seconds)
        assert mib < MIB, (name, mib)
        assert name in told, (name, told)  # an error, or a warning, that names the file
        assert told.startswith("refused") or int(told.split()[0]) <= 300, (name, told)


@pytest.mark.slow
def test_sizes_that_packing_can_reach_are_read(tmp_path: Path) -> None:
    import numpy as np
    import tifffile

    blank = np.zeros((9000, 9000), np.uint8)
    for packing in ("zlib", "lzw", "zstd"):
        tifffile.imwrite(tmp_path / "a.tif", blank, compression=packing)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert images.read(tmp_path / "a.tif").shape == blank.shape
    from PIL import Image

    for name in ("a.png", "a.jpg"):
        Image.fromarray(blank).save(tmp_path / name)
        assert images.read(tmp_path / name).shape == blank.shape


@pytest.mark.parametrize("name", ["T.ome.tif", "frames.tif", "large.png", "wide.tif"])
def test_doors_take_no_bombs(tmp_path: Path, name: str) -> None:
    from imagej_dl.project.preparing import prepare_all
    from imagej_dl.web.intake import refuse_large

    (tmp_path / "Raw").mkdir()
    path = next(p for p in write_all(tmp_path / "Raw") if p.name == name)
    for other in (tmp_path / "Raw").iterdir():
        if other != path:
            other.unlink()
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = prepare_all(tmp_path)
            assert images.read(made[0].image).size == 100
            refuse_large(path, name, 2**20)
        except UserError:
            with pytest.raises(UserError, match=name):
                refuse_large(path, name, 2**20)
    assert time.process_time() - began < SECONDS
