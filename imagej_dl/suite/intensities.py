"""The normalisation of intensities that a configuration asks for."""

from __future__ import annotations

from typing import Any

from imagej_dl.errors import UserError, warn
from imagej_dl.suite.config import SuiteConfig

_METHODS = {"PERCENTILE": "percentile", "MEDIAN": "median", "MEAN": "mean", "HE": "equalise"}
_LIGHT = 75.5
"""Sigma, px, of OpenCV's Gaussian of 501 px, by which the suite evens light."""


def normalisation(config: SuiteConfig) -> dict[str, Any]:
    """Return the settings of :class:`imagej_dl.images.Normalisation`.

    Raises
    ------
    UserError : for a method that is not known.
    """
    other = config.newinfer_normalization
    # The manual knows the second name only: the template's value must not hide what it says.
    alone = "normalization" not in config.model_fields_set
    given = (alone and other) or config.normalization or other
    if other is not None and other != given:
        warn(f"newinfer_normalization: {other} differs from that of the training; {given} is used")
    found: dict[str, Any] = {"method": "range"}
    if given is not None:
        if given.upper() not in _METHODS:
            raise UserError(
                f"normalization: {given} is not known", remedy=f"Known are {', '.join(_METHODS)}."
            )
        found = {"method": _METHODS[given.upper()], "clip": True}
    if found["method"] == "percentile":
        found |= {"lower": 0.1, "upper": 99.1}
    if config.recurrent:
        found["scope"] = "video"
    if config.newinfer_uneven_illumination:
        found["illumination"] = _LIGHT
    return found
