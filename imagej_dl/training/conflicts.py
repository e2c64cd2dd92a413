"""Settings of a training that contradict each other, or what the method and the network can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagej_dl.errors import UserError

if TYPE_CHECKING:
    from imagej_dl.training.settings import Settings

_PIXELS, _STEPS = 2**28, 10**8
"""Largest number of pixels per batch and of batches per training; more is a typing error."""


def check(settings: Settings) -> None:
    """Check that settings, each of which is valid, fit together.

    Raises
    ------
    ValueError : for the first conflict that is found.
    """
    method = settings.method
    method.check_slices(settings.patch_slices)
    try:
        network = settings.built(1)
    except UserError as error:
        raise ValueError(str(error)) from error
    method.check_frames(network.window)
    period, slices = network.multiple_of, settings.patch_slices or 1
    if settings.patch % period:
        raise ValueError(f"a patch of {settings.patch} px is not a multiple of 2^depth = {period}")
    if settings.patch_slices and slices % network.multiple_of_z:
        raise ValueError(
            f"patch_slices: {slices} is not a multiple of 2^z_levels = {network.multiple_of_z}"
        )
    if settings.batch * settings.patch**2 * slices > _PIXELS:
        raise ValueError(
            f"a batch of {settings.batch} patches of {settings.patch} px is too large: at "
            f"most {_PIXELS:,} pixels"
        )
    if settings.total_steps > _STEPS:
        raise ValueError(
            f"{settings.epochs} epochs of {settings.steps} batches are too many: at most "
            f"{_STEPS:,} batches in all"
        )
    method.check_loss(settings.loss, settings.class_weights)
    if settings.weight_map not in method.weight_maps:
        known = ", ".join(method.weight_maps)
        raise ValueError(f"weight_map: kind {settings.kind} has {known}, not {settings.weight_map}")
    if settings.sparse and method.learns_from != "labels":
        raise ValueError(f"sparse: kind {settings.kind} learns no objects that could be left out")
    if settings.sparse and not method.heeds_weights(settings.loss):
        raise ValueError(counts_all_pixels(settings.loss))
    if settings.imaging not in (0, _default("imaging", settings)) and not settings.varies_imaging:
        raise ValueError(
            f"imaging: kind {settings.kind} learns the noise and the detail that there are, so "
            "its patches are not varied: leave it out"
        )
    if settings.crowding not in (0, _default("crowding", settings)) and not settings.finds_objects:
        raise ValueError(
            f"crowding: kind {settings.kind} learns the intensities that there are, so no objects "
            "are copied: leave it out"
        )
    gives_image = method.gives == "image" or method.intensities
    if gives_image and (why := settings.normalisation.irreversible):
        raise ValueError(
            f"normalisation: kind {settings.kind} gives an image in the input's intensities, "
            f"which cannot be brought back from {why}: leave it out"
        )
    if method.learns_from == "itself" and not settings.augmentation.keeps_pixels:
        raise ValueError(
            f"augmentation: kind {settings.kind} learns from the noise of the pixels, which "
            "only turn leaves as it is"
        )
    # What the method cannot do is refused before the training.
    method.start_postprocessing(None, 0, settings.postprocessing)
    if settings.validation + settings.test >= 1:
        raise ValueError("validation and test leave no images for training")


def counts_all_pixels(loss: str) -> str:
    """Return that a loss cannot leave out what is unknown."""
    return (
        f"the loss {loss} counts all pixels, also those that are unknown or ignored: "
        "leave loss out, or use cross_entropy or weighted_bce"
    )


def _default(name: str, settings: Settings) -> Any:
    return type(settings).model_fields[name].default
