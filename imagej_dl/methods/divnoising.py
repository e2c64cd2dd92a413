"""DivNoising: samples of what the image may be without its noise (Prakash 2021)."""

from __future__ import annotations

from typing import Any, ClassVar

from imagej_dl.methods.shared.denoising_defaults import DEFAULTS
from imagej_dl.methods.shared.variational_method import VariationalMethod


class DivNoising(VariationalMethod):
    """DivNoising (Prakash, Krull, Jug 2021, arXiv 2006.06072).

    The latent variables lie on one grid, of a position for each block of pixels, and their prior
    is the normal distribution.
    """

    name: ClassVar[str] = "divnoising"
    summary: ClassVar[str] = (
        "samples of what the image may be without its noise, and their mean; needs a noise model"
    )
    position: ClassVar[int] = 230
    defaults: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "architecture": "vae",
        "width": 32,
        "patch": 128,
    }

    @property
    def outputs(self) -> int:
        """The signal, and the divergence."""
        return 2

    def drawn(self, network: Any, number: int, apart: bool) -> Any:
        """Return samples of the signal, or their mean."""
        from imagej_dl.models import backend
        from imagej_dl.models.latent import Samples
        from imagej_dl.models.networks.vae import BLOCKS, DRAW, SIGNAL, STATISTICS

        keras = backend.keras()
        layers = {layer.name: layer for layer in network.layers}
        if "samples" in layers:
            decoder = layers["samples"].decoder
        else:
            decoder = keras.Model(layers[DRAW].output, layers[SIGNAL].output, name="decoder")
        samples = Samples(decoder, number, apart, self.draws, dtype="float32", name="samples")
        return samples([layers[name].output for name in (STATISTICS, BLOCKS)])
