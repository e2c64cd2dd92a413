"""Archives of strangers: names that lead out, links, bombs, references to other files."""

from __future__ import annotations

import struct
import zipfile

import numpy as np
import onnx
import pytest
from small_packages import npy, package, threshold

from imagej_dl.errors import UserError
from imagej_dl.filesystem import npz
from imagej_dl.models.packages import onnx_files
from imagej_dl.models.packages.archive import Archive, holds_description


def archive(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def link():
    info = zipfile.ZipInfo("weights.onnx")
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("../rdf.yaml", b"")], "outside of the package"),
        ([("/etc/rdf.yaml", b"")], "outside of the package"),
        ([("a/../../b", b"")], "outside of the package"),
        ([("..\\b", b"")], "outside of the package"),
        ([("C:\\b", b"")], "outside of the package"),
        ([(link(), b"/etc/passwd")], "holds a link"),
        ([("rdf.yaml", bytes(120 * 2**20))], "would unpack to 120 MiB"),
    ],
)
def test_strange_members_are_refused(tmp_path, entries, words):
    with pytest.raises(UserError, match=words):
        Archive(archive(tmp_path / "a.zip", entries))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_comes_twice_is_refused(tmp_path):
    with pytest.raises(UserError, match="twice"):
        Archive(archive(tmp_path / "a.zip", [("rdf.yaml", b"a"), ("rdf.yaml", b"b")]))


def test_no_archive_and_a_truncated_one_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK no")
    with pytest.raises(UserError, match="is not a ZIP archive"):
        Archive(path)
    whole = package(tmp_path / "b.zip").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="is not a ZIP archive"):
        Archive(path)


def test_damaged_content_is_refused(tmp_path):
    path = archive(tmp_path / "a.zip", [("rdf.yaml", b"type: model\n" * 100)])
    data = bytearray(path.read_bytes())
    start = 30 + struct.unpack_from("<H", data, 26)[0]
    data[start + 4] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match="cannot be unpacked"):
        Archive(path).read("rdf.yaml")


def test_a_description_of_any_size_is_not_read(tmp_path):
    path = archive(tmp_path / "a.zip", [("rdf.yaml", b"# " + bytes(2 * 2**20))])
    with pytest.raises(UserError, match="implausible"):
        Archive(path).read("rdf.yaml", 2**20)


def test_a_link_out_of_a_folder_is_refused(tmp_path):
    folder, secret = tmp_path / "model", tmp_path / "secret.txt"
    folder.mkdir()
    secret.write_text("secret")
    (folder / "rdf.yaml").write_text("type: model")
    (folder / "net.onnx").symlink_to(secret)
    with pytest.raises(UserError, match="link that leads out"):
        Archive(folder).read("net.onnx")


def test_a_roiset_is_no_package(tmp_path):
    assert not holds_description(archive(tmp_path / "RoiSet.zip", [("0001.roi", b"Iout")]))
    assert holds_description(package(tmp_path / "discs.zip"))


def test_onnx_files_that_refer_to_others_are_refused(tmp_path):
    model = onnx.load_from_string(threshold())
    onnx_files.check(model.SerializeToString(), tmp_path)
    tensor = model.graph.node[0].attribute[0].t
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(UserError, match="refer to other files"):
        onnx_files.check(model.SerializeToString(), tmp_path)
    inner = onnx.helper.make_graph([], "inner", [], [], initializer=[tensor])
    model.graph.node[0].attribute.add(name="then", type=onnx.AttributeProto.GRAPH, g=inner)
    model.graph.node[0].attribute[0].ClearField("t")
    with pytest.raises(UserError, match="refer to other files"):
        onnx_files.check(model.SerializeToString(), tmp_path)


@pytest.mark.parametrize("data", [b"\xff" * 100, b"\x3a\xff\xff\x03", threshold()[:-7]])
def test_damaged_onnx_files_are_refused(tmp_path, data):
    with pytest.raises(UserError, match="damaged"):
        onnx_files.check(data, tmp_path)


def test_arrays_that_declare_more_than_they_hold_are_refused():
    small = npy(np.zeros((2, 2), np.float32))
    np.testing.assert_array_equal(npz.array(small), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="truncated"):
        npz.array(small.replace(b"(2, 2)", b"(9, 9)"))
    with pytest.raises(ValueError, match="objects"):
        npz.array(small.replace(b"'<f4'", b"'|O' "))
    with pytest.raises(ValueError, match="multi-line"):
        npz.array(small.replace(b"}", b" "))
    stream = npy(np.array([1, 2]))[:-1]
    with pytest.raises(ValueError, match="truncated"):
        npz.array(stream)
