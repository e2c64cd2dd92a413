"""The bench of denoising: noise, filters and scores as they should be, runs and tables."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage as ndi

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import classical
import denoise
import denoising_scores
from denoising_cases import exposed, noisy_image

CAMERA = classical.Noise(gain=10, offset=100, read=20)


def scene(side: int = 96) -> np.ndarray:
    noise = ndi.gaussian_filter(np.random.default_rng(0).normal(size=(side, side)), 4)
    return exposed(noise, photons=20)


def options(*more: str):
    return denoise.parsed(["--out", "runs.jsonl", *more])


def record(method: str, seed: int = 0, psnr: float = 30.0, *more: str):
    values = denoise.plan("image", method, seed, options(*more))
    measured = {"scores": {"psnr": psnr, "ssim": 0.9}, "seconds": 3.0, "images": 1}
    state = {"cores": 2, "load_before": 1.0, "load_after": 2.0, "words": "an image"}
    steps = None if method in classical.CLASSICAL else 800
    return values | measured | state | {"noise": "noise", "steps": steps, "with": {}}


def test_the_noise_is_that_of_photons_and_a_camera():
    truth = np.full((400, 400), 300.0)  # 20 photons
    noisy = CAMERA.add(truth, np.random.default_rng(1))
    assert noisy.mean() == pytest.approx(300, abs=0.6)
    assert noisy.var() == pytest.approx(10 * 10 * 20 + 20**2, rel=0.02)
    assert CAMERA.deviation(noisy) == pytest.approx(noisy.std(), rel=0.02)
    assert classical.Noise(read=25).deviation(noisy) == 25
    image = noisy_image(truth, CAMERA, (1,), "a.tif")
    assert image.dtype == np.uint16
    assert image.dims == ("Y", "X")


def test_the_brightest_pixels_have_so_many_photons():
    assert scene().max() == pytest.approx(100 + 10 * 20)
    assert scene().min() == pytest.approx(100)


def test_the_transform_and_its_inverse_leave_the_mean_as_it_is():
    """A filter that knows the mean of the transformed values must give the mean of the photons."""
    for photons in (0.5, 2, 10, 50):
        truth = np.full((600, 600), 100 + 10.0 * photons)
        noisy = CAMERA.add(truth, np.random.default_rng(2))
        flat = classical.stabilised(lambda values, sigma: np.full_like(values, values.mean()))
        found, _ = flat(noisy, CAMERA, truth)
        assert found.mean() == pytest.approx(truth[0, 0], abs=1.5)
    seen = []
    classical.stabilised(lambda v, sigma: seen.append((v.std(), sigma)) or v)(noisy, CAMERA, truth)
    assert seen[0] == (pytest.approx(1, abs=0.02), 1.0)


@pytest.mark.parametrize("name", [n for n in classical.CLASSICAL if "BM3D" not in n])
def test_each_filter_improves_a_noisy_image(name):
    truth = scene()
    noisy = CAMERA.add(truth, np.random.default_rng(3))
    before = denoising_scores.psnr(truth, noisy)
    found, _ = classical.CLASSICAL[name](noisy, CAMERA, truth)
    gain = denoising_scores.psnr(truth, found) - before
    assert gain == 0 if name == "input" else gain > 5


def test_bm3d_is_asked_for_in_words_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(classical.UserError, match=r"pip install bm3d.*non-commercial"):
        classical.CLASSICAL["BM3D"](np.zeros((8, 8)), CAMERA, np.zeros((8, 8)))


def test_scores_are_those_of_their_formulas():
    truth = scene()
    noisy = truth + np.where(np.indices(truth.shape).sum(0) % 2, 3.0, -3.0)
    assert denoising_scores.psnr(truth, noisy) == pytest.approx(20 * math.log10(200 / 3))
    assert denoising_scores.psnr(truth, noisy, peak=255) == pytest.approx(20 * math.log10(255 / 3))
    assert denoising_scores.ssim(truth, truth) == pytest.approx(1)
    stretched = 0.01 * noisy - 7
    plain = denoising_scores.scores(truth, stretched)["psnr"]
    free = denoising_scores.scores(truth, stretched, scale_invariant=True)["psnr"]
    assert plain < 20
    assert free == pytest.approx(denoising_scores.psnr(truth, noisy), abs=0.05)
    flat = denoising_scores.fitted(truth, np.zeros_like(truth))
    assert np.allclose(flat, truth.mean())


def test_a_run_is_known_by_what_it_was_told_to_do():
    first = denoise.key(denoise.plan("image", "n2v", 0, options()))
    for more in (["--minutes", "2"], ["--steps", "50"], ["--photons", "5"], ["--set", "width=4"]):
        assert denoise.key(denoise.plan("image", "n2v", 0, options(*more))) != first
    assert denoise.key(denoise.plan("movie", "n2v", 0, options())) != first
    gaussian = [
        denoise.key(denoise.plan("image", "Gaussian", 0, options(*more)))
        for more in ([], ["--minutes", "2"], ["--set", "width=4"])
    ]
    assert len(set(gaussian)) == 1  # how ours are trained is nothing to a filter


def test_the_table_has_the_filters_above_each_kind_of_training():
    text = denoise.table(
        [
            record("input", 0, 20.0),
            record("Gaussian", 0, 30.0) | {"with": {"width": [1.5, 3.0, 2.0]}},
            record("n2v2", 0, 31.0),
            record("n2v2", 1, 33.0),
            record("n2v2", 0, 35.0, "--minutes", "20"),
            record("input", 0, 10.0, "--photons", "5"),
        ]
    )
    short, long, dark = text.split("an image; ")[1:]
    for part in short, long:
        assert "| input |  |  | 20.00 |" in part
        assert "| Gaussian (1.5 … 3 px) |  |  | 30.00 |" in part
    assert "| n2v2 | 2 | 800 | 32.00 | 31.00 … 33.00 |" in short
    assert "| n2v2 | 1 | 800 | 35.00 |" in long
    assert "n2v2" not in dark
    assert "5 photons" in dark
    assert "load 1.0 to 2.0" in short


def test_what_is_not_there_is_left_out_by_name(tmp_path, monkeypatch, capsys):
    asked = []

    def run(command, check):
        asked.append(command[command.index("--run") + 1 :])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    line = ["denoise.py", "--out", str(tmp_path / "d.jsonl"), "--case", "image", "--seeds", "4,5"]
    monkeypatch.setattr(sys, "argv", [*line, "--method", "input", "--method", "nothing2nothing"])
    with pytest.raises(SystemExit) as ended:
        denoise.main()
    assert not ended.value.code
    assert asked == [["image", "input", "0"]]  # once for all seeds
    assert "nothing2nothing" in capsys.readouterr().out


def test_one_run_is_measured_from_the_image_to_its_line(shared_data):
    found = denoise.measure("image", "Gaussian", 0, options())
    assert found["images"] == 1
    assert found["scores"]["psnr"] == pytest.approx(33.4, abs=0.2)
    assert found["with"]["width"] == [2.24]
