"""The Script Editor's examples and a macro's dialog in a real Fiji, by Fiji's script service."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagej_dl import fiji, images

EXAMPLES = Path(__file__).resolve().parents[2] / "macros" / "examples"

pytestmark = [
    pytest.mark.fiji,
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]


def _run(home: str, folder: Path) -> dict[str, Any]:
    from screen import pixels, without_options

    from imagej_dl.fiji import gateway, menu

    front = menu.install(home, display=True)
    try:
        from scyjava import jimport

        scripts = gateway.start().ij2.script()
        menu.open_image(folder / "two.tif")
        # The active image is chosen before each: the labels come to the front.
        window = jimport("ij.WindowManager").getCurrentImage().getWindow()
        found = {}
        for name in ("Predict_Active_Image.groovy", "Predict_Active_Image.py"):
            jimport("ij.WindowManager").setCurrentWindow(window)
            given = jimport("java.util.HashMap")()
            given.put("model", jimport("java.io.File")(str(folder / "model")))
            given.put("image", window.getImagePlus())
            ran = scripts.run(jimport("java.io.File")(str(EXAMPLES / name)), True, given).get()
            found[name] = pixels(str(ran.getOutput("labels").getTitle()))
        # From a thread of Python's own, as a user's script may have: Swing needs more there.
        labels, out = folder / "movie.tif", folder / "by thread"
        with ThreadPoolExecutor(1) as threads:
            found["by thread"] = threads.submit(menu.run, "track", labels=labels, out=out).result()
        menu.open_image(folder / "movie.tif")
        macro, answers = EXAMPLES.parent / "Track_Video.ijm", (f"{folder}/model/", f"{folder}/out/")
        found["tracked"] = without_options(macro, "Track a video", texts=answers)
        found["shown"] = pixels(found["tracked"])
        return found
    finally:
        front.close()


def test_examples_give_their_labels(own_process: Any, fiji_home: Path, tmp_path: Path) -> None:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "prediction"))
    from small_models import threshold

    from imagej_dl import models
    from imagej_dl.prediction import predict

    array = np.zeros((64, 80), np.uint8)
    array[5:20, 6:30] = array[40:50, 50:70] = 255
    images.write(images.make(array, "YX"), tmp_path / "two.tif")
    bundle = threshold()
    models.save(bundle.model, bundle.config, tmp_path / "model", test_image=array)
    images.write(images.make(np.stack([array] * 3), "TYX"), tmp_path / "movie.tif")
    found = own_process(_run, str(fiji_home), tmp_path)
    ours = predict(bundle, images.read(tmp_path / "two.tif")).labels.values
    assert ours.max() == 2
    for name in ("Predict_Active_Image.groovy", "Predict_Active_Image.py"):
        assert np.array_equal(found[name], ours)
    # TrackMate has opened the movie once more; the macro's is the tracked one all the same.
    assert found["tracked"] == "tracked-1.tif"
    assert found["shown"].shape == (3, 64, 80)
    assert found["shown"].max() == 2
    assert found["by thread"]["image"] == "tracked.tif"
