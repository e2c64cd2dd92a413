"""LUTs, ranges, modes, selections and overlays between Python, real ImageJ 1.54p and its files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_process import call

from imagej_dl import fiji, images, rois
from imagej_dl.rois import Looks, Roi

pytestmark = pytest.mark.jvm

RNG = np.random.default_rng(11)
LUTS = [RNG.integers(0, 256, (256, 3)).astype(np.uint8) for _ in range(9)]
POLYGON = np.array([[1, 1], [5, 1], [5, 5], [2, 6]], np.int32)


def ramp(dtype: str, dims: str) -> Any:
    shape = [2 + i for i in range(len(dims) - 2)] + [8, 9]
    array = np.arange(np.prod(shape)).reshape(shape) % 251
    return images.make(array.astype(dtype), dims, title="shown")


def overlay() -> list[Roi]:
    return [
        Roi("rectangle", "a", (1, 2, 3, 4), position=2),
        Roi("oval", "b", (0, 0, 5, 5), looks=Looks(stroke_color=0xFFFF0000), stroke_width=2),
        Roi("freehand", "c", points=POLYGON, channel=1, z=2, t=3, group=4, properties="label: 7\n"),
        Roi("line", "d", params=(1, 1, 6, 5)),
    ]


def round_trips() -> list[str]:
    """Everything given comes back; nothing comes back that was not given."""
    from imagej_dl.fiji import roi_manager

    # As ImageJ spells them: what its encoder adds of itself is in them after one round.
    spelled = [roi_manager.encoded(roi_manager.to_java(roi)) for roi in overlay()]
    rows: list[tuple[str, str, dict[str, Any]]] = []
    for dtype in ("uint8", "uint16", "float32"):
        for dims in ("YX", "TZYX"):
            rows += [
                (dtype, dims, {}),
                (dtype, dims, {"luts": LUTS[:1]}),
                (dtype, dims, {"display_ranges": [(3.0, 90.0)]}),
                (dtype, dims, {"luts": LUTS[:1], "display_ranges": [(0.0, 200.0)]}),
                (dtype, dims, {"selection": spelled[0], "overlay": spelled}),
            ]
        for mode in ("composite", "color", "grayscale"):
            rows += [
                (dtype, "CYX", {"display_mode": mode}),
                (
                    dtype,
                    "TCYX",
                    {
                        "luts": LUTS[:3],
                        "display_ranges": [(1.0, 50.0), (2.0, 60.0), (3.0, 200.0)],
                        "display_mode": mode,
                        "selection": spelled[2],
                        "overlay": spelled[:2],
                    },
                ),
            ]
    wrong = []
    for dtype, dims, attrs in rows:
        image = ramp(dtype, dims).assign_attrs(attrs)
        imp = fiji.to_imageplus(image)
        for name, one in {"imp": imp, "duplicate": imp.duplicate()}.items():
            back = fiji.from_imageplus(one)
            known = dict(back.attrs)
            if name == "duplicate":
                # Duplicates have another title and no selection, and may set their own range.
                known["title"] = "shown"
                known |= {k: v for k, v in attrs.items() if k == "selection"}
                if "display_ranges" not in attrs:
                    known.pop("display_ranges", None)
            if not back.assign_attrs(known).drop_attrs().assign_attrs(known).identical(image):
                wrong.append(f"{name} {dtype} {dims} {sorted(attrs)}: {known}")
    return wrong


def chosen_in_imagej() -> dict[str, Any]:
    """What a user changes in ImageJ is seen, and what ImageJ chose by itself is not."""
    from scyjava import jimport

    ij = jimport("ij.IJ")
    imp = fiji.to_imageplus(ramp("uint16", "CYX"))
    imp.setPosition(2, 1, 1)
    imp.setDisplayRange(10, 20)
    two = fiji.from_imageplus(imp).attrs
    single = fiji.to_imageplus(ramp("uint16", "YX"))
    single.setDisplayRange(5, 6)
    one = fiji.from_imageplus(single).attrs
    single.getProcessor().setColorModel(jimport("ij.plugin.LutLoader").getLut("fire"))
    fire = fiji.from_imageplus(single).attrs
    foreign = ij.createImage("foreign", "8-bit ramp", 20, 10, 1)
    foreign.setOverlay(jimport("ij.gui.OvalRoi")(1, 2, 3, 4), None, 1, None)
    foreign.getOverlay().drawLabels(True)
    foreign.getOverlay().drawNames(True)
    theirs = fiji.from_imageplus(foreign)
    again = fiji.to_imageplus(theirs).getOverlay()
    return {
        "two": two["display_ranges"],
        "two keys": sorted(set(two) & set(images.array.DISPLAY)),
        "one": one["display_ranges"],
        "one luts": "luts" in one,
        "fire": fire["luts"][0][255].tolist(),
        "theirs": sorted(set(theirs.attrs) & set(images.array.DISPLAY)),
        "their overlay": [bool(again.getDrawLabels()), bool(again.getDrawNames())],
    }


def mismatches() -> list[str]:
    good, damaged = rois.encode(overlay()[1]), b"Iout" + bytes([0, 228, 7, 0]) + b"\xff" * 60
    torn = ramp("uint8", "YX").assign_attrs(selection=damaged, overlay=[good, damaged])
    image = ramp("uint16", "CYX").assign_attrs(
        luts=LUTS[:2], display_ranges=[(0.0, 9.0)] * 2, display_mode="composite"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fiji.to_imageplus(image.isel(C=0))
        seen = fiji.to_imageplus(torn)
        assert (seen.getRoi(), int(seen.getOverlay().size())) == (None, 1)
    return [str(w.message) for w in caught]


def files(folder: str) -> dict[str, Any]:
    """What images.write writes is what ImageJ opens; what ImageJ saves is what we read."""
    from scyjava import jimport

    ij = jimport("ij.IJ")
    seen: dict[str, Any] = {}
    many = np.zeros((2, 8, 9), np.uint16)
    many[0, 1], many[1, 2] = 300, 5
    labels = images.coloured(images.make(many, "TYX"))
    cases = {
        "labels": labels,
        "labels8": images.coloured(images.make(many[0].astype(np.uint8))),
        "labels32": images.coloured(images.make(many.astype(np.uint32), "TYX")),
        "channels": ramp("float32", "TCYX").assign_attrs(
            luts=LUTS[:3],
            display_ranges=[(1.0, 50.0), (2.5, 60.0), (3.0, 200.0)],
            display_mode="color",
            selection=rois.encode(overlay()[2]),
            overlay=[rois.encode(roi) for roi in overlay()],
        ),
        "volume": images.coloured(images.make(np.repeat(many[:, None], 3, 1), "TZYX")),
    }
    for name, image in cases.items():
        ours, theirs = Path(folder, f"{name}.tif"), Path(folder, f"{name}-ij.tif")
        images.write(image, ours)
        imp = ij.openImage(str(ours))
        ij.saveAsTiff(imp, str(theirs))
        opened = fiji.from_imageplus(imp)
        seen[name] = {
            "dims": opened.dims,
            "hyperstack": bool(imp.isHyperStack()),
            "pixels": bool((opened.values == image.values).all()),
            "differ": {
                f"{who}: {key}"
                for who, other in (
                    ("opened", opened),
                    ("read", images.read(ours)),
                    ("saved", images.read(theirs)),
                )
                for key in images.array.DISPLAY
                if not _same(other.attrs.get(key), image.attrs.get(key))
            },
        }
    big = images.make(np.array([[0, 2**24 + 1], [7, 2**32 - 1]], np.uint32), title="big")
    saved = str(Path(folder, "big.tif"))
    ij.saveAsTiff(fiji.to_imageplus(big), saved)
    seen["large ids"] = images.read_labels(saved).equals(big)
    reopened = ij.openImage(saved)
    seen["large ids reopened"] = fiji.from_imageplus(reopened).equals(big)
    return seen


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bytes) and isinstance(other, bytes):
        one, other = rois.decode(one), rois.decode(other)
        return (one.kind, one.name, one.box) == (other.kind, other.name, other.box) and bool(
            np.array_equal(rois.mask(one)[0], rois.mask(other)[0])
            if one.kind in rois.roi.AREAS
            else one.params == other.params
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return np.array_equal(one, other)


CHECKS: tuple[Callable[[], Any], ...] = (round_trips, chosen_in_imagej, mismatches)


def observe(folder: str) -> dict[str, Any]:
    fiji.start("embedded")
    return {check.__name__: check() for check in CHECKS} | {"files": files(folder)}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return call(observe, str(tmp_path_factory.mktemp("display")))


def test_what_is_given_and_no_more_comes_back(seen: dict[str, Any]) -> None:
    assert seen["round_trips"] == []


def test_what_the_user_chooses_is_seen(seen: dict[str, Any]) -> None:
    found = seen["chosen_in_imagej"]
    assert found["two"][1] == (10, 20)
    assert found["two keys"] == ["display_ranges"]
    assert found["one"] == [(5, 6)]
    assert not found["one luts"]
    assert found["fire"] == [255, 255, 255]
    assert found["theirs"] == ["display_ranges", "overlay"]
    assert found["their overlay"] == [True, True]


def test_what_is_for_other_channels_is_left_out(seen: dict[str, Any]) -> None:
    assert ["do not fit 1" in text for text in seen["mismatches"]] == [True] * 2 + [False] * 2
    assert all("shown: ImageJ cannot read a ROI" in text for text in seen["mismatches"][2:])


@pytest.mark.parametrize("name", ["labels", "labels8", "labels32", "channels", "volume"])
def test_files_open_in_imagej_as_they_are_shown(seen: dict[str, Any], name: str) -> None:
    found = seen["files"][name]
    # ImageJ writes no range of 8-bit images when it is all of 0 to 255.
    assert found["differ"] == ({"saved: display_ranges"} if name == "labels8" else set())
    assert found["pixels"]
    assert found["hyperstack"] == (name in ("channels", "volume"))


def test_large_ids_survive_imagejs_files(seen: dict[str, Any]) -> None:
    assert seen["files"]["large ids"]
    assert seen["files"]["large ids reopened"]
