"""Prediction of whole images and videos: label maps, or images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.images import array_storage, display, memory_maps
from imagej_dl.models import ModelBundle
from imagej_dl.prediction import sampling, unlike
from imagej_dl.prediction.ensemble import Given, model_of
from imagej_dl.prediction.output_kinds import need_image, need_objects
from imagej_dl.prediction.part import predict_part
from imagej_dl.prediction.pixel_types import PixelType, PixelTypes
from imagej_dl.prediction.plane_outputs import planes
from imagej_dl.prediction.rescaling import AS_IT_IS, Scale
from imagej_dl.prediction.views import Augment
from imagej_dl.progress import Progress, silent


@dataclass(frozen=True)
class Prediction:
    """The prediction of a model for an image.

    labels : label map, dims of the image without C. Ids are those of each plane for itself.
    probabilities : the network's output, float32, the same dims and C, one channel a class (or
        whatever the method's channels are); None if not asked for.
    left_out : how many objects are left out because they are smaller than the `minimum_area` of
        the model's post-processing, over all planes.
    minimum_area : what that was, in px; of a resampled image in those of the model.
    scale : at which the network saw the image.
    denoised : the image as it was segmented, where another model has denoised it before.
    number : how many objects there are on all planes, where their ids are not 1 to that.
    points : for each plane the (N, 2) x, y in px, where an engine gave points; then `labels` has
        the pixel of each.
    unlike : in what the image is far from those that the model was trained on, in words.
    """

    labels: xr.DataArray
    probabilities: xr.DataArray | None = None
    left_out: int = 0
    minimum_area: int = 0
    scale: Scale = AS_IT_IS
    denoised: xr.DataArray | None = None
    number: int | None = None
    points: tuple[NDArray[Any], ...] | None = None
    unlike: tuple[str, ...] = ()


def predict(
    bundle: Given,
    image: xr.DataArray | NDArray[Any] | str | os.PathLike[str],
    *,
    tile: int | None = None,
    halo: int | None = None,
    batch: int | None = None,
    progress: Progress = silent,
    probabilities: bool = False,
    diameter: str | float | None = None,
    augment: Augment = "none",
    ensemble: Sequence[Given] = (),
) -> Prediction:
    """Segment an image or a video with a trained model.

    Parameters
    ----------
    bundle : the model and its configuration, or its folder.
    image : the image, its file, or an array (Y, X). Its dims: YX, TYX, ZYX or TZYX, with C when
        the model has several channels. Each plane is normalised and segmented on its own; by a
        recurrent model with the frames before it, the first standing for those before the first.
        May be a memory map: planes are read one by one.
    tile : largest side in px of what the network is given at once, halo included; by default
        that of the user's settings, or four times the halo. The result is the same whatever it is.
    halo : px by which tiles overlap on each side; by default as far as the network sees, so that
        tiles cannot be told. Less is faster, and warned of.
    batch : most tiles given to the network at once; by default what makes up 1024² px of frames.
    progress : stage "predict", in rows of tiles (one for a plane that is not tiled); of large
        planes the stage "objects" too, in blocks.
    probabilities : whether to return them; above 1 GiB they lie in a temporary file. So do the
        labels of planes of more than 2^25 px, whose objects are found block by block. Those of a
        resampled image are resampled with it; values that are lengths stay in the model's px.
    diameter : of the image's objects: in px, or a length such as "8 um". The image is resampled
        so that they are as large as those that the model was trained on, and the label map is
        brought back to the image's own pixels. Post-processing has the model's scale, so that its
        settings are in the model's px. "auto" estimates it from the image; "model" resamples
        nothing. By default the pixel sizes decide, where image and training images are calibrated
        and differ by more than 0.75 … 4/3.
    augment : test-time augmentation: the network's output is averaged over 4 views of each plane
        ("flips": itself, mirrored, turned by 180°) or 8 ("all": the turns by 90°, too). Takes as
        many times as long.
    ensemble : further models of the same kind, settings of the method, classes and channels, whose
        outputs are averaged with those of the first; its post-processing is used.

    Returns
    -------
    Prediction, with the title and calibration of the image.

    Raises
    ------
    UserError : when the channels are not the model's, a pixel is NaN or infinite, there is no
        pixel, the tile is smaller than what the model looks at, or the model gives an image. For a
        diameter that is none, or where the model does not know that of its objects; for a model of
        the ensemble that does not go with the first.

    Warns
    -----
    DataWarning : for planes that are far from what the training saw, with what is done about it;
        for an image that is unlike those of the training; where the image is resampled without
        being asked for, or for an estimated diameter.
    """
    bundle = model_of(bundle)
    need_objects(bundle.config, bundle.folder)
    image = images.image_of(image)
    given: dict[str, Any] = {"tile": tile, "halo": halo, "batch": batch, "progress": progress}
    given |= {"diameter": diameter, "augment": augment, "others": ensemble}
    labels: NDArray | None = None
    kept: NDArray[np.float32] | None = None
    dims = [str(d) for d in image.dims if d != "C"]
    shape = tuple(image.sizes[d] for d in dims)
    left_out = lost = 0
    scale = AS_IT_IS
    noticed: set[str] = set()
    for plane in planes(bundle, image, probabilities=probabilities, noticed=noticed, **given):
        left_out, lost, scale = left_out + plane.left_out, lost + plane.lost, plane.scale
        if not plane.index:
            # The only one; what planes() has still to do is to say that all is done.
            labels, kept = plane.labels, plane.probabilities if probabilities else None
            continue
        if labels is None:
            labels = array_storage.empty(shape, plane.labels.dtype)
        kind = np.promote_types(labels.dtype, plane.labels.dtype)
        if kind != labels.dtype:
            former, labels = labels, array_storage.empty(shape, kind)
            _copy(former, labels)
        _copy(plane.labels, labels[plane.index])
        if probabilities:
            if kept is None:
                kept = array_storage.empty((*shape, len(bundle.config.classes)))
            kept[plane.index] = plane.probabilities
    assert labels is not None, "an image without planes is refused"
    if lost:
        warn(
            f"{lost} objects are left out: they share a pixel of the image with another one",
            path=image.attrs.get("title") or None,
        )
    far = unlike.compared(bundle, image, labels, scale)
    return Prediction(
        images.with_data(image, labels, dims),
        None if kept is None else images.with_data(image, kept, [*dims, "C"]),
        left_out,
        bundle.config.instances.least_area(),
        scale,
        unlike=tuple(unlike.tell(far, image.attrs.get("title") or "the image", noticed)),
    )


def predict_image(
    bundle: Given,
    image: xr.DataArray | NDArray[Any] | str | os.PathLike[str],
    *,
    tile: int | None = None,
    halo: int | None = None,
    batch: int | None = None,
    progress: Progress = silent,
    augment: Augment = "none",
    ensemble: Sequence[Given] = (),
    dtype: PixelType = "float32",
    samples: int | None = None,
) -> xr.DataArray:
    """Return what a model makes of an image that gives an image, such as one that denoises.

    Parameters
    ----------
    dtype : "float32", or "input" for the pixel type of the image (uint8, uint16, float32): values
        are rounded, and clipped at the limits of the type.
    samples : how many images to draw that may have been there, in place of their mean; for models
        that draw them.

    The other parameters, errors and warnings are those of :func:`predict`.

    Returns
    -------
    dims of the image, C where the model gives several channels, in the intensities of the image:
    the normalisation of each plane, or of the video, is undone. Title, calibration, slice labels,
    LUTs and display ranges are those of the image. Above 1 GiB it lies in a temporary file.
    Samples are slices (Z); of an image that has slices they are channels.

    Warns
    -----
    DataWarning : of pixels that are clipped.
    """
    bundle = model_of(bundle)
    need_image(bundle.config, bundle.folder)
    if why := bundle.config.normalisation.irreversible:
        raise UserError(
            f"the model normalises with {why}, which cannot be undone",
            path=bundle.folder,
            remedy="Train the model with another normalisation.",
        )
    if samples is not None:
        bundle = sampling.drawing(bundle, samples, ensemble)
    image = images.image_of(image)
    dims = [str(d) for d in image.dims if d != "C"]
    given: dict[str, Any] = {"tile": tile, "halo": halo, "batch": batch, "progress": progress}
    given |= {"augment": augment, "others": ensemble}
    pixels = PixelTypes(image, dtype)
    made: NDArray[Any] | None = None
    for plane in planes(bundle, image, **given):
        values = plane.probabilities[..., : bundle.config.method.intensities or None]
        if made is None:
            stack = [image.sizes[d] for d in dims[:-2]]
            shape = (*stack, values.shape[-1], *values.shape[:2])
            made = array_storage.empty(shape, pixels.dtype)
        for channel in range(values.shape[-1]):
            _copy(values[..., channel], made[(*plane.index, channel)], pixels.of)
    assert made is not None, "an image without planes is refused"
    pixels.tell()
    if made.shape[-3] == 1:
        result = images.with_data(image, made[..., 0, :, :], dims)
    else:
        result = images.with_data(image, made, [*dims[:-2], "C", *dims[-2:]])
    if samples is not None:
        result = sampling.as_stack(result)
    return display.like(result, image)


def preview(
    bundle: ModelBundle, image: xr.DataArray, place: Mapping[str, Any] | None = None
) -> xr.DataArray:
    """Return what a user looks at of a model in training: the label map, or the image it gives.

    Of what becomes an image, `place` may name the part that is shown: of a plane slices along Y and
    X, of several frames also the index along T, of a volume that along Z.
    """
    if bundle.config.method.gives != "image":
        return predict(bundle, image).labels
    if place is None or bundle.config.volume is not None:
        return predict_image(bundle, image).isel(place)
    return predict_part(bundle, image, place)


def _copy(
    source: NDArray, target: NDArray, converted: Callable[[NDArray], NDArray] = np.asarray
) -> None:
    for place, part in memory_maps.pieces(source):
        target[place] = converted(part)
        memory_maps.forget(target)
