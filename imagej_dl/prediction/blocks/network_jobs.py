"""The network's output for a block of a plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.images import Levels
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import ModelBundle, ModelConfig, frame_windows
from imagej_dl.prediction import tiles
from imagej_dl.prediction.blocks.intensities import Part
from imagej_dl.prediction.blocks.plan import Plan
from imagej_dl.prediction.frames import Together
from imagej_dl.prediction.network import network
from imagej_dl.prediction.tiles import Network
from imagej_dl.prediction.views import View, seen, views


def ready(plan: Plan, bundle: ModelBundle) -> tuple[ModelBundle, Network]:
    """Return a model with its network, as all blocks of a plan are given to it.

    Making it ready looks at all weights, so it is not to be done for each block.
    """
    windows = sum(rows.size * columns.size for rows, columns in plan.blocks)
    return bundle, network(bundle, len(plan.planes) * windows * bundle.config.frames)


def output(
    plan: Plan,
    models: Sequence[tuple[ModelBundle, Network]],
    parts: Callable[[int, int], Part],
    t: int,
    block: int,
) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    """Return what the network gives for a block, averaged over views and models.

    Parameters
    ----------
    models : each as :func:`ready` gives it.
    parts : gives of a model, by its number, a frame.
    t : the frame.

    Returns
    -------
    float32 (Y, X, channels); of a model that gives an image that image, in the intensities of the
    input. And the absurd pixels that were met.

    Raises
    ------
    UserError : where the network of an image gives NaN or infinity.
    """
    looks = views(plan.augment)  # type: ignore[arg-type]
    passes = len(models) * len(looks)
    total: NDArray[np.float32] | None = None
    far: list[dict[str, Any]] = []
    method = models[0][0].config.method
    for number, (bundle, run) in enumerate(models):
        frames = bundle.config.frames
        indices = frame_windows.window(t, frames, plan.frames, bundle.config.method.frames_seen)
        shown = [parts(number, i) for i in indices]
        plane: Any = shown[0] if frames == 1 else Together(shown)  # type: ignore[arg-type]
        for view in looks:
            values = _of_view(plan, bundle.config, run, plane, view, block)
            levels = shown[-1].used
            assert levels is not None, "the window has shown the plane"
            if isinstance(method, ImageMethod):
                values = _image(method, bundle, values, levels)
                values = values / np.float32(passes) if passes > 1 else values
            elif method.intensities:
                values = np.array(values)
                count = method.intensities
                values[..., :count] = levels.undone(values[..., :count])
            if total is None and passes > 1:
                total = np.zeros(values.shape, np.float32)
            if total is None:
                total = values
            else:
                total += values
        far += [one for part in dict.fromkeys(shown) for one in part.far]
    assert total is not None, "there is a model"
    if passes > 1 and not isinstance(method, ImageMethod):
        total /= passes
    return total, far


def _of_view(
    plan: Plan, config: ModelConfig, run: Network, plane: Any, view: View, block: int
) -> NDArray[np.float32]:
    halo = config.halo if plan.halo is None else plan.halo
    place = view.place(plan.place(block), plan.shape)
    rows, columns = (
        tiles.around(part, size, halo, config.multiple_of)
        for part, size in zip(place, view.shape(plan.shape), strict=True)
    )
    window = tiles.window(seen(plane, view), rows, columns)[None].astype(np.float32, copy=False)
    values = run(window)[0, rows.inner, columns.inner]
    return config.method.restored(values, view.quarter_turns, view.mirrored)


def _image(
    method: ImageMethod, bundle: ModelBundle, values: NDArray[np.float32], levels: Levels
) -> NDArray[np.float32]:
    image = method.image(values)
    if not np.isfinite(image).all():
        raise UserError(
            "the model's output has pixels that are NaN or infinite",
            path=bundle.folder,
            remedy="Train the model again, with a lower learning rate.",
        )
    return levels.undone(image, method.intensities_of(image.shape[-1], bundle.config.channels))
