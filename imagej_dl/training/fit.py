"""Training from pairs of images and label maps to a MODEL folder."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl._version import __version__
from imagej_dl.errors import UserError
from imagej_dl.evaluation import THRESHOLDS
from imagej_dl.files import refuse_existing
from imagej_dl.models import CLASSES, Architecture, Instances, ModelBundle, ModelConfig, backend
from imagej_dl.models import bundle as bundles
from imagej_dl.models.receptive_field import receptive_field
from imagej_dl.models.unet import UNet
from imagej_dl.progress import Progress, silent
from imagej_dl.training import state as states
from imagej_dl.training.choose import Truth, average_precision, choose
from imagej_dl.training.curve import draw, write_log
from imagej_dl.training.dataset import Example, Patches, Sampling, validation
from imagej_dl.training.examples import Examples, Pair
from imagej_dl.training.loop import CANCELLED, TIME, Loop, Step
from imagej_dl.training.loss import Validator
from imagej_dl.training.pairs import find_pairs
from imagej_dl.training.settings import Settings
from imagej_dl.training.split import Split, split
from imagej_dl.training.state import State

_VALIDATION_PATCHES = 64
_TEST_SIDE = 256
_SCORED_SIDE = 2048


def train(
    source: str | Path | Iterable[Pair],
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    progress: Progress = silent,
    **settings: Any,
) -> ModelBundle:
    """Train a model and write its folder.

    Parameters
    ----------
    source : a folder (see :func:`imagej_dl.training.find_pairs`), or pairs of images and label
        maps, as files or DataArrays.
    out : the MODEL folder. While training, its `.training` holds the state after each epoch.
    resume : go on with a training that was stopped, cancelled or killed, on the same data. The
        settings are those it was begun with; only `epochs`, `minutes` and `patience` may be
        given anew.
    overwrite : whether a model that is there may be replaced, once the new one is finished.
    tensorboard : write event files to `out`/tensorboard.
    progress : told the stages "reading", "training" (in thousandths), "choosing"; when it raises
        Cancelled, or at Ctrl-C, the best model so far is kept.
    **settings : fields of :class:`Settings`.

    Returns
    -------
    the model of the last epoch whose validation loss was as good as any before it (within 5 %);
    `folder` is `out`.

    Raises
    ------
    UserError : for data or settings that cannot be trained with, an `out` that is there.
    Cancelled, KeyboardInterrupt : when stopped before the first epoch was whole.
    """
    began = time.monotonic()
    out = Path(out)
    folder = out / states.FOLDER
    if tensorboard and find_spec("tensorboard") is None:
        raise UserError(
            "TensorBoard is not installed", remedy="pip install tensorboard, or leave it out."
        )
    kept = states.read(folder) if resume else None
    chosen = _settings(settings, kept)
    if kept is None:
        _make_room(out, overwrite)
    pairs = find_pairs(source) if isinstance(source, (str, Path)) else source
    examples = Examples(pairs, chosen.normalisation, progress=progress)
    parts = split(examples.sources, chosen.validation, chosen.test, chosen.seed)
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
    loop = _loop(chosen, parts, examples.channels, state, folder, progress)
    loop.began = began
    loop.tensorboard = out / "tensorboard" if tensorboard else None
    if kept is not None:
        states.restore(folder, loop.model, loop.step.optimizer)
    ended = loop.run()
    states.restore_best(folder, loop.model)
    return _finish(out, loop, parts, examples, ended)


def _settings(given: dict[str, Any], kept: State | None) -> Settings:
    if kept is None:
        return Settings.of(given)
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
    channels: int,
    state: State,
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
    )
    backend.keras().utils.set_random_seed(settings.seed)
    model = _network(settings, channels).build()
    batches = validation(parts.validation, sampling, _VALIDATION_PATCHES)
    return Loop(
        model=model,
        step=Step(model, settings),
        patches=Patches(parts.train, sampling),
        validator=Validator(settings.kind, settings.dice, batches),
        settings=settings,
        state=state,
        folder=folder,
        progress=progress,
    )


def _network(settings: Settings, channels: int) -> UNet:
    return UNet(
        depth=settings.depth,
        width=settings.width,
        last_width=settings.last_width,
        channels=channels,
        classes=len(CLASSES[settings.kind]),
        dropout=settings.dropout,
    )


def _finish(out: Path, loop: Loop, parts: Split, examples: Examples, ended: str) -> ModelBundle:
    settings, state = loop.settings, loop.state
    config = _config(loop.model, settings, examples)
    raw = ModelBundle(loop.model, config)
    found = _predict(raw, parts.validation)
    # After Cancelled the user waits: the settings are chosen without asking again.
    listener = silent if ended == CANCELLED else loop.progress
    # The few settings cannot be learnt by heart as weights can, so the training images may have
    # a say: the validation images alone are often too few to stand for all there are.
    more = _predict(raw, parts.train[: len(found)])
    both = [item for pair in zip_longest(found, more) for item in pair if item is not None]
    best, _ = choose(both, config.instances, settings.kind, listener)
    config = config.model_copy(update={"instances": best})
    metrics: dict[str, Any] = {
        "ended": ended,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "seconds": round(state.seconds, 1),
        "device": backend.device(),
        "validation": _scores(found, best)
        | {k: v for k, v in state.rows[state.best_epoch - 1].items() if k.startswith("val_")},
    }
    if parts.test:
        metrics["test"] = _scores(_predict(raw, parts.test), best)
    with tempfile.TemporaryDirectory() as name:
        extra = Path(name)
        write_log(state, extra / "log.csv")
        draw(state, extra / "loss.png")
        files = {"log.csv": extra / "log.csv", "loss.png": extra / "loss.png"}
        side = _TEST_SIDE
        bundle = bundles.save(
            loop.model,
            config,
            out,
            test_image=examples.raw[:side, :side],
            metrics=metrics,
            split=state.split,
            files=files,
            overwrite=True,
        )
    if ended not in (CANCELLED, TIME):  # those --resume can go on with
        shutil.rmtree(loop.folder)
    return bundle


def _config(model: Any, settings: Settings, examples: Examples) -> ModelConfig:
    network = _network(settings, examples.channels)
    field = receptive_field(model)
    calibration = examples.calibration
    return ModelConfig(
        kind=settings.kind,
        classes=CLASSES[settings.kind],
        architecture=Architecture(name="unet", arguments=network.model_dump()),
        normalisation=settings.normalisation,
        axes="YX" if examples.channels == 1 else "YXC",
        channels=examples.channels,
        pixel_width=calibration.pixel_width,
        pixel_height=calibration.pixel_height,
        unit=calibration.unit,
        object_diameter=examples.diameter,
        patch=settings.patch,
        halo=field.halo,
        multiple_of=field.multiple_of,
        instances=Instances.of_kind(settings.kind, settings.border_size).model_copy(
            update={"minimum_area": examples.smallest}
        ),
        border_size=settings.border_size,
        training=settings.model_dump(mode="json"),
        imagej_dl_version=__version__,
        keras_version=backend.keras().__version__,
        tensorflow_version=backend.tensorflow().__version__,
    )


def _predict(bundle: ModelBundle, examples: list[Example]) -> Truth:
    part = (slice(0, _SCORED_SIDE),) * 2  # of images so large that memory may not hold them whole
    return [
        (bundle.network_output(np.asarray(e.image[part])), np.asarray(e.labels[part]))
        for e in examples
    ]


def _scores(found: Truth, settings: Instances) -> dict[str, float]:
    values = average_precision(found, settings)
    return {f"ap_{t:g}": round(v, 4) for t, v in zip(THRESHOLDS, values, strict=True)}
