"""RoiSet.zip files: order, names, and archives that are broken or made to do harm."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.rois import Roi, archive


def box(name: str, x: int = 0) -> Roi:
    return Roi("rectangle", name, box=(x, 0, 2, 2))


def test_written_sets_are_read_in_order(tmp_path: Path) -> None:
    some = [box(name, i) for i, name in enumerate(("b", "a", "c", "0001-0002"))]
    rois.write(some, tmp_path / "RoiSet.zip")
    assert rois.read(tmp_path / "RoiSet.zip") == some


def test_names_of_entries(tmp_path: Path) -> None:
    """Names that come twice, that hold slashes, or that are empty make entries of their own."""
    names = ["a", "a", "a", "../../etc/passwd", "C:\\x", "", "a-1", "細胞"]
    some = [box(name, i) for i, name in enumerate(names)]
    rois.write(some, tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as file:
        entries = file.namelist()
    assert len(set(entries)) == len(names)
    assert not any("/" in entry or "\\" in entry or ":" in entry for entry in entries)
    assert [entry.removesuffix(".roi") for entry in entries[:3]] == ["a", "a-1", "a-2"]
    back = rois.read(tmp_path / "s.zip")
    assert [roi.box for roi in back] == [roi.box for roi in some]
    assert [roi.name for roi in back[:5]] == names[:5]


def test_same_rois_make_the_same_file(tmp_path: Path) -> None:
    for name in ("1.zip", "2.zip"):
        rois.write([box("a"), box("b")], tmp_path / name)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_order_is_that_of_the_file(tmp_path: Path) -> None:
    """ImageJ reads entries as they lie in the file, whatever the directory at its end says."""
    rois.write([box("first", 1), box("second", 2)], tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip", "a") as file:
        file.filelist.reverse()
        file._didModify = True
    with zipfile.ZipFile(tmp_path / "s.zip") as file:
        assert file.namelist() == ["second.roi", "first.roi"]
    assert [roi.name for roi in rois.read(tmp_path / "s.zip")] == ["first", "second"]


def test_single_roi(tmp_path: Path) -> None:
    rois.write([box("one")], tmp_path / "one.roi")
    assert rois.read(tmp_path / "one.roi") == [box("one")]
    with pytest.raises(UserError, match="holds one ROI"):
        rois.write([box("a"), box("b")], tmp_path / "two.roi")


def test_nothing_is_overwritten_or_left_half(tmp_path: Path) -> None:
    target = tmp_path / "s.zip"
    rois.write([box("a")], target)
    before = target.read_bytes()
    with pytest.raises(UserError, match="already there"):
        rois.write([box("b")], target)
    broken = Roi("composite", "b", path=np.array([7], np.float32))
    with pytest.raises(UserError):
        rois.write([box("b"), broken], target, overwrite=True)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(UserError, match="no ROI to write"):
        rois.write([], tmp_path / "empty.zip")


def test_other_entries_are_ignored(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as file:
        file.writestr("__MACOSX/._a.txt", b"x")
        file.writestr("sub/a.roi", rois.encode(box("")))
        file.writestr("notes.txt", b"x")
    assert [roi.name for roi in rois.read(tmp_path / "s.zip")] == ["a"]


def test_rois_without_points_are_left_out_as_in_imagej(tmp_path: Path) -> None:
    data = bytearray(rois.encode(Roi("polygon", "none", points=np.zeros((1, 2), np.int32))))
    data[16:18] = bytes(2)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as file:
        file.writestr("none.roi", bytes(data))
        file.writestr("a.roi", rois.encode(box("a")))
    with pytest.warns(DataWarning, match="1 ROIs have no points and are left out: none"):
        assert rois.read(tmp_path / "s.zip") == [box("a")]


def packed(**entries: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(f"{name}.roi", data)
    return stream.getvalue()


GOOD = rois.encode(box("a"))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("e.zip", b"", r"e\.zip: is empty"),
        ("n.zip", packed(), r"n\.zip: holds no \.roi files"),
        ("c.zip", packed(a=GOOD)[:-30], r"c\.zip: is not a ZIP archive, or is truncated"),
        ("t.zip", packed(a=GOOD, b=GOOD[:80]), r"t\.zip/b\.roi: is a truncated ImageJ ROI"),
        ("x.zip", packed(a=b"hello, world"), r"x\.zip/a\.roi: is not an ImageJ ROI"),
        ("g.roi", b"GIF89a" + bytes(90), r"g\.roi: is not an ImageJ ROI"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=words) as caught:
        rois.read(tmp_path / name)
    assert caught.value.remedy


def test_damage_inside_an_archive(tmp_path: Path) -> None:
    data = bytearray(packed(a=GOOD * 3))
    data[45:60] = bytes(15)
    (tmp_path / "d.zip").write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"d\.zip"):
        rois.read(tmp_path / "d.zip")


def test_archives_that_unpack_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.zip").write_bytes(packed(a=bytes(2_000_000)))
    monkeypatch.setattr(archive, "_ENTRY_LIMIT", 1_000_000)
    with pytest.raises(UserError, match=r"bomb\.zip/a\.roi: is too large"):
        rois.read(tmp_path / "bomb.zip")
    monkeypatch.setattr(archive, "_TOTAL_LIMIT", 1_000_000)
    with pytest.raises(UserError, match="would unpack to"):
        rois.read(tmp_path / "bomb.zip")


def test_entries_packed_beyond_all_ratio(tmp_path: Path) -> None:
    """A megabyte and more of zeros is no ROI; a smaller one is looked at, and called no ROI."""
    (tmp_path / "bomb.zip").write_bytes(packed(a=bytes(2**20 + 1)))
    with pytest.raises(UserError, match=r"bomb\.zip/a\.roi: is not packed like a ROI"):
        rois.read(tmp_path / "bomb.zip")
    (tmp_path / "small.zip").write_bytes(packed(a=bytes(2**20)))
    with pytest.raises(UserError, match=r"small\.zip/a\.roi: is not an ImageJ ROI"):
        rois.read(tmp_path / "small.zip")


def test_the_sum_of_entries_is_limited(tmp_path: Path) -> None:
    """Entries that each may be there, and that together say they are more than 512 MiB."""
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as file:
        for i in range(3):
            file.writestr(f"{i}.roi", GOOD)
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    claimed = (200 * 2**20).to_bytes(4, "little")
    size = len(GOOD).to_bytes(4, "little")
    path.write_bytes(data[:start] + data[start:].replace(size * 2, claimed * 2))
    with pytest.raises(UserError, match="would unpack to 600 MiB"):
        rois.read(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        rois.read(tmp_path / "none.zip")
    with pytest.raises(UserError, match="is a folder"):
        rois.read(tmp_path)


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    data = packed(ä=GOOD)
    (tmp_path / "s.zip").write_bytes(data.replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(UserError, match=r"s\.zip: is a broken ZIP archive"):
        rois.read(tmp_path / "s.zip")


def test_very_long_names(tmp_path: Path) -> None:
    some = [box("細" * 70_000, i) for i in range(2)]
    rois.write(some, tmp_path / "s.zip")
    assert rois.read(tmp_path / "s.zip") == some


def test_damaged_archives_are_one_error(tmp_path: Path) -> None:
    """Many archives with bytes changed at random: a UserError or ROIs, nothing else."""
    random = np.random.default_rng(0)
    good = packed(a=GOOD, b=rois.encode(box("b", 5)))
    path = tmp_path / "s.zip"
    for _ in range(300):
        data = bytearray(
            good[: random.integers(1, len(good) + 1) if random.random() < 0.2 else None]
        )
        for at in random.integers(0, len(data), random.integers(1, 6)):
            data[at] = random.integers(256)
        path.write_bytes(bytes(data))
        words = ""
        try:
            found = rois.read(path)
        except UserError as error:
            found, words = [], str(error)
        assert found or "s.zip" in words
