"""Noise models: how observed intensities spread about the signal.

A model is measured on a calibration stack (:func:`of_frames`) or on an image and what a network
made of it (:func:`of_denoised`), and kept as a JSON file. Methods that know the noise take one.
"""

from imagej_dl.noise.choice import fit
from imagej_dl.noise.files import NoiseModel, of, read, write
from imagej_dl.noise.gaussian_mixture import GaussianMixture
from imagej_dl.noise.gaussian_mixture import fit as fit_mixture
from imagej_dl.noise.histogram import Histogram
from imagej_dl.noise.histogram import fit as fit_histogram
from imagej_dl.noise.pairs import Origin, Pairs, of_denoised, of_frames

__all__ = [
    "GaussianMixture",
    "Histogram",
    "NoiseModel",
    "Origin",
    "Pairs",
    "fit",
    "fit_histogram",
    "fit_mixture",
    "of",
    "of_denoised",
    "of_frames",
    "read",
    "write",
]
