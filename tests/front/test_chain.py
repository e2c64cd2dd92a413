"""Train, predict, labels and ROIs in the real ImageJ 1.54p: by macro, menu, recorded line, Ext."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import active_image
import hosted
import numpy as np
import pytest
from small_nuclei import small_nuclei

from imagej_dl import fiji, images

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]


def _seen(title: str, rois_before: int) -> dict[str, Any]:
    found = hosted.pixels(title)
    imp = hosted.jimport("ij.WindowManager").getImage(title)
    calibration = imp.getCalibration()
    return {
        "labels": np.asarray(found.data),
        "dims": list(found.dims),
        "rois": hosted.manager_count() - rois_before,
        "pixel": (float(calibration.pixelWidth), float(calibration.pixelHeight)),
        "unit": str(calibration.getUnit()),
    }


def _chain(
    project: str, image: str, stack: str, model: str, channels: str, two: str
) -> dict[str, Any]:
    import sys

    front = hosted.start()
    manager_of = hosted.jimport("ij.WindowManager")
    seen: dict[str, Any] = {}
    quick = " ".join(f"{key}={value}" for key, value in hosted.QUICK.items())
    title = hosted.macro(
        f'open("{image}");\n'
        f'run("ImageJ-DL Train", "project=[{project}] out=[{model}] {quick}");\n'
        'if (getTitle() != "cells.tif") exit("the front image is " + getTitle());\n'
        f'run("ImageJ-DL Predict", "model=[{model}]");\n'
        "return getTitle();"
    )
    seen["macro"] = _seen(title, 0)
    seen["log"] = hosted.log()

    recorder = hosted.jimport("ij.plugin.frame.Recorder")
    recorder()  # opens it
    active_image.select("cells.tif")
    hosted.choose("ImageJ-DL Predict")
    hosted.press(hosted.fill(front, "ImageJ-DL Predict", model=model), "OK")
    title = hosted.wait(lambda: hosted.newest("cells-labels-1"), 60, "labels by the menu")
    # The ROIs come after the labels, in place of those found on the image before.
    hosted.wait(lambda: front.getLast().get("rois"), 120)
    seen["menu"] = _seen(title, 0)
    lines = [
        line
        for line in str(recorder.getInstance().getText()).splitlines()
        if line.startswith('run("ImageJ-DL')
    ]
    recorder.getInstance().close()
    seen["lines"] = lines

    title = hosted.macro('selectImage("cells.tif");\n' + lines[-1] + "\nreturn getTitle();")
    seen["recorded"] = _seen(title, 0)

    count = hosted.manager_count()
    title, rois = hosted.macro(
        'run("ImageJ-DL Macro Extensions");\n'
        f'title = Ext.dl_predict("{model}", "cells.tif");\n'
        'return title + ";" + Ext.dl_rois(title);'
    ).split(";")
    seen["Ext"] = _seen(title, count)
    seen["Ext said"] = int(rois)

    # Frames, slices and channels: one plane after the other, as from Python.
    title = hosted.macro(
        f'open("{stack}");\nrun("ImageJ-DL Predict", "model=[{model}]");\nreturn getTitle();'
    )
    imp = manager_of.getImage(title)
    seen["stack"] = np.asarray(hosted.pixels(title).data)
    seen["stack dims"] = [int(n) for n in imp.getDimensions()]
    title = hosted.macro(
        f'open("{channels}");\nrun("ImageJ-DL Predict", "model=[{two}]");\nreturn getTitle();'
    )
    seen["channels"] = np.asarray(hosted.pixels(title).data)
    imp = manager_of.getImage(title)
    seen["channels dims"] = [int(n) for n in imp.getDimensions()]
    seen["modules"] = sorted(
        name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras")
    )
    seen["classes"] = _tensorflow_classes()
    return seen


def _tensorflow_classes() -> list[str]:
    """Which of TensorFlow's Java classes the class path has; jars and classes by name."""
    path = str(hosted.jimport("java.lang.System").getProperty("java.class.path"))
    found = [part for part in path.split(":") if "tensorflow" in part or "protobuf" in part]
    loader = hosted.jimport("ij.IJ").getClassLoader()
    for name in ("org/tensorflow/TensorFlow.class", "com/google/protobuf/Message.class"):
        if loader.getResource(name) is not None:
            found.append(name)
    return found


@pytest.fixture(scope="module")
def chain(
    own_process: Any,
    shared_data: Path,
    two_channels: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("chain")
    project = small_nuclei(shared_data, folder / "train")
    image = hosted.cells(shared_data, folder / "cells.tif")
    plane = images.read(image).data[:96, :96]
    planes = np.stack([np.roll(plane, 5 * i, axis=1) // (1 + i % 3) for i in range(6)])
    stack = images.make(planes.reshape(3, 2, 96, 96), "TZYX", pixel_width=0.5, unit="um")
    images.write(stack, folder / "stack.tif")
    # Two channels, three slices, two frames, told apart by their values.
    rng = np.random.default_rng(3)
    array = rng.integers(0, 60, (2, 3, 2, 64, 80), dtype=np.uint8)
    for t in range(2):
        for z in range(3):
            array[t, z, :, 10 * z : 10 * z + 12, 20 * t : 20 * t + 15] += 190
    images.write(images.make(array, "TZCYX"), folder / "channels.tif")
    with hosted.no_leftovers():
        seen = own_process(
            _chain,
            *map(str, (project, image, folder / "stack.tif", folder / "model")),
            *map(str, (folder / "channels.tif", two_channels)),
            bare=True,
        )
    labels, count = hosted.python_labels(folder / "model", image)
    from_python, _ = hosted.python_labels(folder / "model", folder / "stack.tif")
    by_channels, _ = hosted.python_labels(two_channels, folder / "channels.tif")
    return seen | {
        "python": labels,
        "count": count,
        "python stack": from_python,
        "python channels": by_channels,
    }


@pytest.mark.parametrize("way", ["macro", "menu", "recorded", "Ext"])
def test_each_way_gives_what_python_gives(chain: dict[str, Any], way: str) -> None:
    seen = chain[way]
    assert int(chain["python"].max()) > 0
    assert np.array_equal(seen["labels"], chain["python"].data)
    assert seen["rois"] == chain["count"] > 0
    assert seen["pixel"] == (0.5, 0.5)
    assert seen["unit"] == "µm"  # as ImageJ spells um when it opens a file


def test_ext_says_how_many(chain: dict[str, Any]) -> None:
    assert chain["Ext said"] == chain["count"]


def test_pain_2_the_line_is_recorded_with_its_keys(chain: dict[str, Any]) -> None:
    assert len(chain["lines"]) == 1, chain["lines"]
    assert "model=" in chain["lines"][0]
    assert "rois" in chain["lines"][0]


def test_pain_7_frames_and_slices_as_in_python(chain: dict[str, Any]) -> None:
    assert chain["stack dims"] == [96, 96, 1, 2, 3]
    assert chain["python stack"].dims == ("T", "Z", "Y", "X")
    assert np.array_equal(chain["stack"], chain["python stack"].data)
    assert chain["stack"].max() > 0


def test_pain_7_channels_slices_and_frames_as_in_python(chain: dict[str, Any]) -> None:
    assert chain["channels dims"] == [80, 64, 1, 3, 2]
    assert np.array_equal(chain["channels"], chain["python channels"].data)
    assert [int(plane.max()) for plane in chain["channels"].reshape(6, 64, 80)] == [1] * 6


def test_pain_1_no_tensorflow_in_imagejs_process(chain: dict[str, Any]) -> None:
    assert chain["modules"] == []
    assert chain["classes"] == []


def test_what_a_training_says_is_in_the_log(chain: dict[str, Any]) -> None:
    assert "average precision" in chain["log"]
