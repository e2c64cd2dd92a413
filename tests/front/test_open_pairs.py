"""Open images named by their titles: pairs in Denoise, and Train on an open image."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import active_image
import hosted
import noisy_movie
import numpy as np
import pytest

from imagej_dl import fiji, images, models
from imagej_dl.errors import UserError

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
SMALL = {"steps": 2, "patch": 32, "batch": 2}
CONTROL = "ImageJ-DL: denoising noisy"
TRAINING = "ImageJ-DL: training n2v2"
PREVIEW = "Preview of n2v2: noisy | denoised, epoch "


def _refused(options: str, command: str = "Denoise") -> str:
    try:
        hosted.macro(f'selectImage("noisy.tif");\nrun("ImageJ-DL {command}", "{options}");')
    except UserError as error:
        return str(error)
    return ""


def _closable() -> bool:
    control = hosted.window("JFrame", CONTROL)
    buttons = hosted.components(control.getContentPane(), "javax.swing.JButton")
    return "Close" in [str(button.getText()) for button in buttons]


def _titles(dialog: Any, number: int) -> list[str]:
    choice = dialog.getChoices()[number]
    return [str(choice.getItem(i)) for i in range(choice.getItemCount())]


def _dialogs(folder: str, home: str) -> dict[str, Any]:
    front = hosted.start(IMAGEJ_DL_HOME=home)
    ij = hosted.jimport("ij.IJ")
    seen: dict[str, Any] = {}
    for name in ("good", "small", "noisy"):
        ij.open(f"{folder}/{name}.tif")
    recorder = hosted.jimport("ij.plugin.frame.Recorder")
    recorder()

    active_image.select("noisy.tif")
    hosted.choose("ImageJ-DL Denoise")
    given = {"kind": "care", "targets": "good.tif", "out": f"{folder}/care", "epochs": 1}
    dialog = hosted.fill(front, "ImageJ-DL Denoise", **given, **SMALL)
    seen["offered"] = _titles(dialog, 1)
    hosted.press(dialog, "OK")
    hosted.wait(lambda: hosted.newest("noisy-denoised"), 240, "the denoised image")
    hosted.wait(_closable, 120, "the end of the denoising")
    hosted.press(hosted.window("JFrame", CONTROL), "Close")
    seen["care"] = hosted.pixels("noisy-denoised")
    seen["log"] = hosted.log()

    active_image.select("noisy.tif")
    hosted.choose("ImageJ-DL Train")
    given = {"project": "noisy.tif", "out": f"{folder}/n2v2", "kind": "n2v2", "epochs": 5000}
    more = {"patch": 32, "batch": 2, "width": 4, "settings": '{"steps": 2}'}
    hosted.accept_with_more(front, "ImageJ-DL Train", more, **given)
    window = hosted.wait(lambda: hosted.window("ImageWindow", PREVIEW), 240, "a preview")
    ip = window.getImagePlus().getProcessor()
    seen["preview"] = np.asarray(ip.getPixels()[:]).reshape(ip.getHeight(), ip.getWidth())
    hosted.press(hosted.window("JFrame", TRAINING), "Cancel")
    hosted.wait(lambda: hosted.window("JFrame", TRAINING) is None, 240, "the end of the training")

    lines = str(recorder.getInstance().getText()).splitlines()
    recorder.getInstance().close()
    seen["lines"] = [line for line in lines if line.startswith('run("ImageJ-DL ')]
    seen["refused"] = [
        _refused(f"kind=care targets=small.tif out=[{folder}/no]"),
        _refused(f"kind=care targets=noisy.tif out=[{folder}/no]"),
        _refused(f"targets=good.tif out=[{folder}/no]"),
        _refused(f"project=noisy.tif out=[{folder}/no]", "Train"),
        _refused(f"project=noisy.tif kind=care out=[{folder}/none]", "Train"),
    ]
    # What was an open image is not asked for again.
    hosted.macro('selectImage("good.tif");\nclose();')
    active_image.select("noisy.tif")
    hosted.choose("ImageJ-DL Denoise")
    dialog = hosted.fill(front, "ImageJ-DL Denoise")
    seen["next"] = [str(field.getText()) for field in dialog.getStringFields()][2]
    hosted.press(dialog, "Cancel")
    return seen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noisy image, one with other noise that is shifted by 4 px, and one that is smaller."""
    folder = tmp_path_factory.mktemp("pairs")
    images.write(noisy_movie.movie(1).isel(T=0), folder / "noisy.tif")
    good = noisy_movie.movie(1, again=1).isel(T=0)
    images.write(good.copy(data=np.roll(good.data, 4, axis=1)), folder / "good.tif")
    images.write(good.isel(Y=slice(64)), folder / "small.tif")
    (folder / "home").mkdir()
    (folder / "home" / "settings.json").write_text('{"preview": 0}')
    return folder


@pytest.fixture(scope="module")
def seen(own_process: Any, folder: Path) -> dict[str, Any]:
    with hosted.no_leftovers():
        return own_process(_dialogs, str(folder), str(folder / "home"), timeout=900)


def test_a_pair_of_open_images_is_learnt_and_recorded(seen: dict[str, Any], folder: Path) -> None:
    assert seen["offered"] == ["*None*", "good.tif", "small.tif"]
    assert models.load_config(folder / "care" / "model").kind == "care"
    np.testing.assert_allclose(
        seen["care"].data, images.read(folder / "care" / "noisy.tif").data, atol=0.5
    )
    assert re.search(r"noisy\.tif: the target is shifted by [34]\.\d px along X", seen["log"])
    line = seen["lines"][0]
    assert "kind=care" in line
    assert "targets=good.tif" in line
    assert seen["next"] == ""


def test_an_open_image_is_trained_on_with_its_preview(seen: dict[str, Any], folder: Path) -> None:
    noisy = images.read(folder / "noisy.tif")
    y, x = np.indices(noisy.shape)
    below = x * noisy.sizes["Y"] < y * noisy.sizes["X"]
    np.testing.assert_array_equal(seen["preview"][below], noisy.data[below])
    assert (seen["preview"][~below] != noisy.data[~below]).mean() > 0.9
    split = json.loads((folder / "n2v2" / "split.json").read_text())
    assert split["train"][0].startswith("noisy.tif")
    assert models.load_config(folder / "n2v2").kind == "n2v2"
    assert "project=noisy.tif" in seen["lines"][1]


def test_what_is_no_pair_is_refused_in_one_line(seen: dict[str, Any], folder: Path) -> None:
    words = (
        "small.tif, the target of noisy.tif: is 96 × 64 px, but its image is 96 × 96 px",
        "noisy.tif: is the image that the command is for",
        "good.tif: cannot be used: this kind learns from no targets",
        "noisy.tif: is an open image, and this kind learns from label maps",
        "noisy.tif: is one image, without another one that is learnt of it",
    )
    for found, expected in zip(seen["refused"], words, strict=True):
        assert expected in found
        assert "\n" not in found
    assert not (folder / "no" / "model" / "config.json").exists()


def _headless(macro: str, home: str) -> str:
    hosted.start(display=False, IMAGEJ_DL_HOME=home)
    from imagej_dl.fiji import menu

    return menu.run_macro(Path(macro))


def test_the_line_with_a_title_runs_without_a_screen(
    own_process: Any, seen: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    line = seen["lines"][0].replace(f"{folder}/care", f"{tmp_path}/again")
    opened = "".join(f'open("{folder / name}.tif");\n' for name in ("good", "noisy"))
    (tmp_path / "macro.ijm").write_text(f"{opened}{line}\nreturn getTitle();")
    title = own_process(_headless, str(tmp_path / "macro.ijm"), str(tmp_path / "home"))
    assert title == "noisy-denoised"
    assert models.load_config(tmp_path / "again" / "model").kind == "care"
