"""The steps of the chain on a noisy movie: denoise it, and see what that is good for."""

from __future__ import annotations

import math
from pathlib import Path

from imagej_dl import images
from imagej_dl.report import pictures
from imagej_dl.report.chain import Chain, metrics, scores

EXPOSURE = 0.04
"""Share of the usual light: about 10 photons per px in a nucleus, and 1 beside it."""
MINUTES = 1.5
"""Of the training that denoises."""
_COMPARED = ("AP at IoU 0.5", "AP at IoU 0.7", "SEG", "TRA")
_EQUAL = 0.005


def denoise(chain: Chain, seed: int) -> Path:
    """The movie without its noise, learnt from the movie alone; return the model."""
    assert chain.movie is not None, "it is simulated"
    text = "N2V2 learns from the noisy movie alone; its image is an estimate."
    with chain.step("Denoising", text) as step:
        out = chain.out / "denoised"
        step.command = chain.command(
            "denoise", images=[chain.movie], out=out, minutes=MINUTES, seed=seed
        )
        noisy, made = images.read(chain.movie), images.read(out / chain.movie.name)
        middle = noisy.sizes["T"] // 2
        row = [pictures.grey(one.isel(T=middle).values) for one in (noisy, made)]
        words = f"Frame {middle + 1}: noisy; denoised."
        step.pictures.append((pictures.side_by_side(row), words))
        known = metrics(out / "model")
        step.figures = {key: known[key] for key in ("epochs", "seconds") if key in known}
    return out / "model"


def compare(chain: Chain, predicted: Path, found: dict[str, float], fiji: str | None) -> str:
    """The same model and tracker on the noisy movie; return in words what denoising changed.

    `predicted` are the labels of the denoised movie, `found` the scores of them and their tracks.
    """
    assert chain.movie is not None, "it is simulated"
    assert chain.truth is not None, "it is simulated"
    with chain.step("Without denoising", "The same model, applied to the noisy movie.") as step:
        noisy, tracks = chain.out / "predicted_noisy", chain.out / "tracks_noisy"
        labels = noisy / chain.movie.name
        lines = [
            chain.command("predict", model=chain.out / "model", images=[chain.movie], out=noisy),
            chain.command(
                "track",
                labels=labels,
                image=chain.movie,
                out=tracks,
                fiji=fiji or None,
            ),
        ]
        step.command = "; ".join(lines)
        without = scores(chain.truth, labels, tracks / "CTC" / "01_RES")
        step.figures = {
            name: f"{_number(without[name])}, denoised {_number(found[name])}" for name in _COMPARED
        }
        step.text += f" {verdict(without, found)}"
        images_of = [images.read_labels(one, as_is=True) for one in (labels, predicted)]
        middle = images_of[0].sizes["T"] // 2
        row = [pictures.coloured(one.isel(T=middle).values) for one in images_of]
        words = f"Objects in frame {middle + 1}: of the noisy movie; of the denoised one."
        step.pictures.append((pictures.side_by_side(row), words))
    return words_of(without, found)


def words_of(without: dict[str, float], found: dict[str, float]) -> str:
    """Return the scores without and with denoising in one line, and which are better."""
    pairs = [
        f"{name} {_number(without[name])} without denoising, {_number(found[name])} with"
        for name in ("AP at IoU 0.5", "TRA")
    ]
    return f"{'; '.join(pairs)}. {verdict(without, found)}"


def verdict(without: dict[str, float], found: dict[str, float]) -> str:
    """Return in words whether denoising helped, by AP at IoU 0.5 and TRA."""
    gains = [found[name] - without[name] for name in ("AP at IoU 0.5", "TRA")]
    if any(math.isnan(gain) for gain in gains):
        return "There is no score to compare."
    if all(abs(gain) < _EQUAL for gain in gains):
        return "Denoising made no difference here."
    if all(gain > -_EQUAL for gain in gains):
        return "Denoising helped the model, which was trained on images with more light."
    if all(gain < _EQUAL for gain in gains):
        return "Denoising did not help here: the model does better on the noisy movie."
    return "Denoising helped one score and harmed the other."


def _number(score: float) -> str:
    return "–" if math.isnan(score) else f"{score:.3f}"
