"""A real Fiji with the installed commands: Denoise on a movie, by hand and by a macro line."""

from __future__ import annotations

from pathlib import Path

import noisy_movie
import numpy as np
import pytest
from doors import screen
from driven import drive

from imagej_dl import images, models

pytestmark = [pytest.mark.fiji, pytest.mark.tf, screen]

BODY = '''
def movie = IJ.openImage("FOLDER/movie.tif")
movie.show()
movie.setPosition(3)
movie.setDisplayRange(700, 2600)
movie.updateAndDraw()
def dialog = choose("ImageJ-DL Denoise")
sleep(4000)
shot("fiji-denoise-dialog")
EventQueue.invokeAndWait {
    // Image files, results and model, target, time limit, epochs, steps, patch, batch
    [null, "FOLDER/out", null, "", "500", "10", "64", "4"].eachWithIndex { text, i ->
        if (text != null) dialog.stringFields[i].text = text }
}
press(dialog, 0)
def epoch = {
    def shown = windows(Frame, "Preview of movie: noisy | denoised, epoch ")[0]
    shown == null ? 0 : (shown.title =~ /epoch (\\d+)/)[0][1] as int
}
def grey = { ImagePlus imp -> imp.getProcessor().convertToFloatProcessor().pixels.toList() }
wait("a preview") { epoch() }
def preview = windows(ij.gui.ImageWindow, "Preview of movie")[0]
out.first = grey(preview.imagePlus)
out.range = [preview.imagePlus.displayRangeMin, preview.imagePlus.displayRangeMax]
wait("a later preview") { epoch() >= 6 }
out.second = grey(preview.imagePlus)
shot("fiji-denoising")
def control = windows(javax.swing.JFrame, "ImageJ-DL: denoising movie")[0]
def button = { Container within, String label ->
    def found = null
    def look
    look = { part ->
        if (part instanceof javax.swing.JButton && part.text == label) found = part
        if (part instanceof Container) part.components.each { look(it) }
    }
    look(within)
    found
}
EventQueue.invokeAndWait { button(control, "Finish").doClick() }
wait("the denoised movie") { WindowManager.getImage("movie-denoised") }
wait("the end") { button(control, "Close") }
shot("fiji-denoised")
EventQueue.invokeAndWait { button(control, "Close").doClick() }
def made = WindowManager.getImage("movie-denoised")
out.frames = made.NFrames
out.made = grey(made)
IJ.selectWindow(movie.ID)
out.title = IJ.runMacro("""
    run("ImageJ-DL Denoise", "out=[FOLDER/again] epochs=1 steps=2");
    return getTitle();
""")
IJ.open("FOLDER/good.tif")
IJ.selectWindow(movie.ID)
dialog = choose("ImageJ-DL Denoise")
out.offered = (0..<dialog.choices[1].itemCount).collect { dialog.choices[1].getItem(it) }
shot("fiji-denoise-pair-dialog")
press(dialog, 1)
wait("its end") { !dialog.showing }
IJ.selectWindow(movie.ID)
out.pair = IJ.runMacro("""
    run("ImageJ-DL Denoise", "kind=care targets=good.tif out=[FOLDER/pair] epochs=1 steps=2");
    return getTitle();
""")
out.log = IJ.log
'''


def test_the_movie_is_denoised_with_a_preview(home: Path, tmp_path: Path) -> None:
    movie = noisy_movie.movie(side=256)
    images.write(movie, tmp_path / "movie.tif")
    images.write(noisy_movie.movie(side=256, again=1), tmp_path / "good.tif")
    seen = drive(home, tmp_path, BODY.replace("FOLDER", str(tmp_path)), timeout=400)
    first, second = (np.reshape(seen[name], (256, 256)) for name in ("first", "second"))
    y, x = np.indices(first.shape)
    noisy = np.asarray(movie.data[2], np.float32)
    np.testing.assert_array_equal(first[x < y], noisy[x < y])
    np.testing.assert_array_equal(second[x < y], noisy[x < y])
    assert (first[x > y] != second[x > y]).mean() > 0.5
    assert seen["range"] == [700, 2600]
    assert seen["frames"] == 6
    kept = images.read(tmp_path / "out" / "movie.tif")
    np.testing.assert_allclose(np.reshape(seen["made"], (256, 256)), kept.data[2], atol=0.5)
    assert models.load(tmp_path / "out" / "model", verify=True).config.kind == "n2v2"
    assert seen["title"] == "movie-denoised-1"
    assert (tmp_path / "again" / "movie.tif").is_file()
    assert "good.tif" in seen["offered"]
    assert "movie.tif" not in seen["offered"]
    assert seen["pair"] == "movie-denoised-2"
    assert models.load_config(tmp_path / "pair" / "model").kind == "care"
