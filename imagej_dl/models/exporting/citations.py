"""The publications that a package is to be cited with."""

from __future__ import annotations

from dataclasses import asdict

from imagej_dl.methods.shared.publications import Publication
from imagej_dl.models.config import ModelConfig

Citation = dict[str, str]

_UNET = Publication(
    "Ronneberger, O., Fischer, P., Brox, T.: U-Net: Convolutional Networks for Biomedical Image "
    "Segmentation. MICCAI 2015.",
    "10.1007/978-3-319-24574-4_28",
)


def citations(config: ModelConfig) -> list[Citation]:
    """Return the publications of a model's method and network."""
    network = _UNET if "unet" in config.architecture.name else None
    return [asdict(one) for one in (config.method.publication, network) if one is not None]
