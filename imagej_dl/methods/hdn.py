"""Hierarchical DivNoising: samples of the image, from latent variables of all scales."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from imagej_dl.methods.base import Total
from imagej_dl.methods.shared.denoising_defaults import DEFAULTS
from imagej_dl.methods.shared.variational_method import VariationalMethod


class HDN(VariationalMethod):
    """Hierarchical DivNoising (Prakash, Delbracio, Milanfar, Jug, ICLR 2022).

    As DivNoising, with latent variables in several layers, each at half the resolution of the one
    below it. The topmost are drawn first; the prior of the others depends on what was drawn above.

    The divergence of a layer in a patch counts as no less than `free_bits`, so that no layer is
    left without use because the ones below it learn faster (Kingma et al. 2016).
    """

    name: ClassVar[str] = "hdn"
    summary: ClassVar[str] = (
        "as divnoising with latent variables of several scales, which keep fine and coarse "
        "structures; needs a noise model, and a GPU for its full size"
    )
    position: ClassVar[int] = 230
    defaults: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "architecture": "hvae",
        "depth": 3,
        "width": 32,
        "patch": 64,
    }

    latents: int = Field(
        default=3,
        ge=1,
        le=7,
        description="Layers of latent variables: `depth` of the training, which decides.",
    )
    free_bits: float = Field(
        default=1.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        description="Least divergence that each layer of latent variables counts with, in nats "
        "per patch.",
    )

    @property
    def outputs(self) -> int:
        """The signal, and the divergence of each layer."""
        return 1 + self.latents

    @classmethod
    def completed(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a training with the number of layers that its depth says.

        Raises
        ------
        ValueError : where `latents` says otherwise; else as for all with a noise model.
        """
        values = super().completed(values)
        own, depth = values["method_settings"], values["depth"]
        if own.get("latents", depth) != depth:
            raise ValueError(
                f"latents: {own['latents']} layers of latent variables, but the depth is {depth}: "
                "give depth alone"
            )
        return {**values, "method_settings": {**own, "latents": depth}}

    def divergence(self, divergences: Any, weights: Any, total: Total) -> Any:
        """Return Σ over the layers of max(divergence of the patch, `free_bits`), for each pixel.

        Patches count as a whole, whatever the weights of their pixels.
        """
        from imagej_dl.models import backend

        tf = backend.tensorflow()
        of_patches = tf.reduce_sum(divergences, axis=(1, 2))
        counted = tf.reduce_sum(tf.maximum(of_patches, self.free_bits))
        pixels = tf.cast(tf.size(divergences[..., 0]), tf.float32)
        counted, pixels = total(counted, pixels)
        return counted / pixels

    def drawn(self, network: Any, number: int, apart: bool) -> Any:
        """Return samples of the signal, or their mean."""
        from imagej_dl.models import backend
        from imagej_dl.models.ladder import LadderSamples
        from imagej_dl.models.networks.hvae import ENCODED, NOISE, SIGNAL

        keras = backend.keras()
        layers = {layer.name: layer for layer in network.layers}
        numbers = range(1, self.latents + 1)
        encoded = [layers[f"{ENCODED}{i}"].output for i in numbers]
        if "samples" in layers:
            decoder = layers["samples"].decoder
        else:
            noises = [layers[f"{NOISE}{i}"].output for i in numbers]
            decoder = keras.Model([*encoded, *noises], layers[SIGNAL].output, name="decoder")
        samples = LadderSamples(decoder, number, apart, self.draws, dtype="float32", name="samples")
        return samples([network.input, *encoded])
