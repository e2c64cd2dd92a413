"""The network's output for whole images, plane by plane, and the objects in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.images import grey_rgb
from imagej_dl.methods.shared.image_method import ImageMethod
from imagej_dl.models import ModelBundle, frame_windows
from imagej_dl.prediction import ensemble, openvino_backend, rescaling, tiles, volumes
from imagej_dl.prediction.canvas import Canvas
from imagej_dl.prediction.image_canvas import ImageCanvas
from imagej_dl.prediction.label_resampling import resampled_labels
from imagej_dl.prediction.object_scale import scale_for
from imagej_dl.prediction.passes import Pass
from imagej_dl.prediction.views import Augment, check, views
from imagej_dl.progress import Progress, silent


@dataclass(frozen=True)
class Plane:
    """A finished plane: `index` over T and Z, label map (Y, X), network output (Y, X, channels).

    Those of a large plane lie in temporary files; its output may be left out, and is empty then.
    Of a model that gives an image, the output is that image, float32 (Y, X, C) in the intensities
    of the input, and the label map is empty. `left_out` counts objects below the
    `minimum_area` of the model's post-processing, `lost` those that no pixel of the image was left
    for. All planes have the same `scale`, at which the network saw them.
    """

    index: tuple[int, ...]
    labels: NDArray
    probabilities: NDArray[np.float32]
    left_out: int = 0
    lost: int = 0
    scale: rescaling.Scale = rescaling.AS_IT_IS


def planes(
    bundle: ModelBundle,
    image: xr.DataArray,
    *,
    tile: int | None = None,
    halo: int | None = None,
    batch: int | None = None,
    progress: Progress = silent,
    probabilities: bool = True,
    diameter: str | float | None = None,
    augment: Augment = "none",
    others: Sequence[ensemble.Given] = (),
    noticed: set[str] | None = None,
) -> Iterator[Plane]:
    """Segment an image and give its planes one by one, so that none need be kept.

    Parameters, axes and errors are those of :func:`predict`, whose `ensemble` is `others`; what is
    wrong with the image as a whole is raised at the first plane. Without `probabilities`, large and
    resampled planes have none. `noticed` takes in what planes are beyond the training, by the kinds
    of :class:`imagej_dl.images.Far`, once the last is given.
    """
    image = grey_rgb.with_channels(image, bundle.config.channels)
    check_image(bundle, image)
    bundle.config.method.check_images(first_plane(bundle, image))
    members = ensemble.loaded(bundle, others)
    scale = scale_for(bundle, image, diameter, progress)
    stack = [d for d in map(str, image.dims) if d in "TZ"]
    indices = list(product(*(range(image.sizes[d]) for d in stack)))
    places = product(range(image.sizes.get("T", 1)), range(image.sizes.get("Z", 1)))
    seen_as = views(augment)
    check(bundle.config.method, augment, bundle.folder)
    slabs: list[tiles.Span] = []
    if bundle.config.volume is not None:
        volumes.need_slices(bundle, image.sizes.get("Z", 1), image.attrs.get("title") or None)
        slabs = volumes.spans(members, image.sizes["Z"])
    count = image.sizes.get("T", 1) * len(slabs) if slabs else len(indices)
    passes = [
        Pass(
            scale.limited(member),
            scale.pixels(member, image),
            seen_as,
            count,
            tile=tile,
            halo=halo,
            batch=batch,
            slabs=slabs,
        )
        for member in members
    ]
    done, total = 0, count * sum(one.strips_per_plane for one in passes)
    progress("predict", done, total)
    if slabs:
        yield from _of_slabs(image, passes, slabs, total, progress)
        for text in dict.fromkeys(text for one in passes for text in one.words(image)):
            warn(text)
        return
    streams = [one.strips() for one in passes]
    for index, at in zip(indices, places, strict=True):
        shape, number = passes[0].pixels.shape, len(members) * len(seen_as)
        canvas = _canvas(bundle, shape, probabilities, number)
        for one, stream in zip(passes, streams, strict=True):
            for view, strip in stream:
                if isinstance(canvas, ImageCanvas):
                    canvas.add(one.bundle, strip, view, one.used[at])
                else:
                    canvas.add(_with_intensities(one, strip, at), view)
                done += 1
                if strip.last and view == seen_as[-1]:
                    break
                progress("predict", done, total)
            one.used.pop(at, None)
            if canvas.is_large:
                openvino_backend.rest(one.bundle.model)
        passes[0].pixels.forget()
        labels, output, left_out = canvas.finish(progress)
        plane = Plane(index, labels, output, left_out, scale=scale)
        yield _at_own_size(plane, image, probabilities, progress)
        progress("predict", done, total)
    if noticed is not None:
        noticed.update(beyond.far.why for one in passes for beyond in one.beyond)
    for text in dict.fromkeys(text for one in passes for text in one.words(image)):
        warn(text)


def _of_slabs(
    image: xr.DataArray,
    passes: Sequence[Pass],
    slabs: Sequence[tiles.Span],
    total: int,
    progress: Progress,
) -> Iterator[Plane]:
    """Give the slices of an image whose volumes are predicted slab by slab, one by one."""
    method, seen_as = passes[0].bundle.config.method, passes[0].views
    assert isinstance(method, ImageMethod), "only images are predicted as volumes"
    streams, done = [one.strips() for one in passes], 0
    stack = [d for d in map(str, image.dims) if d in "TZ"]
    for t, slab in product(range(image.sizes.get("T", 1)), slabs):
        slices = slab.high - slab.low
        canvas = ImageCanvas(method, passes[0].pixels.shape, len(passes) * len(seen_as), slices)
        for one, stream in zip(passes, streams, strict=True):
            for view, strip in stream:
                canvas.add(one.bundle, _kept(strip, slab), view, one.used[t, slab.low])
                done += 1
                progress("predict", done, total)
                if strip.last and view == seen_as[-1]:
                    break
            one.used.pop((t, slab.low), None)
        labels, output, _ = canvas.finish(progress)
        for z, part in enumerate(np.split(output, slices, axis=-1), slab.low):
            at = {"T": t, "Z": z}
            yield Plane(tuple(at[axis] for axis in stack), labels, part)


def _kept(strip: tiles.Strip, slab: tiles.Span) -> tiles.Strip:
    """Return a strip of a slab with the channels of the slices that are kept of it."""
    parts = np.split(strip.values, slab.size, axis=-1)[slab.inner]
    return replace(strip, values=np.concatenate(parts, axis=-1))


def _canvas(
    bundle: ModelBundle, shape: tuple[int, int], probabilities: bool, passes: int
) -> Canvas | ImageCanvas:
    method = bundle.config.method
    if isinstance(method, ImageMethod):
        return ImageCanvas(method, shape, passes)
    return Canvas(bundle, shape, probabilities, passes)


def _with_intensities(one: Pass, strip: tiles.Strip, at: tuple[int, int]) -> tiles.Strip:
    """Return a strip whose channels that are intensities have those of the image."""
    count = one.bundle.config.method.intensities
    if not count:
        return strip
    values = np.array(strip.values)
    values[..., :count] = one.used[at].undone(values[..., :count])
    return replace(strip, values=values)


def _at_own_size(
    plane: Plane, image: xr.DataArray, probabilities: bool, progress: Progress
) -> Plane:
    """Bring what was found at the model's scale back to the pixels of the image."""
    if not plane.scale.resamples:
        return plane
    shape = (image.sizes["Y"], image.sizes["X"])
    labels, lost = resampled_labels(plane.labels, shape, progress)
    output = plane.probabilities
    output = rescaling.at_size(output, shape) if probabilities else output[:0, :0]
    return replace(plane, labels=labels, probabilities=output, lost=lost)


def first_plane(bundle: ModelBundle, image: xr.DataArray) -> Iterator[NDArray[np.float32]]:
    """Yield the first plane, normalised; nothing is read unless it is asked for."""
    plane = image.isel({axis: 0 for axis in image.dims if axis in ("T", "Z")})
    yield bundle.prepare(plane.transpose("Y", "X", ...).data)


def check_image(bundle: ModelBundle, image: xr.DataArray) -> None:
    """Raise UserError for an image that a model cannot predict; warn of what is assumed of it."""
    title, config = image.attrs.get("title") or None, bundle.config
    if not image.size:
        raise UserError("the image has no pixels", path=title)
    channels = image.sizes.get("C", 1)
    if channels != config.channels:
        remedy = "In ImageJ, Image > Color > Split Channels or Merge Channels... makes one."
        if channels == 1 and config.channels == 3:
            remedy += (
                " Where the model was trained on colour pictures, Image > Type > RGB Color does."
            )
        elif channels == 3 and config.channels == 1:
            remedy += " For colour images, Image > Type > 8-bit makes grey values."
        raise UserError(
            f"the image has {channels} channel(s), the model was trained on {config.channels}",
            path=title,
            remedy=remedy,
        )
    if image.sizes.get("Z", 1) > 1 and config.method.gives == "instances":
        frames = config.frames > 1 and image.sizes.get("T", 1) == 1
        warn(
            f"{title or 'the image'}: each of the {image.sizes['Z']} slices is segmented on its "
            "own; ids are not linked between slices"
            + (". If they are frames, pass --axes TYX" if frames else "")
        )
    count = image.sizes.get("T", 1)
    frame_windows.check(config.frames, count, config.method.frames_seen, title)
    if config.frames > 1 and count == 1:
        warn(
            f"{title or 'the image'}: the model sees {config.frames} frames, but the image has "
            "only one, which is repeated"
        )
