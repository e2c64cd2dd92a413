"""Training from pairs of images and label maps to a MODEL folder."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from imagej_dl._version import __version__
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import refuse_existing
from imagej_dl.models import CLASSES, Architecture, Instances, ModelBundle, ModelConfig, backend
from imagej_dl.models import bundle as bundles
from imagej_dl.models.config import axes
from imagej_dl.models.pretrained import initialise
from imagej_dl.models.receptive_field import receptive_field
from imagej_dl.progress import Progress, silent
from imagej_dl.training import loss
from imagej_dl.training import start as starts
from imagej_dl.training import state as states
from imagej_dl.training.dataset import Patches, Sampling, validation
from imagej_dl.training.examples import Examples
from imagej_dl.training.finish import finish
from imagej_dl.training.given import Given, Pair
from imagej_dl.training.loop import Loop, Step
from imagej_dl.training.loss import Validator
from imagej_dl.training.pairs import find_pairs
from imagej_dl.training.settings import Settings
from imagej_dl.training.split import Split, split
from imagej_dl.training.start import Start
from imagej_dl.training.state import State
from imagej_dl.training.watch import Watch, ignore

_VALIDATION_PATCHES = 64


def train(
    source: str | Path | Iterable[Pair] | Given,
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    start: str | Path | None = None,
    progress: Progress = silent,
    watch: Watch = ignore,
    **settings: Any,
) -> ModelBundle:
    """Train a model and write its folder.

    Parameters
    ----------
    source : a folder (see :func:`imagej_dl.training.find_pairs`), or pairs of images and label
        maps, as files or DataArrays; or pairs whose part in the training is decided (`Given`).
    out : the MODEL folder. While training, its `.training` holds the state after each epoch.
    resume : go on with a training that was stopped, cancelled or killed, on the same data. The
        settings are those it was begun with; only `epochs`, `minutes` and `patience` may be
        given anew.
    overwrite : whether a model that is there may be replaced, once the new one is finished.
    tensorboard : write event files to `out`/tensorboard.
    start : a MODEL folder to start from (fine-tuning). Its weights, network, kind, patch, border
        size, normalisation and pixel size are taken, and the instance settings begin with its
        own; settings that contradict it are refused. The learning rate is by default lower. What
        the model was trained on stays in training and is not validated on; leave it out, and it
        may be forgotten.
    progress : told the stages "reading", "training" (in thousandths), "choosing". It may raise
        Cancelled (as Ctrl-C does): the best model so far is kept, quickly, without choosing
        instance settings; or Enough: all is done as if the training had ended by itself. Both
        can be resumed. While "choosing", Enough changes nothing.
    watch : told each epoch, once its state is on disk (see :class:`Epoch`); on resume those before
        it too, first of all. It may raise as `progress` may.
    **settings : fields of :class:`Settings`.

    Returns
    -------
    the model of the last epoch whose validation loss was as good as any before it (within 5 %);
    `folder` is `out`.

    Raises
    ------
    UserError : for data or settings that cannot be trained with, an `out` that is there.
    Cancelled (also Enough), KeyboardInterrupt : when stopped before the first epoch was whole.
    """
    began = time.monotonic()
    out = Path(out)
    folder = out / states.FOLDER
    if tensorboard and find_spec("tensorboard") is None:
        raise UserError(
            "TensorBoard is not installed", remedy="pip install tensorboard, or leave it out."
        )
    kept = states.read(folder) if resume else None
    begun, model = _begun(start, kept, out)
    chosen = _settings(settings, kept, begun)
    if kept is None:
        _make_room(out, overwrite)
    given = _given(source)
    like = begun.config if begun else None
    examples = Examples(
        given.pairs,
        chosen.normalisation,
        frames=chosen.window,
        weight_map=chosen.weight_map,
        maps=given.maps,
        like=like,
        progress=progress,
    )
    known = begun.digests if begun else None
    parts = _parts(examples, given, chosen, known)
    fresh = State(chosen.model_dump(mode="json"), parts.record(), examples.fingerprint)
    if kept is not None and (kept.fingerprint, kept.split) != (fresh.fingerprint, fresh.split):
        raise UserError(
            "the training there was begun on other images or labels",
            path=out,
            remedy="Give it the same data, or train anew with --overwrite.",
        )
    state = fresh if kept is None else replace(kept, settings=fresh.settings)
    if kept is None:
        # A stopped training is forgotten only now that the new one has its data.
        shutil.rmtree(folder, ignore_errors=True)
    loop = _loop(chosen, parts, examples, state, begun, folder, progress)
    loop.began, loop.watch = began, watch
    loop.tensorboard = out / "tensorboard" if tensorboard else None
    if kept is not None:
        states.restore(folder, loop.model, loop.step.optimizer)
    elif begun is not None and model is not None:
        loop.model.set_weights(model.model.get_weights())
        begun = begun.model_copy(update={"before": loop.validator(loop.model)})
        state.start = begun.model_dump(mode="json")
    ended = loop.run()
    states.restore_best(folder, loop.model)
    bundle = finish(out, loop, parts, examples.raw, ended)
    if begun is not None:
        _compare(begun, loop.state)
    return bundle


def _given(source: str | Path | Iterable[Pair] | Given) -> Given:
    if isinstance(source, Given):
        return source
    return Given(list(find_pairs(source) if isinstance(source, (str, Path)) else source))


def _parts(
    examples: Examples, given: Given, settings: Settings, known: dict[str, list[str]] | None
) -> Split:
    """Divide the examples, where what is given does not say how."""
    if not given.validation:
        shares = (settings.validation, 0.0 if given.test else settings.test)
        count = len(given.train)
        found = split(examples.sources[:count], *shares, settings.seed, known)
        tested = [example for source in examples.sources[count:] for example in source]
        return replace(found, test=tested) if given.test else found
    ends = (0, len(given.train), len(given.train) + len(given.validation), len(examples.sources))
    parts = [
        [example for source in examples.sources[low:high] for example in source]
        for low, high in pairwise(ends)
    ]
    return Split(parts[0], parts[1], parts[2], "folders", settings.seed, known)


def _begun(
    start: str | Path | None, kept: State | None, out: Path
) -> tuple[Start | None, ModelBundle | None]:
    """Return what the training starts, or once started, from; with its network when it begins."""
    if kept is None:
        return (None, None) if start is None else starts.read(start)
    begun = None if kept.start is None else Start.model_validate(kept.start)
    # A model that is replaced by its own fine-tuning need no longer be what it was.
    if start is not None and Path(start).resolve() != out.resolve():
        starts.check_same(start, begun)
    return begun, None


def _compare(begun: Start, state: State) -> None:
    loss, before = state.rows[state.best_epoch - 1]["val_loss"], begun.before["loss"]
    if loss > before:
        warnings.warn(
            f"the model is worse on the validation images than {begun.name}, which it started "
            f"from: validation loss {loss:.3g}, before {before:.3g}. A lower learning rate, or "
            "more images, may help",
            DataWarning,
            stacklevel=3,
        )


def _settings(given: dict[str, Any], kept: State | None, begun: Start | None) -> Settings:
    if kept is None:
        return Settings.of(given) if begun is None else starts.settings(given, begun.config)
    free = {"epochs", "minutes", "patience"}
    before = Settings.of(kept.settings)
    asked = Settings.of(kept.settings | given)
    for name in sorted(set(given) - free):
        if getattr(asked, name) != getattr(before, name):
            raise UserError(
                f"{name} was {getattr(before, name)} when the training began and cannot change",
                remedy=f"Leave {name} out, or train anew.",
            )
    return asked


def _make_room(out: Path, overwrite: bool) -> None:
    """Refuse a folder that is there; on overwrite one that is no model."""
    if out.is_dir() and not any(out.iterdir()):
        return
    if (out / states.FOLDER).is_dir() and not overwrite:
        raise UserError(
            "holds a training that is not finished",
            path=out,
            remedy="Go on with it with --resume, or begin anew with --overwrite.",
        )
    refuse_existing(out, overwrite)
    if overwrite and out.exists():
        foreign = not (out / bundles.CONFIG).is_file() and not (out / states.FOLDER).is_dir()
        if foreign:
            raise UserError(
                "is there and is no model, so it is not overwritten",
                path=out,
                remedy="Choose another name for the model.",
            )


def _loop(
    settings: Settings,
    parts: Split,
    examples: Examples,
    state: State,
    begun: Start | None,
    folder: Path,
    progress: Progress,
) -> Loop:
    sampling = Sampling(
        settings.kind,
        settings.patch,
        settings.batch,
        settings.seed,
        settings.border_size,
        settings.foreground,
        settings.augmentation,
        pdf=settings.sampling_pdf,
        per_image=settings.per_image,
        contact_weight=settings.contact_weight if settings.weight_map == "contacts" else 0.0,
    )
    first = settings.seed if settings.seed_weights is None else settings.seed_weights
    backend.keras().utils.set_random_seed(first)
    network = settings.built(examples.channels)
    model = network.build()
    if settings.seed_weights is not None:
        backend.keras().utils.set_random_seed(settings.seed)
    if begun is None and not state.step:
        initialise(model, network, settings.pretrained)
    batches = validation(parts.validation, sampling, _VALIDATION_PATCHES)
    return Loop(
        model=model,
        step=Step(model, settings),
        patches=Patches(parts.train, sampling),
        validator=Validator(settings.kind, loss.of(settings), batches),
        settings=settings,
        state=state,
        folder=folder,
        progress=progress,
        config=_config(model, settings, examples, begun),
    )


def _config(model: Any, settings: Settings, examples: Examples, begun: Start | None) -> ModelConfig:
    instances = Instances.of_kind(settings.kind, settings.border_size)
    smallest = examples.smallest
    if begun is not None:
        instances = begun.config.instances
        # The new objects are few, those that the model knows may be smaller.
        smallest = min(smallest, instances.minimum_area)
    network = settings.built(examples.channels)
    field = receptive_field(model)
    calibration = examples.calibration
    return ModelConfig(
        kind=settings.kind,
        classes=CLASSES[settings.kind],
        architecture=Architecture(name=settings.architecture, arguments=network.model_dump()),
        normalisation=settings.normalisation,
        axes=axes(network.window, examples.channels),  # type: ignore[arg-type]
        channels=examples.channels,
        frames=network.window,
        pixel_width=calibration.pixel_width,
        pixel_height=calibration.pixel_height,
        unit=calibration.unit,
        object_diameter=examples.diameter,
        patch=settings.patch,
        halo=field.halo,
        multiple_of=field.multiple_of,
        instances=instances.model_copy(update={"minimum_area": smallest, **settings.treatment}),
        border_size=settings.border_size,
        training=settings.model_dump(mode="json"),
        imagej_dl_version=__version__,
        keras_version=backend.keras().__version__,
        tensorflow_version=backend.tensorflow().__version__,
    )
