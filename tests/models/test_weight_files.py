"""Files of weights from elsewhere: nothing is read that so small a file cannot hold."""

from __future__ import annotations

import json
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from imagej_dl import UserError
from imagej_dl.models import suite_weights, weight_files
from imagej_dl.models.trust import check_parts


def h5(path: Path, **more: object) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("layer")
        group.create_dataset("kernel", data=np.ones((3, 3, 4, 8), np.float32))
        group.create_dataset("bias", data=np.zeros(8), chunks=(8,), compression="gzip")
        if more:
            group.create_dataset("more", **more)
    return path


def test_usual_weights_pass(tmp_path: Path) -> None:
    weight_files.check(h5(tmp_path / "a.h5"), tmp_path / "a.h5")


@pytest.mark.parametrize(
    "more",
    [
        {"shape": (10**6, 10**6), "dtype": "f8"},
        {"shape": (10**6, 10**6), "dtype": "f8", "chunks": (1000, 1000)},
        {"shape": (20000, 20000), "dtype": "f8", "chunks": (1000, 1000), "compression": "gzip"},
        {"shape": (4,), "maxshape": (None,), "dtype": "f8", "chunks": (4 * 10**8,)},
    ],
)
def test_absurd_sizes_cost_nothing(tmp_path: Path, more: dict[str, object]) -> None:
    path = h5(tmp_path / "a.h5", **more)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"a\.h5: declares arrays of more than 64 MiB.*more"):
        suite_weights.read(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_values_in_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(64))
    path = h5(tmp_path / "a.h5", shape=(8,), dtype="f8", external=[(str(secret), 0, 64)])
    with pytest.raises(UserError, match="values in other files"):
        weight_files.check(path, path)
    h5(tmp_path / "b.h5")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["link"] = h5py.ExternalLink(str(tmp_path / "b.h5"), "/layer/kernel")
    with pytest.raises(UserError, match=r"has a link in it \(/link\)"):
        weight_files.check(tmp_path / "c.h5", tmp_path / "c.h5")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        layout = h5py.VirtualLayout(shape=(3, 3, 4, 8), dtype="f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "b.h5"), "layer/kernel", (3, 3, 4, 8))
        file.create_virtual_dataset("kernel", layout)
    with pytest.raises(UserError, match="values in other files"):
        weight_files.check(tmp_path / "d.h5", tmp_path / "d.h5")


def test_groups_in_a_circle_end(tmp_path: Path) -> None:
    with h5py.File(h5(tmp_path / "a.h5"), "a") as file:
        file["layer/again"] = file["layer"]
    weight_files.check(tmp_path / "a.h5", tmp_path / "a.h5")


@pytest.mark.parametrize("size", [0, 10, 500, 1500])
def test_cut_files(tmp_path: Path, size: int) -> None:
    path = h5(tmp_path / "a.h5")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match="not a weights file"):
        weight_files.check(path, path)


def test_files_of_the_data_folder(shared_data: Path) -> None:
    for name in ("weights_huge.h5", "weights_3GB.h5"):
        path = shared_data / "faults" / "attack" / name
        with pytest.raises(UserError, match="declares arrays"):
            weight_files.check(path, path)


def keras(path: Path, weights: bytes, layer: dict[str, object] | None = None) -> Path:
    conv = {"module": "keras.layers", "class_name": "Conv2D", "config": layer or {"filters": 8}}
    network = {"module": "keras.src.models.functional", "class_name": "Functional"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(network | {"config": {"layers": [conv]}}))
        archive.writestr("model.weights.h5", weights)
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return keras(tmp_path / "model.keras", h5(tmp_path / "w.h5").read_bytes())


def test_whole_archive_passes(whole: Path) -> None:
    check_parts(whole)


def test_weights_in_an_archive_are_looked_at(tmp_path: Path) -> None:
    huge = h5(tmp_path / "a.h5", shape=(10**6, 10**6), dtype="f8").read_bytes()
    with pytest.raises(UserError, match=r"m\.keras: declares arrays"):
        check_parts(keras(tmp_path / "m.keras", huge))


def test_bombs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="would unpack to 200 MiB"):
        check_parts(keras(tmp_path / "m.keras", bytes(200 * 2**20)))


@pytest.mark.parametrize("name", ["other.bin", "model.weights.h5", "../config.json"])
def test_members_that_no_model_has(whole: Path, name: str) -> None:
    with zipfile.ZipFile(whole, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        archive.writestr(name, b"x")
    with pytest.raises(UserError, match="does not belong to a model"):
        check_parts(whole)


@pytest.mark.parametrize(
    "layer", [{"filters": 10**9}, {"filters": 60000, "kernel_size": [99, 99]}, {"size": [9**9, 1]}]
)
def test_layers_of_absurd_sizes(tmp_path: Path, layer: dict[str, object]) -> None:
    weights = h5(tmp_path / "w.h5").read_bytes()
    with pytest.raises(UserError, match="a layer of an implausible size"):
        check_parts(keras(tmp_path / "m.keras", weights, layer))


def test_encrypted(whole: Path) -> None:
    data = bytearray(whole.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):  # in both places that say so
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + offset : at + offset + 2] = struct.pack("<H", 1)
    whole.write_bytes(data)
    with pytest.raises(UserError, match=r"cannot be unpacked .*encrypted"):
        check_parts(whole)


def test_damage_anywhere(whole: Path) -> None:
    good = whole.read_bytes()
    refused = 0
    for place in range(0, len(good), 7):
        whole.write_bytes(good[:place] + bytes([good[place] ^ 0x5A]) + good[place + 1 :])
        try:
            check_parts(whole)
        except UserError:
            refused += 1
    assert refused > 50


def test_deep_description(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "[" * 200_000)
    with pytest.raises(UserError, match="too deep"):
        check_parts(path)
