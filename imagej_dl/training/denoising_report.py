"""Report of a training without ground truth: a Gaussian beside it, and noise that it keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.denoising import Comparison, NoiseCorrelation, compare, noise_correlation
from imagej_dl.errors import warn
from imagej_dl.methods.base import Method, Truth
from imagej_dl.methods.shared.blind_spots import BlindSpotMethod
from imagej_dl.models.frame_windows import output_of
from imagej_dl.training.objective import Validator
from imagej_dl.training.patches import Example

_PLANES = 64
"""Planes in which the noise is measured, evenly over all."""
_PIXELS, _TURNS = 20_000, 16
"""Blind spots that are compared, and how often patches are looked at for them at most."""


def noise(method: Method, examples: Sequence[Example]) -> list[NoiseCorrelation | None]:
    """Measure the correlation of the noise, and warn of one that the method would keep.

    Returns
    -------
    the correlation in each channel, None where there are too few pixels for it; empty for methods
    that have a ground truth.
    """
    if method.learns_from != "itself" or not examples:
        return []
    images = [one for e in examples for one in (e.image if e.is_volume else (e.image,))]
    chosen = np.unique(np.linspace(0, len(images) - 1, min(_PLANES, len(images))).astype(int))
    planes = [images[i] for i in chosen]
    count = planes[0].shape[-1]
    found = [noise_correlation(plane[..., c] for plane in planes) for c in range(count)]
    for number, one in enumerate(found, 1):
        if one is not None and (words := one.words()) and _keeps(method, one):
            channel = f"in channel {number} " if count > 1 else ""
            warn(
                f"{channel}{words}. What neighbours tell of a pixel stays in the image, and "
                f"kind {method.name} takes such noise for signal",
                remedy=f"Train with --kind structn2v --settings '{json.dumps(proposed(one))}'",
            )
    return found


def _keeps(method: Method, noise: NoiseCorrelation) -> bool:
    """Tell if noise is correlated with pixels that a method does not hide."""
    one = np.ones((1, 1), bool)
    hidden = method.hidden_in_plane if isinstance(method, BlindSpotMethod) else one
    return not _covers(hidden, noise.kernel)


def proposed(noise: NoiseCorrelation) -> dict[str, Any]:
    """Return the settings of a training with structN2V that hides what is correlated."""
    kernel = noise.kernel
    if 1 in kernel.shape:
        direction = "horizontal" if kernel.shape[0] == 1 else "vertical"
        return {"method_settings": {"direction": direction, "length": kernel.size}}
    return {"method_settings": {"kernel": kernel.astype(int).tolist()}}


def _covers(hidden: NDArray[np.bool_], kernel: NDArray[np.bool_]) -> bool:
    """Tell if all of a kernel is hidden; both have the scored pixel in the middle."""
    margins = [(big - small) // 2 for big, small in zip(hidden.shape, kernel.shape, strict=True)]
    if min(margins) < 0:
        return False
    inner = hidden[tuple(slice(m, n - m) for m, n in zip(margins, hidden.shape, strict=True))]
    return bool(inner[kernel].all())


def compared(
    method: Method, validator: Validator, model: Any, noise: Sequence[NoiseCorrelation | None] = ()
) -> Comparison | None:
    """Compare the network with a Gaussian at blind spots of the validation patches.

    Of volumes it is a Gaussian of each slice.

    Validation hides few pixels, which do not tell a good denoising from a poor one: most of the
    error is the noise of the pixel itself. So others are hidden in turn.

    Parameters
    ----------
    noise : of :func:`noise`.

    Returns
    -------
    None for methods without blind spots, where these are too few, and where the noise can be
    predicted from pixels that are seen: the better prediction is not the better denoising then.
    """
    if not isinstance(method, BlindSpotMethod):
        return None
    if any(one is not None and _keeps(method, one) for one in noise):
        return None
    rng = np.random.default_rng(0)
    values, masks, outputs = [], [], []
    per_batch = -(-_PIXELS // len(validator.batches))
    for images, targets, _ in validator.batches:
        noisy, mask = _parts(targets)
        hidden, given = np.zeros(noisy.shape, bool), np.zeros(noisy.shape, np.float32)
        for _ in range(_TURNS):
            found = np.asarray(output_of(model, images), np.float32)
            blind = method.blind(found)
            if blind.shape != noisy.shape:
                return None
            given = np.where(mask, blind, given)
            hidden |= mask > 0
            if hidden.sum() >= per_batch or images.shape != noisy.shape:
                break  # the latter where the network sees other frames, too
            images, mask = _hidden_anew(method, noisy, rng)
        values += [*noisy]
        masks += [*hidden]
        outputs += [*given]
    return compare(values, masks, outputs, method.hidden_in_plane)


def _parts(targets: NDArray) -> tuple[NDArray, NDArray]:
    """Return the noisy patches and the masks, (N, Y, X, C) each, of a batch's targets."""
    noisy, mask = np.split(targets, 2, axis=-1)
    return noisy, mask


def _hidden_anew(
    method: BlindSpotMethod, noisy: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Hide other pixels of patches (N, Y, X, C); return the network's input, and which they are."""
    everywhere = np.broadcast_to(np.uint8(1), noisy.shape[1:3])
    pairs = [method.sample(patch, Truth(everywhere, 0, image=patch), rng) for patch in noisy]
    return np.stack([image for image, _ in pairs]), _parts(np.stack([t for _, t in pairs]))[1]


def figures(found: list[NoiseCorrelation | None], comparison: Comparison | None) -> dict[str, Any]:
    """Return what metrics.json keeps."""
    kept: dict[str, Any] = {}
    if comparison is not None:
        kept["blind_spots"] = comparison.record()
    if any(one is not None for one in found):
        kept["noise_correlation"] = [None if one is None else one.record() for one in found]
    return {"denoising": kept} if kept else {}


def warn_if_gaussian(comparison: Comparison | None) -> None:
    """Warn where a Gaussian predicts the blind spots as well as the network."""
    if comparison is not None and comparison.verdict == "gaussian":
        warn(
            f"the network is not better than a Gaussian of {comparison.width:g} px on the "
            f"validation images: {comparison.words()}",
            remedy="Train longer (--resume goes on with a training that its time ended), or on "
            "more images.",
        )


def line(metrics: dict[str, Any]) -> str | None:
    """Return the comparison of metrics.json as a line of the summary; None where there is none."""
    record = metrics.get("denoising", {}).get("blind_spots")
    return None if record is None else f"blind spots: {Comparison.of(record).words()}"
