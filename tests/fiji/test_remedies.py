"""What error messages say to do in ImageJ is there in ImageJ 1.54p, and helps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_process import call

import imagej_dl
from imagej_dl import UserError, fiji, images, rois
from imagej_dl.geometry import rasterize
from imagej_dl.images.checks import non_finite
from imagej_dl.training.example_files import plane_of

pytestmark = pytest.mark.jvm

SOURCE = Path(imagej_dl.__file__).parent
OURS = ("ImageJ-DL", "Tracking")
"""Menus that this ImageJ has not: our own, and TrackMate's."""
PATH = re.compile(r"(?:File|Edit|Image|Process|Analyze|Plugins) > [A-Z]")

Menu = dict[str, Any]


def named() -> Iterator[tuple[str, str]]:
    """Give the menu paths in the words of the program, with all that follows in the same text."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = "" if id(node) in documentation else node.value
            else:
                continue
            for found in PATH.finditer(text):
                yield f"{path.relative_to(SOURCE)}", text[found.start() :]


def is_there(text: str, menu: Menu) -> bool:
    """Say whether a text begins with a path of the menu."""
    begins = [one for one in menu if text.startswith(one)]
    if not begins:
        return False
    label = max(begins, key=len)
    rest = text[len(label) :].removeprefix("...")
    if not rest.startswith(" > "):
        return True
    return is_there(rest.removeprefix(" > "), menu[label])


def tree(menu: Any) -> Menu:
    found: Menu = {}
    for index in range(int(menu.getItemCount())):
        item = menu.getItem(index)
        label = str(item.getLabel()).removesuffix("...")
        if label != "-":
            found[label] = tree(item) if hasattr(item, "getItemCount") else {}
    return found


def spoilt() -> np.ndarray:
    array = np.random.default_rng(0).normal(5, 2, (12, 14)).astype(np.float32)
    array[2, 3], array[4, 5], array[6, 7] = np.nan, np.inf, -np.inf
    return array


def observe(folder: str) -> dict[str, Any]:
    fiji.start("embedded", display=True)
    from scyjava import jimport

    ij = jimport("ij.IJ")
    bar = jimport("ij.Menus").getMenuBar()
    found: dict[str, Any] = {"menu": {}}
    for index in range(int(bar.getMenuCount())):
        found["menu"][str(bar.getMenu(index).getLabel())] = tree(bar.getMenu(index))

    def code(remedy: str) -> str:
        return re.search(r"with the code (.*) makes them 0", remedy)[1]  # type: ignore[index]

    hot = np.random.default_rng(0).random((40, 40), np.float32)
    hot[3, 3] = 1e30
    cures = {"hot": non_finite.remedy(non_finite.outlying(hot))}
    try:
        plane_of("spoilt.tif", images.make(spoilt()), {})
    except UserError as error:
        cures["spoilt"] = str(error.remedy)
    for name, array in (("hot", hot), ("spoilt", spoilt())):
        path = Path(folder) / f"{name}.tif"
        images.write(images.make(array), path)
        imp = ij.openImage(str(path))
        ij.run(imp, "Macro...", f"code=[{code(cures[name])}]")
        ij.saveAsTiff(imp, str(path))
        found[name] = images.read(path).data

    stack = ij.createImage("time", "8-bit", 20, 20, 5)
    ij.run(stack, "Properties...", "channels=1 slices=1 frames=5")
    ij.saveAsTiff(stack, str(Path(folder) / "time.tif"))
    found["frames"] = dict(images.read(Path(folder) / "time.tif").sizes)

    y = np.tile([0.0, 3000.0], 20_000)
    roi_class = jimport("ij.gui.PolygonRoi")
    import jpype

    floats = jpype.JArray(jpype.JFloat)
    x = np.linspace(0, 3000, len(y), dtype=np.float32)
    zigzag = roi_class(floats(x), floats(y.astype(np.float32)), 2)
    large = ij.createImage("large", "8-bit", 3001, 3001, 1)
    large.setRoi(zigzag)
    ij.run(large, "Convex Hull", "")
    hull = large.getRoi()
    encode = jimport("ij.io.RoiEncoder").saveAsByteArray
    found["zigzag"], found["hull"] = bytes(encode(zigzag)), bytes(encode(hull))

    outliers = hot.copy()
    outliers[3, 3] = 5e4
    path = Path(folder) / "outliers.tif"
    images.write(images.make(outliers), path)
    imp = ij.openImage(str(path))
    ij.run(imp, "Remove Outliers...", "radius=2 threshold=50 which=Bright")
    found["outliers"] = np.array(imp.getProcessor().getPixels()).reshape(40, 40)
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return call(observe, str(tmp_path_factory.mktemp("remedies")))


def test_all_commands_that_are_named_are_in_the_menu(seen: dict[str, Any]) -> None:
    paths = [(file, text) for file, text in named() if not any(o in text for o in OURS)]
    assert len(paths) >= 6
    missing = [one for one in paths if not is_there(one[1], seen["menu"])]
    assert missing == []


def test_pixels_that_are_no_numbers_become_nought(seen: dict[str, Any]) -> None:
    before = spoilt()
    good = np.isfinite(before)
    np.testing.assert_array_equal(seen["spoilt"][good], before[good])
    assert (seen["spoilt"][~good] == 0).all()


def test_a_hot_pixel_becomes_nought_and_no_other(seen: dict[str, Any]) -> None:
    before = np.random.default_rng(0).random((40, 40), np.float32)
    before[3, 3] = 0
    np.testing.assert_array_equal(seen["hot"], before)


def test_outliers_are_removed(seen: dict[str, Any]) -> None:
    assert seen["outliers"].max() <= 1


def test_frames_are_set_in_the_properties(seen: dict[str, Any]) -> None:
    assert seen["frames"] == {"T": 5, "Y": 20, "X": 20}


def test_a_convex_hull_is_not_too_large_to_fill(
    seen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rasterize, "_MOST_CROSSINGS", 10_000_000)
    image = images.make(np.zeros((3001, 3001), np.uint8))
    with pytest.raises(UserError, match=r"too large to fill.*Convex Hull"):
        rois.label_map([rois.decode(seen["zigzag"])], image)
    labels, _ = rois.label_map([rois.decode(seen["hull"])], image)
    assert labels.data.any()
