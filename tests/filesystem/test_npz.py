"""Archives of arrays: what they declare is compared, and nothing is unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import UserError
from imagej_dl.filesystem import npz


def test_arrays_come_back(tmp_path: Path) -> None:
    given = {
        "a": np.arange(12, dtype=np.float32).reshape(3, 4),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.array(5),
        "d": np.array([], np.uint8),
        "e": np.array("words"),
    }
    np.savez(tmp_path / "a.npz", **given)
    found = npz.read(tmp_path / "a.npz")
    assert set(found) == set(given)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert found[name].flags.writeable


def test_pickles_are_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "run",))

    np.savez(tmp_path / "a.npz", a=np.array([Evil()], object))
    with pytest.raises(UserError, match="not unpickled"):
        npz.read(tmp_path / "a.npz")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(10**12,), (-1,), (2**40, 2**40), (5,)])
def test_shapes_that_are_not_there(tmp_path: Path, shape: tuple[int, ...]) -> None:
    header = str({"descr": "<f8", "fortran_order": False, "shape": shape}).encode()
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(32)
        archive.writestr("a.npy", data)
    with pytest.raises(UserError, match="is damaged"):
        npz.read(tmp_path / "a.npz")


@pytest.mark.slow
def test_bomb(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(2**28, np.uint8))
    with pytest.raises(UserError, match="would unpack to 256 MiB"):
        npz.read(tmp_path / "a.npz")


def test_damage_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(100), b=np.ones(5))
    good = path.read_bytes()
    refused = 0
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x11]) + good[place + 1 :])
        try:
            npz.read(path)
        except UserError:
            refused += 1
    assert refused > len(good) / 2
    for size in range(0, len(good), 5):
        path.write_bytes(good[:size])
        with pytest.raises(UserError, match="is damaged"):
            npz.read(path)


def test_state_of_the_data_folder(shared_data: Path) -> None:
    with pytest.raises(UserError, match="is damaged"):
        npz.read(shared_data / "faults" / "attack" / "damaged_last.npz", "Train anew.")
