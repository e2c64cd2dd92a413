import numpy as np
import pytest
from click.testing import CliRunner
from simulated_noise import frames, scene, variance

from imagej_dl import commands, images, noise
from imagej_dl.cli import cli
from imagej_dl.commands import menu
from imagej_dl.worker import Session


def run(*arguments):
    return CliRunner().invoke(cli, ["noise-model", *map(str, arguments)])


def test_the_keys_of_macros():
    """They are public: none is renamed, none goes."""
    found = {f["key"]: f["type"] for f in menu.describe("noise-model")["fields"]}
    published = {
        "calibration": "file",
        "out": "file",
        "from_denoised": "file",
        "model": "choice",
        "gaussians": "int",
        "coefficients": "int",
        "channel": "int",
        "axes": "text",
        "overwrite": "bool",
    }
    assert published.items() <= found.items()
    assert commands.TABLE["noise-model"].menu == "ImageJ-DL Noise model"


@pytest.mark.slow
def test_a_movie_of_a_scene_becomes_a_noise_model(tmp_path):
    source, out = tmp_path / "calibration.tif", tmp_path / "noise.json"
    images.write(frames(30), source)
    result = run(source, "--out", out)
    assert result.exit_code == 0, result.output
    assert "Gaussian mixture: σ " in result.output
    model = noise.read(out)
    at = np.linspace(model.low, model.high, 5)
    np.testing.assert_allclose(model.variance(at), variance(at), rtol=0.1)
    again = run(source, "--out", out)
    assert again.exit_code != 0
    assert "already there" in str(again.exception)
    assert run(source, "--out", out, "--model", "histogram", "--overwrite").exit_code == 0
    assert isinstance(noise.read(out), noise.Histogram)


@pytest.mark.slow
def test_slices_are_taken_as_frames_and_said(tmp_path):
    source, out = tmp_path / "calibration.tif", tmp_path / "noise.json"
    images.write(frames(5).rename(T="Z"), source)
    with pytest.warns(UserWarning, match="5 slices are taken as frames"):
        assert run(source, "--out", out).exit_code == 0


@pytest.mark.slow
def test_a_denoised_image_takes_the_place_of_the_stack(tmp_path):
    clean = scene(96).astype(np.float32)
    noisy, denoised = tmp_path / "noisy.tif", tmp_path / "denoised.tif"
    images.write(frames(2, clean).isel(T=0), noisy)
    images.write(images.make(clean), denoised)
    out = tmp_path / "noise.json"
    result = run(noisy, "--out", out, "--from-denoised", denoised)
    assert result.exit_code == 0, result.output
    assert noise.read(out).origin.signal == "denoised"


@pytest.mark.slow
def test_the_open_image_is_measured(tmp_path):
    out = tmp_path / "noise.json"
    command = commands.load("noise-model").declare({"out": out})
    assert command.inputs() == {"image"}
    command.run_in_imagej(Session(tmp_path, frames(5)), lambda *_: None)
    assert out.is_file()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "2 channels"),
        (("--channel", 3), "no channel 3"),
        (("--channel", 1, "--from-denoised", "no.tif"), "no.tif"),
    ],
)
def test_what_cannot_be_measured_is_one_error(tmp_path, more, words):
    source = tmp_path / "calibration.tif"
    two = np.stack([frames(3).data] * 2, axis=1)
    images.write(images.make(two, "TCYX"), source)
    result = run(source, "--out", tmp_path / "noise.json", *more)
    assert result.exit_code != 0
    assert words in str(result.exception)
    assert not (tmp_path / "noise.json").exists()


def test_a_name_that_is_no_json_is_refused(tmp_path):
    source = tmp_path / "calibration.tif"
    images.write(frames(3), source)
    assert "ends in .json" in str(run(source, "--out", tmp_path / "noise.txt").exception)
    assert "name the frames" in str(run("--out", tmp_path / "noise.json").exception)
