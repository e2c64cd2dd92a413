"""Scores of a denoised image beside the clean one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity


def psnr(truth: NDArray, found: NDArray, peak: float | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB; by default the peak is the truth's range."""
    truth = truth.astype(np.float64)
    peak = float(np.ptp(truth)) if peak is None else peak
    return 10 * math.log10(peak**2 / float(np.mean(np.square(found - truth))))


def ssim(truth: NDArray, found: NDArray, peak: float | None = None) -> float:
    """Return the structural similarity as it was published: a Gaussian window of 1.5 px."""
    return float(
        structural_similarity(
            truth.astype(np.float64),
            found.astype(np.float64),
            data_range=float(np.ptp(truth)) if peak is None else peak,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def fitted(truth: NDArray, found: NDArray) -> NDArray[np.float64]:
    """Return a·found + b, next to the truth in the least squares: scores of it are scale-invariant.

    For files whose intensities were stretched, so that theirs are not those of the truth.
    """
    truth, found = truth.astype(np.float64), found.astype(np.float64)
    centred = found - found.mean()
    power = float(np.square(centred).sum())
    scale = float((centred * (truth - truth.mean())).sum()) / power if power else 0.0
    return scale * centred + truth.mean()


def scores(
    truth: NDArray, found: NDArray, peak: float | None = None, scale_invariant: bool = False
) -> dict[str, float]:
    """Return PSNR and SSIM of a plane."""
    if scale_invariant:
        found = fitted(truth, found)
    return {"psnr": psnr(truth, found, peak), "ssim": ssim(truth, found, peak)}
