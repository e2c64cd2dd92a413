"""Build a training run from settings and examples."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from imagej_dl._version import __version__
from imagej_dl.errors import UserError, first_line
from imagej_dl.models import Architecture, ModelConfig, backend, keras_settings
from imagej_dl.models.config import Volume, axes
from imagej_dl.models.networks.base import Network
from imagej_dl.models.pretrained import initialise
from imagej_dl.models.receptive_field import receptive_field
from imagej_dl.progress import Progress
from imagej_dl.training import held_out, objective
from imagej_dl.training.checkpoint import State
from imagej_dl.training.conflicts import counts_all_pixels
from imagej_dl.training.data_sources import Given
from imagej_dl.training.devices import SingleDevice
from imagej_dl.training.examples import Examples
from imagej_dl.training.fine_tuning import Start
from imagej_dl.training.imaging import Camera
from imagej_dl.training.objective import Validator
from imagej_dl.training.patches import Example, Patches, Sampling
from imagej_dl.training.precision import precision
from imagej_dl.training.run import TrainingRun
from imagej_dl.training.settings import Settings
from imagej_dl.training.split import Split, labelled, split
from imagej_dl.training.validation_patches import validation

_VALIDATION_PATCHES = 64
_FEWEST = 8


def divide(
    examples: Examples,
    given: Given,
    settings: Settings,
    known: dict[str, list[str]] | None,
    *,
    by_movie: bool = True,
) -> Split:
    """Divide the examples into training, validation and test, unless `given` has done so.

    `known` are the digests of each part of the model to start from; `by_movie` as for
    :func:`imagej_dl.training.split.split`.
    """
    if settings.method.learns_from == "itself":
        held_out.check_sizes(examples.sources, settings.patch)
    if not given.validation:
        shares = (settings.validation, 0.0 if given.test else settings.test)
        count = len(given.train)
        side = settings.patch if settings.method.learns_from != "labels" else None
        sources, bare = labelled(examples.sources[:count])
        result = split(sources, *shares, settings.seed, known, side, by_movie=by_movie)
        result = replace(result, train=[*result.train, *bare])
        tested = [example for source in examples.sources[count:] for example in source]
        return replace(result, test=_labelled(tested)) if given.test else result
    ends = (0, len(given.train), len(given.train) + len(given.validation), len(examples.sources))
    parts = [
        [example for source in examples.sources[low:high] for example in source]
        for low, high in pairwise(ends)
    ]
    validation, test = _labelled(parts[1]), _labelled(parts[2])
    return Split(parts[0], validation, test, "folders", settings.seed, known)


def _labelled(examples: list[Example]) -> list[Example]:
    return [example for example in examples if not example.is_unlabelled]


def sampling_of(settings: Settings, examples: Examples | None = None) -> Sampling:
    """Return how patches are drawn with these settings.

    Without the `examples` that they are cut of, imaging conditions are not varied.
    """
    camera = None
    if examples is not None and examples.diameter is not None and settings.varies_imaging:
        camera = Camera(
            settings.imaging_conditions,
            examples.diameter,
            settings.normalisation,
            examples.seen,
        )
    return Sampling(
        settings.method,
        settings.patch,
        settings.batch,
        settings.seed,
        settings.border_size,
        settings.foreground,
        settings.augmentation,
        pdf=settings.sampling_pdf,
        per_image=settings.per_image,
        contact_weight=settings.contact_weight if settings.weight_map == "contacts" else 0.0,
        slices=settings.patch_slices,
        imaging=settings.imaging,
        camera=camera,
        crowding=settings.crowding if settings.finds_objects else 0.0,
    )


def assemble(
    settings: Settings,
    parts: Split,
    examples: Examples,
    state: State,
    devices: SingleDevice,
    folder: Path,
    progress: Progress,
    start: Start | None = None,
) -> TrainingRun:
    """Build the network and all that trains it; `start` is the model that it starts from."""
    from imagej_dl.training.trainer import Trainer

    settings = settings.of_images(examples.channels)
    devices.check_batch(settings.batch)
    partly = any(example.known is not None for example in parts.train + parts.validation)
    if partly and not settings.method.heeds_weights(settings.loss):
        raise UserError(counts_all_pixels(settings.loss))
    sampling = sampling_of(settings, examples)
    settings.method.check_images(e.image for e in parts.train + parts.validation)
    weights_seed = settings.seed if settings.seed_weights is None else settings.seed_weights
    keras_settings.seed(weights_seed)
    network = settings.built(examples.channels)
    with devices.scope(), precision(settings.precision):
        model = _built(network, settings)
    devices.prepare(model)
    if settings.seed_weights is not None:
        keras_settings.seed(settings.seed)
    if start is None and not state.step:
        initialise(model, network, settings.pretrained)
    # Validating an epoch of a few large patches would otherwise take longer than training it.
    count = min(_VALIDATION_PATCHES, max(_FEWEST, settings.steps * settings.batch))
    held = examples.with_vectors(parts.validation, settings.method, progress)
    batches = validation(held, sampling, count)
    return TrainingRun(
        model=model,
        trainer=Trainer(model, settings, devices),
        patches=Patches(examples.with_vectors(parts.train, settings.method, progress), sampling),
        validator=Validator(settings.method, objective.of(settings), batches),
        settings=settings,
        state=state,
        folder=folder,
        progress=progress,
        config=_config(model, settings, examples, start),
        devices=devices,
    )


def _built(network: Network, settings: Settings) -> Any:
    try:
        return network.build()
    except ValueError as error:  # Keras knows which activations, initial weights, kernels there are
        raise UserError(
            f"the network {settings.architecture} cannot be built ({first_line(error)})",
            remedy="Its activation, initial weights and kernels must be ones that Keras has.",
        ) from error


def plain(run: TrainingRun) -> Any:
    """Return the network in float32 on one device, as it is saved and used."""
    if run.devices.count == 1 and run.settings.precision == "float32":
        return run.model
    model = run.settings.built(run.config.channels).build()
    model.set_weights(run.model.get_weights())
    return model


def _config(model: Any, settings: Settings, examples: Examples, start: Start | None) -> ModelConfig:
    method = settings.method
    before = start.config.instances if start is not None else None
    network = settings.built(examples.channels)
    field = receptive_field(model)
    calibration, volume = examples.calibration, None
    if settings.patch_slices is not None:
        volume = Volume(
            slices=settings.patch_slices,
            halo=field.halo_z,
            multiple_of=field.multiple_of_z,
            pixel_depth=calibration.pixel_depth,
        )
    return ModelConfig(
        kind=settings.kind,
        classes=method.channels,
        architecture=Architecture(name=settings.architecture, arguments=network.model_dump()),
        normalisation=settings.normalisation,
        axes=axes(network.window, examples.channels, volume is not None),  # type: ignore[arg-type]
        volume=volume,
        channels=examples.channels,
        frames=network.window,
        pixel_width=calibration.pixel_width,
        pixel_height=calibration.pixel_height,
        unit=calibration.unit,
        object_diameter=examples.diameter,
        patch=settings.patch,
        halo=field.halo,
        seen=examples.seen,
        multiple_of=field.multiple_of,
        instances=method.start_postprocessing(before, examples.smallest, settings.postprocessing),
        border_size=settings.border_size,
        method_settings=settings.method_settings,
        training=settings.model_dump(mode="json"),
        imagej_dl_version=__version__,
        keras_version=backend.keras().__version__,
        tensorflow_version=backend.tensorflow().__version__,
    )
