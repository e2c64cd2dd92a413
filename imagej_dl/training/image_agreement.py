"""Channels and pixel size that all images of a training have in common."""

from __future__ import annotations

import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.images import Calibration, units
from imagej_dl.models import ModelConfig

_MODEL = "the model to start from"


class Agreement:
    """The channels and the pixel size of the first image, which others are compared with.

    Parameters
    ----------
    like : a model that a training starts from, which counts as the first image; its pixel size
        only until there is an image that has one, since that is what is learnt now.

    Attributes
    ----------
    channels : 0 until there is an image.
    calibration : of the first image; after a model with one, of the first that has one, else its.
    """

    def __init__(self, like: ModelConfig | None = None) -> None:
        self.channels = 0
        self.calibration = Calibration()
        self._first = self._calibrated = ""
        if like is not None:
            self.channels, self._first = like.channels, _MODEL
            if units.is_calibrated(like.unit):
                self._calibrated = _MODEL
                depth = {} if like.volume is None else {"pixel_depth": like.volume.pixel_depth}
                self.calibration = Calibration(
                    like.pixel_width, like.pixel_height, unit=like.unit, **depth
                )

    def compare(self, name: str, image: xr.DataArray) -> None:
        """Compare an image with those before it.

        Raises
        ------
        UserError : when it has other channels.

        Warns
        -----
        DataWarning : when its pixels differ in size by more than 10 %.
        """
        channels, cal = image.sizes.get("C", 1), images.calibration(image)
        if not self.channels:
            self.channels, self._first = channels, name
        if channels != self.channels:
            raise UserError(
                f"has {channels} channel(s), {self._first} has {self.channels}",
                path=name,
                remedy="Train on images that have the same channels; in ImageJ, Image > Color > "
                "Split Channels makes one of several, Merge Channels... several of some; Image > "
                "Type > RGB Color makes three of a grey picture, and 8-bit one of a coloured one.",
            )
        if not self._calibrated:
            self.calibration, self._calibrated = cal, name
        first, known = self.calibration, self._calibrated
        anew = known == _MODEL and units.is_calibrated(cal.unit)
        if anew:
            # With the model's size, predict would resample the very images that are learnt now.
            self.calibration, self._calibrated = cal, name
        scale = units.factor(cal.unit, first.unit)
        if scale is None or abs(cal.pixel_width * scale / first.pixel_width - 1) > 0.1:
            warn(
                f"{name}: pixels of {cal.pixel_width:g} {cal.unit}, those of {known} are "
                f"{first.pixel_width:g} {first.unit}; "
                + ("the new model records the former" if anew else "the model records the latter")
            )
