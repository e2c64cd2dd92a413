"""The publications that a package is to be cited with."""

from __future__ import annotations

from imagej_dl.models.config import ModelConfig

Citation = dict[str, str]

_UNET = {
    "text": "Ronneberger, O., Fischer, P., Brox, T.: U-Net: Convolutional Networks for Biomedical "
    "Image Segmentation. MICCAI 2015.",
    "doi": "10.1007/978-3-319-24574-4_28",
}


def citations(config: ModelConfig) -> list[Citation]:
    """Return the publications of a model's method and network."""
    found = []
    if (paper := config.method.publication) is not None:
        found.append({"text": paper.text, "doi": paper.doi})
    return [*found, _UNET] if "unet" in config.architecture.name else found
