"""Where roifile and ImageJ differ, or a damaged file would do harm, we read and write as ImageJ."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest

from imagej_dl import rois
from imagej_dl.errors import UserError
from imagej_dl.rois import Looks, Roi

SQUARE = np.array([(2, 3), (7, 3), (7, 9), (2, 9)], np.int32)


def changed(data: bytes, at: int, layout: str, *values: float) -> bytes:
    """Return bytes with other values at one place."""
    mended = bytearray(data)
    struct.pack_into(layout, mended, at, *values)
    return bytes(mended)


def second_header(data: bytes) -> int:
    return int(struct.unpack_from(">i", data, 60)[0])


@pytest.mark.parametrize("name", ["cell 😀 7", "😀", "細胞", "a\ud83db", "\udc00"])
def test_names_and_properties_count_in_utf16(name: str) -> None:
    """Half of a pair, which Java may save, is read as U+FFFD; what follows is not moved."""
    roi = Roi("rectangle", name, box=(0, 0, 2, 2), properties=f"key: {name}\nlast: 1\n")
    back = rois.decode(rois.encode(roi))
    whole = name.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    assert (back.name, back.get("key"), back.get("last")) == (whole, whole, "1")


def test_groups_of_newer_files() -> None:
    assert rois.encode(Roi("oval", "o", box=(0, 0, 2, 2), group=255))[4:6] == b"\0\xe4"
    back = rois.decode(rois.encode(Roi("oval", "o", box=(0, 0, 2, 2), group=700)))
    assert back.group == 700


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (-4, 7, 0, 5), (3, -9, 0, 0), (-40, -40, 40, 40)])
def test_empty_boxes_at_and_below_zero(box: tuple[int, ...]) -> None:
    back = rois.decode(rois.encode(Roi("rectangle", "r", box=box)))
    assert back.box == box
    assert rois.mask(back)[0].shape == (max(box[3], 1), max(box[2], 1))


def test_texts_that_lie_beyond_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    """ImageJ opens such a ROI, without the text; nothing is told on the console."""
    data = rois.encode(Roi("rectangle", "name", box=(1, 2, 3, 4), properties="a: 1\n"))
    second = second_header(data)
    for field in (second + 20, second + 44):
        back = rois.decode(changed(data, field, ">i", 2**30), "file.roi")
        assert back.box == (1, 2, 3, 4)
    assert rois.decode(changed(data, second + 20, ">i", 2**30), "file.roi").name == "file"
    assert capfd.readouterr() == ("", "")


def test_counters_that_are_not_there() -> None:
    looks = Looks(counters=bytes(range(16)))
    data = rois.encode(Roi("point", "p", points=SQUARE, looks=looks))
    assert rois.decode(data).looks.counters == looks.counters
    beyond = changed(data, second_header(data) + 48, ">i", len(data) - 4)
    assert rois.decode(beyond).looks.counters == b""


@pytest.mark.parametrize("count", [2**31 - 1, -4, 10**6])
def test_counts_that_lie_take_no_memory(count: int) -> None:
    polygon = rois.encode(Roi("polygon", "p", points=SQUARE))
    path = np.array([0, 1, 1, 1, 9, 1, 4], np.float32)
    composite = rois.encode(Roi("composite", "c", path=path))
    text = struct.pack(">4i", 12, 0, 2, 3) + "Az".encode("utf-16-be") + bytes(10)
    words = rois.encode(Roi("text", "t", box=(1, 2, 3, 4), looks=Looks(payload=text)))
    files = [
        changed(changed(polygon, 16, ">H", 0), 18, ">i", count),
        changed(composite, 36, ">i", 2**31 - 1),
        changed(words, 72, ">i", count),
    ]
    tracemalloc.start()
    for data in files:
        with pytest.raises(UserError, match="truncated"):
            rois.decode(data)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_text_is_kept_to_the_bit() -> None:
    """The justification and flags that later versions of ImageJ add to the style included."""
    text = struct.pack(">4i", 12, 1024 + 512 + 3, 2, 3)
    text += "Az😀x".encode("utf-16-be") + struct.pack(">f", 30.0)
    data = rois.encode(Roi("text", "t", box=(1, 2, 3, 4), looks=Looks(payload=text)))
    assert data[64:].startswith(text)
    assert rois.decode(data).looks.payload == text
    with pytest.raises(UserError, match="text of the ROI 't' is truncated"):
        rois.encode(Roi("text", "t", box=(1, 2, 3, 4), looks=Looks(payload=text[:-2])))


def test_other_magic_words_that_imagej_opens() -> None:
    data = rois.encode(Roi("oval", "o", box=(0, 0, 2, 2)))
    assert rois.decode(b"Ioxx" + data[4:]) == rois.decode(data)
