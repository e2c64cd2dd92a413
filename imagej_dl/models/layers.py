"""The layers that our networks are made of: which files may name, and what each depends on.

A model from elsewhere is opened only if it is made of these (:mod:`imagej_dl.models.trust`), and
tiles get the halo that they need (:mod:`imagej_dl.models.receptive_field`). A new network that
uses another layer adds it here.
"""

from __future__ import annotations

from enum import Enum, auto


class Reach(Enum):
    """The input pixels that an output pixel of a layer depends on, along Y or X."""

    NONE = auto()
    """No own reach: the layer does nothing, or wraps another layer."""
    PIXEL = auto()
    """The pixel at the same position."""
    KERNEL = auto()
    """Pixels under a kernel, by `kernel_size`, `strides`, `dilation_rate`."""
    TRANSPOSED = auto()
    """Pixels whose kernels reach the output pixel."""
    POOL = auto()
    """Pixels of a window, by `pool_size`, `strides`."""
    UPSAMPLED = auto()
    """The coarser pixel at the same position; with interpolation also its neighbours."""
    SHIFTED = auto()
    """The pixel shifted by the padding."""
    ALL = auto()
    """All pixels: no halo is wide enough."""


LAYERS = {
    "Activation": Reach.PIXEL,
    "Add": Reach.PIXEL,
    "Average": Reach.PIXEL,
    "AveragePooling2D": Reach.POOL,
    "AveragePooling3D": Reach.POOL,
    "BatchNormalization": Reach.PIXEL,
    "Concatenate": Reach.PIXEL,
    "Conv2D": Reach.KERNEL,
    "Conv2DTranspose": Reach.TRANSPOSED,
    "Conv3D": Reach.KERNEL,
    "ConvLSTM2D": Reach.KERNEL,
    "DepthwiseConv2D": Reach.KERNEL,
    "Dropout": Reach.PIXEL,
    "ELU": Reach.PIXEL,
    "GlobalAveragePooling2D": Reach.ALL,
    "InputLayer": Reach.NONE,
    "LeakyReLU": Reach.PIXEL,
    "MaxPooling2D": Reach.POOL,
    "MaxPooling3D": Reach.POOL,
    "Maximum": Reach.PIXEL,
    "Multiply": Reach.PIXEL,
    "PReLU": Reach.PIXEL,
    "ReLU": Reach.PIXEL,
    "Rescaling": Reach.PIXEL,
    "SeparableConv2D": Reach.KERNEL,
    "Softmax": Reach.PIXEL,
    "SpatialDropout2D": Reach.PIXEL,
    "TimeDistributed": Reach.NONE,
    "UpSampling2D": Reach.UPSAMPLED,
    "UpSampling3D": Reach.UPSAMPLED,
    "ZeroPadding2D": Reach.SHIFTED,
    "ZeroPadding3D": Reach.SHIFTED,
}
"""The layers of `keras.layers`. None runs code of the file or reads another file."""

OTHERS = {
    ("imagej_dl.models.convlstm", "ConvLSTM2D"): Reach.KERNEL,
    ("imagej_dl.models.enlarging", "Doubled2D"): Reach.UPSAMPLED,
    ("imagej_dl.models.ladder", "Drawn"): Reach.PIXEL,
    ("imagej_dl.models.ladder", "LadderDivergence"): Reach.PIXEL,
    ("imagej_dl.models.ladder", "LadderSamples"): None,
    ("imagej_dl.models.ladder", "LatentNoise"): Reach.POOL,
    ("imagej_dl.models.ladder", "Refined"): Reach.PIXEL,
    ("imagej_dl.models.latent", "Blocks"): Reach.POOL,
    ("imagej_dl.models.latent", "Divergence"): Reach.PIXEL,
    ("imagej_dl.models.latent", "Draw"): Reach.PIXEL,
    ("imagej_dl.models.latent", "Samples"): None,
    ("imagej_dl.models.posterior", "PosteriorMean"): Reach.PIXEL,
    ("imagej_dl.models.volume_layers", "SlicePadding3D"): Reach.SHIFTED,
    ("keras.src.ops.numpy", "Mean"): None,  # over the frames
}
"""Parts from elsewhere, by module and name. None for those whose reach a layer's name does not
tell, and for those that no network in training has."""

REACH = LAYERS | {name: reach for (_, name), reach in OTHERS.items() if reach is not None}
"""The reach of all layers, by their names."""
