"""Targets of pairs of images in the intensities of their inputs.

The two images of a pair may differ in exposure, gain and offset. One linear map brings all targets
of a training into the intensities of the inputs; from there they are normalised as their inputs
are. So what the network gives is an estimate in the intensities of the image that it is given, and
nothing of the map need be kept.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np

from imagej_dl.images.intensities.joint_moments import least_squares
from imagej_dl.images.intensities.levels import Levels
from imagej_dl.training.patches import Example, Scale
from imagej_dl.training.split import Split


def scale_of(levels: Levels) -> Scale:
    """Return factor and offset of each channel of a mapping that is linear."""
    ends = [
        (become[0], (become[1] - become[0]) / (values[1] - values[0]), values[0])
        for values, become in zip(levels.values, levels.become, strict=True)
    ]
    first, factor, low = np.array(ends).T
    return factor, first - factor * low


def matched(parts: Split) -> Split:
    """Return a division whose targets are mapped into the intensities of the images.

    The map is that of the training images, by least squares. Parts without targets stay.

    Warns
    -----
    DataWarning : where the targets' intensities do not follow those of the images.
    """
    moments = [example.moments for example in parts.train if example.moments is not None]
    if not moments:
        return parts
    factor, offset = least_squares(reduce(add, moments))

    def mapped(example: Example) -> Example:
        if example.moments is None or example.scale is None:
            return example
        of_image, begin = example.scale
        scale = factor * of_image, offset * of_image + begin
        return replace(example, scale=scale, moments=None)

    train, validation, test = (
        [mapped(example) for example in part]
        for part in (parts.train, parts.validation, parts.test)
    )
    return replace(parts, train=train, validation=validation, test=test)
