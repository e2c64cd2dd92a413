"""`ImageJ-DL Denoise` in ImageJ's window: preview, Finish, Cancel, Export, the macro line, Ext."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import active_image
import hosted
import modal
import noisy_movie
import numpy as np
import pytest

from imagej_dl import fiji, images, models
from imagej_dl.prediction import predict_image

pytestmark = [
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
CONTROL = "ImageJ-DL: denoising movie"
PREVIEW = "Preview of movie: noisy | denoised, epoch "
SMALL = {"steps": 2, "patch": 32, "batch": 2}
WIDTH = '{"width": 4}'


def _begin(front: Any, more: bool = False, **values: Any) -> None:
    active_image.select("movie.tif")
    hosted.choose("ImageJ-DL Denoise")
    if more:
        hosted.accept_with_more(front, "ImageJ-DL Denoise", {"settings": WIDTH}, **values)
    else:
        hosted.press(hosted.fill(front, "ImageJ-DL Denoise", **values), "OK")
    hosted.wait(lambda: hosted.window("JFrame", CONTROL), 120, "the window of the denoising")


def _epoch() -> int:
    """Which epoch the preview is of; 0 without a preview."""
    found = hosted.window("ImageWindow", PREVIEW)
    if found is None:
        return 0
    number = re.search(r"epoch (\d+)", str(found.getTitle()))
    return int(number[1]) if number else 0


def _preview() -> np.ndarray:
    ip = hosted.window("ImageWindow", PREVIEW).getImagePlus().getProcessor()
    return np.asarray(ip.getPixels()[:]).reshape(ip.getHeight(), ip.getWidth())


def _later(epoch: int) -> Any:
    return hosted.wait(lambda: _epoch() > epoch, 120, f"a preview after epoch {epoch}")


def _export(folder: Path) -> None:
    """Press Export, and choose a folder."""
    hosted.press_later(hosted.window("JFrame", CONTROL), "Export...")
    dialog = hosted.wait(lambda: hosted.window("JDialog", "Folder for the model"), 60, "a chooser")
    chooser = next(hosted.components(dialog, "javax.swing.JFileChooser"))
    file = hosted.jimport("java.io.File")(str(folder))

    def choose() -> None:
        chooser.setSelectedFile(file)
        chooser.approveSelection()

    modal.on_edt(choose)


def _labels() -> str:
    control = hosted.window("JFrame", CONTROL)
    words = hosted.components(control.getContentPane(), "javax.swing.JLabel")
    return " | ".join(str(label.getText()) for label in words)


def _buttons() -> list[str]:
    control = hosted.window("JFrame", CONTROL)
    buttons = hosted.components(control.getContentPane(), "javax.swing.JButton")
    return [str(button.getText()) for button in buttons]


def _range(title: str) -> tuple[float, float]:
    imp = hosted.jimport("ij.WindowManager").getImage(title)
    return float(imp.getDisplayRangeMin()), float(imp.getDisplayRangeMax())


def _open(movie: str) -> None:
    ij = hosted.jimport("ij.IJ")
    ij.open(movie)
    source = ij.getImage()
    source.setPosition(1, 1, 3)
    source.setDisplayRange(700.0, 2600.0)
    source.updateAndDraw()


def _by_hand(movie: str, folder: str, home: str) -> dict[str, Any]:
    front = hosted.start(IMAGEJ_DL_HOME=home)
    seen: dict[str, Any] = {}
    _open(movie)
    recorder = hosted.jimport("ij.plugin.frame.Recorder")
    recorder()
    first, second = Path(folder, "first"), Path(folder, "second")

    _begin(front, more=True, out=first, epochs=5000, **SMALL)
    _later(0)
    seen["words"] = _labels()
    seen["previews"] = [_preview().copy()]
    window = hosted.window("ImageWindow", PREVIEW)
    seen["preview range"] = (
        float(window.getImagePlus().getDisplayRangeMin()),
        float(window.getImagePlus().getDisplayRangeMax()),
    )
    _later(_epoch() + 1)
    seen["previews"].append(_preview().copy())
    seen["same window"] = bool(window.equals(hosted.window("ImageWindow", PREVIEW)))
    exported = Path(folder, "exported")
    exported.mkdir()
    _export(exported)
    hosted.wait((exported / "movie-model" / "config.json").is_file, 120, "the exported model")
    hosted.press(hosted.window("JFrame", CONTROL), "Finish")
    hosted.wait(lambda: hosted.newest("movie-denoised"), 120, "the denoised movie")
    hosted.wait(lambda: "Close" in _buttons(), 120, "the end of the denoising")
    seen["done"] = _labels()
    _export(exported)
    hosted.wait((exported / "movie-model-2" / "config.json").is_file, 120, "the model's copy")
    hosted.press(hosted.window("JFrame", CONTROL), "Close")
    hosted.wait(lambda: hosted.window("JFrame", CONTROL) is None, 60, "the closing of the window")
    seen["finished"] = hosted.pixels("movie-denoised")
    seen["ranges"] = (_range("movie.tif"), _range("movie-denoised"))
    seen["preview gone"] = _epoch() == 0

    lines = str(recorder.getInstance().getText()).splitlines()
    recorder.getInstance().close()
    seen["line"] = next(line for line in lines if line.startswith('run("ImageJ-DL Denoise"'))

    _begin(front, out=second, epochs=5000, **SMALL)
    _later(0)
    hosted.press(hosted.window("JFrame", CONTROL), "Cancel")
    hosted.wait(lambda: hosted.newest("movie-denoised-1"), 120, "the movie after Cancel")
    hosted.wait(lambda: "Close" in _buttons(), 120, "the end after Cancel")
    hosted.press(hosted.window("JFrame", CONTROL), "Close")
    seen["cancelled"] = hosted.pixels("movie-denoised-1")

    seen["windows"] = hosted.windows()
    return seen


def _by_macros(movie: str, other: str, line: str, folder: str, home: str) -> dict[str, Any]:
    hosted.start(IMAGEJ_DL_HOME=home)
    seen: dict[str, Any] = {}
    _open(movie)
    hosted.macro(line.replace(f"{folder}/first", f"{folder}/again").replace("=5000", "=1"))
    seen["again"] = hosted.newest("movie-denoised")
    model = Path(folder, "first", "model")
    hosted.macro(f'open("{other}");\nrun("ImageJ-DL Predict", "model=[{model}]");')
    seen["other"] = hosted.pixels("other-denoised")
    text = 'run("ImageJ-DL Macro Extensions", "");\nmade = Ext.dl_denoise("movie.tif", 0.05);\n'
    told = hosted.macro(text + 'return made + "|" + Ext.dl_value("model");').split("|")
    seen["ext"] = (hosted.newest(told[0]), told[1])
    seen["windows"] = hosted.windows()
    return seen


@pytest.fixture(scope="module")
def done(own_process: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("denoising")
    movie, home = folder / "movie.tif", folder / "home"
    images.write(noisy_movie.movie(), movie)
    home.mkdir()
    (home / "settings.json").write_text('{"preview": 0}')
    with hosted.no_leftovers():
        seen = own_process(_by_hand, *map(str, (movie, folder, home)))
    return seen | {"folder": folder}


@pytest.fixture(scope="module")
def macros(own_process: Any, done: dict[str, Any]) -> dict[str, Any]:
    folder = done["folder"]
    movie, other, home = folder / "movie.tif", folder / "other.tif", folder / "home"
    images.write(noisy_movie.movie(seed=2).isel(T=0), other)
    with hosted.no_leftovers():
        return own_process(_by_macros, *map(str, (movie, other, done["line"], folder, home)))


@pytest.mark.thorough
def test_its_window_tells_the_task_and_the_remaining_time(done: dict[str, Any]) -> None:
    assert "<b>2. Train</b>" in done["words"]
    assert "3. Denoise" in done["words"]
    assert re.search(r"Epoch \d+ of 5000: loss", done["words"])
    assert " left" in done["words"]
    assert f"The model is in {done['folder'] / 'first' / 'model'}" in done["done"]


def test_the_preview_is_split_and_updated_in_place(done: dict[str, Any]) -> None:
    before, after = done["previews"]
    shown = noisy_movie.movie().data[2].astype(np.float32)
    y, x = np.indices(before.shape)
    below = x * before.shape[0] < y * before.shape[1]
    for one in (before, after):
        np.testing.assert_array_equal(one[below], shown[below])
        assert (one[~below] != shown[~below]).mean() > 0.9
    assert (before[~below] != after[~below]).mean() > 0.5
    assert done["same window"]
    assert done["preview range"] == (700, 2600)
    assert done["preview gone"]


def test_finish_denoises_the_movie_and_keeps_the_model(done: dict[str, Any]) -> None:
    first = done["folder"] / "first"
    given, made = noisy_movie.movie(), done["finished"]
    assert dict(made.sizes) == dict(given.sizes)
    assert (made.attrs["pixel_width"], made.attrs["unit"]) == (0.5, "µm")
    assert done["ranges"] == ((700, 2600), (700, 2600))
    expected = predict_image(models.load(first / "model", verify=True), given)
    np.testing.assert_allclose(made.data, expected.data, rtol=1e-4, atol=0.05)
    np.testing.assert_allclose(images.read(first / "movie.tif").data, made.data, atol=0.5)
    assert models.load(first / "model" / "last", verify=True).config.kind == "n2v2"
    assert json.loads((first / "model" / "metrics.json").read_text())["ended"] == "enough"


def test_models_are_exported_during_the_training_and_after_it(done: dict[str, Any]) -> None:
    exported = done["folder"] / "exported"
    assert models.load(exported / "movie-model", verify=True).config.kind == "n2v2"
    kept = (exported / "movie-model-2" / "model.keras").read_bytes()
    assert kept == (done["folder"] / "first" / "model" / "model.keras").read_bytes()


def test_cancel_keeps_the_model_so_far_and_its_movie(done: dict[str, Any]) -> None:
    model = done["folder"] / "second" / "model"
    assert json.loads((model / "metrics.json").read_text())["ended"] == "cancelled"
    expected = predict_image(models.load(model), noisy_movie.movie())
    np.testing.assert_allclose(done["cancelled"].data, expected.data, rtol=1e-4, atol=0.05)


@pytest.mark.thorough
def test_the_line_is_recorded_and_runs_again(done: dict[str, Any], macros: dict[str, Any]) -> None:
    for part in ("out=", "epochs=5000", "steps=2", "patch=32", "batch=2", "width"):
        assert part in done["line"]
    assert macros["again"] == "movie-denoised"
    assert (done["folder"] / "again" / "movie.tif").is_file()


@pytest.mark.thorough
def test_the_model_denoises_another_image(done: dict[str, Any], macros: dict[str, Any]) -> None:
    other = images.read(done["folder"] / "other.tif")
    expected = predict_image(models.load(done["folder"] / "first" / "model"), other)
    np.testing.assert_allclose(macros["other"].data, expected.data, rtol=1e-4, atol=0.05)


@pytest.mark.thorough
def test_ext_gives_the_title_and_keeps_the_model(
    done: dict[str, Any], macros: dict[str, Any]
) -> None:
    title, model = macros["ext"]
    assert title == "movie-denoised-1"
    assert Path(model).is_relative_to(done["folder"] / "home" / "denoise")
    assert models.load(Path(model)).config.kind == "n2v2"
    # The window of a macro's denoising closes by itself.
    assert not [words for words in macros["windows"] if "denoising" in words]


def _headless(macro: str, home: str) -> str:
    hosted.start(display=False, IMAGEJ_DL_HOME=home)
    from imagej_dl.fiji import menu

    return menu.run_macro(Path(macro))


def test_the_macro_line_runs_without_a_screen(own_process: Any, tmp_path: Path) -> None:
    movie, out, macro = tmp_path / "movie.tif", tmp_path / "out", tmp_path / "macro.ijm"
    images.write(noisy_movie.movie(), movie)
    macro.write_text(
        f'open("{movie}");\n'
        f'run("ImageJ-DL Denoise", "out=[{out}] epochs=1 steps=2 patch=32 batch=2");\n'
        f'title = getTitle();\nsaveAs("Tiff", "{tmp_path / "shown.tif"}");\nreturn title;'
    )
    title = own_process(_headless, str(macro), str(tmp_path / "home"))
    assert title == "movie-denoised"
    shown = images.read(tmp_path / "shown.tif")
    assert dict(shown.sizes) == dict(noisy_movie.movie().sizes)
    np.testing.assert_allclose(shown.data, images.read(out / "movie.tif").data, atol=0.5)
