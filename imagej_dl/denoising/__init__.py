"""Denoising without ground truth: how good it is, and for which noise it works.

`baseline` predicts pixels with a Gaussian, as a network with blind spots does, and compares the
two; `correlation` measures whether the noise of neighbouring pixels goes together. Both need NumPy
and SciPy only.
"""

from imagej_dl.denoising.baseline import Comparison, Gaussian, best_gaussian, compare, left_out
from imagej_dl.denoising.correlation import Along, NoiseCorrelation, noise_correlation

__all__ = [
    "Along",
    "Comparison",
    "Gaussian",
    "NoiseCorrelation",
    "best_gaussian",
    "compare",
    "left_out",
    "noise_correlation",
]
