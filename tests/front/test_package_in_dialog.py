"""A package of BioImage.IO chosen in the dialog of Predict, and named in a macro."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import active_image
import hosted
import numpy as np
import pytest

from imagej_dl import fiji, images

pytest.importorskip("onnxruntime")

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.jvm,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
LABEL = "ImageJ-DL Predict"


def predicted(image: str, model: str, folder: str) -> dict[str, Any]:
    """Predict the open image by the dialog, and by a macro as an image; return what is seen."""
    front = hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    hosted.jimport("ij.IJ").open(image)
    title = Path(image).name
    active_image.select(title)
    hosted.choose(LABEL)
    dialog = hosted.fill(front, LABEL, model=model)
    hosted.press(dialog, "OK")
    name = Path(image).stem
    hosted.wait(lambda: hosted.newest(f"{name}-labels"), 240, "labels by the menu")
    hosted.wait(lambda: front.getLast().get("rois"), 120)
    seen: dict[str, Any] = {"labels": np.asarray(hosted.pixels(f"{name}-labels").data)}
    seen["rois"], seen["log"] = hosted.manager_count(), hosted.log()
    line = f'run("{LABEL}", "model=[{model}] output=image");'
    made = hosted.macro(f'selectImage("{title}");\n{line}\nreturn getTitle();')
    seen["title"], seen["image"] = made, np.asarray(hosted.pixels(made).data)
    return seen


def test_the_dialog_and_a_macro_take_a_package(own_process: Any, tmp_path: Path) -> None:
    sys.path.append(str(Path(__file__).parents[1] / "models" / "packages"))
    from small_packages import discs, package, sigmoid

    model = package(tmp_path / "discs.zip")
    image = discs(80)
    images.write(images.make(image), tmp_path / "cells.tif")
    seen = own_process(predicted, str(tmp_path / "cells.tif"), str(model), str(tmp_path))
    np.testing.assert_array_equal(seen["labels"] > 0, image > 127)
    assert seen["rois"] == seen["labels"].max() == 9
    assert "with the package discs by threshold" in seen["log"]
    assert seen["title"] == "cells-output"
    wanted = sigmoid(40 * (image / np.float32(255) - 0.5))
    np.testing.assert_allclose(seen["image"].squeeze(), wanted, atol=1e-5)
