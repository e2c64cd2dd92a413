"""The publications that methods come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Publication:
    """A paper, as text for a list of references, and its DOI."""

    text: str
    doi: str


NOISE2VOID = Publication(
    "Krull, A., Buchholz, T.-O., Jug, F.: Noise2Void - Learning Denoising From Single Noisy "
    "Images. CVPR 2019.",
    "10.1109/CVPR.2019.00223",
)
CARE = Publication(
    "Weigert, M. et al.: Content-aware image restoration: pushing the limits of fluorescence "
    "microscopy. Nature Methods 2018.",
    "10.1038/s41592-018-0216-7",
)
STARDIST = Publication(
    "Schmidt, U. et al.: Cell Detection with Star-Convex Polygons. MICCAI 2018.",
    "10.1007/978-3-030-00934-2_30",
)
CELLPOSE = Publication(
    "Stringer, C. et al.: Cellpose: a generalist algorithm for cellular segmentation. Nature "
    "Methods 2021.",
    "10.1038/s41592-020-01018-x",
)
EMBEDSEG = Publication(
    "Lalit, M., Tomancak, P., Jug, F.: EmbedSeg: Embedding-based Instance Segmentation for "
    "Biomedical Microscopy Data. Medical Image Analysis 2022.",
    "10.1016/j.media.2022.102523",
)
