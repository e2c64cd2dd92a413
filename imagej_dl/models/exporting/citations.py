"""The publications that a package is to be cited with."""

from __future__ import annotations

from imagej_dl.models.config import ModelConfig

Citation = dict[str, str]

_UNET = {
    "text": "Ronneberger, O., Fischer, P., Brox, T.: U-Net: Convolutional Networks for Biomedical "
    "Image Segmentation. MICCAI 2015.",
    "doi": "10.1007/978-3-319-24574-4_28",
}
_OF_KIND: dict[str, Citation] = {
    "star_convex": {
        "text": "Schmidt, U. et al.: Cell Detection with Star-Convex Polygons. MICCAI 2018.",
        "doi": "10.1007/978-3-030-00934-2_30",
    },
    "flows": {
        "text": "Stringer, C. et al.: Cellpose: a generalist algorithm for cellular segmentation. "
        "Nature Methods 2021.",
        "doi": "10.1038/s41592-020-01018-x",
    },
    "embeddings": {
        "text": "Lalit, M., Tomancak, P., Jug, F.: EmbedSeg: Embedding-based Instance Segmentation "
        "for Biomedical Microscopy Data. Medical Image Analysis 2022.",
        "doi": "10.1016/j.media.2022.102523",
    },
    "care": {
        "text": "Weigert, M. et al.: Content-aware image restoration: pushing the limits of "
        "fluorescence microscopy. Nature Methods 2018.",
        "doi": "10.1038/s41592-018-0216-7",
    },
    "n2v": {
        "text": "Krull, A., Buchholz, T.-O., Jug, F.: Noise2Void - Learning Denoising From Single "
        "Noisy Images. CVPR 2019.",
        "doi": "10.1109/CVPR.2019.00223",
    },
}
"""Those of which a DOI is known here."""
_SAME = {"n2v2": "n2v", "structn2v": "n2v", "pn2v": "n2v", "denoiseg": "n2v"}


def citations(config: ModelConfig) -> list[Citation]:
    """Return the publications of a model's method and network."""
    kind = _OF_KIND.get(_SAME.get(config.kind, config.kind))
    unet = "unet" in config.architecture.name
    return [one for one in (kind, _UNET if unet else None) if one is not None]
