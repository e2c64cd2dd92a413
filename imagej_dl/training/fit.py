"""Train a model from images and their ground truth, and write its MODEL folder."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import discard, heal
from imagej_dl.models import ModelBundle, keras_settings
from imagej_dl.models.ready import registry as ready
from imagej_dl.progress import Progress, note, silent
from imagej_dl.training import (
    checkpoint,
    denoising_report,
    device_selection,
    fine_tuning,
    preflight,
    target_intensities,
)
from imagej_dl.training.builder import assemble, divide, plain
from imagej_dl.training.checkpoint import State
from imagej_dl.training.data_sources import Given, Source, as_given
from imagej_dl.training.devices import Arrays, SingleDevice
from imagej_dl.training.events import Watch, ignore
from imagej_dl.training.examples import Examples
from imagej_dl.training.finalize import finish
from imagej_dl.training.fine_tuning import Start
from imagej_dl.training.precision import warn_if_slow
from imagej_dl.training.run import TrainingRun
from imagej_dl.training.settings import EARLIER, Settings
from imagej_dl.training.split import Split
from imagej_dl.training.unheeded import warn_unheeded

_CHANGEABLE = ("epochs", "minutes", "patience")
"""Settings that a resumed training may change."""


def train(
    source: Source,
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
        maps, as files or DataArrays; or pairs that are already divided (`Given`). For kinds that
        learn from images alone: a folder (see :func:`imagej_dl.training.find_images`), an image,
        or images, as files or DataArrays.
    out : the MODEL folder. During the training its `.training` holds the checkpoint.
    resume : continue a training that was stopped, cancelled or killed, on the same data. The
        settings are those it began with; only `epochs`, `minutes` and `patience` may be changed.
    overwrite : replace an existing model, once the new one is finished.
    tensorboard : write event files to `out`/tensorboard.
    start : a MODEL folder, or the name of a ready model, to start from (fine-tuning). Its weights,
        network, kind, patch, border size, normalisation and pixel size are taken, and the
        post-processing parameters begin with its own; settings that contradict it are refused. The
        learning rate is lower by default. Images that the model was trained on stay in training and
        do not validate; without them it may forget what it learnt.
    progress : called with the stages "reading", "building", "first batch", "training" (in
        thousandths) and "choosing". It may raise Cancelled (as Ctrl-C does): the best model so far
        is kept, without a search of post-processing parameters; or Enough: the training ends as if
        by itself. Both can be resumed. While "choosing", Enough changes nothing.
    watch : called after each epoch, once its checkpoint is on disk (see :class:`EpochEvent`); on
        resume for the epochs before it, too. It may raise as `progress` may.
    **settings : fields of :class:`Settings`.

    Returns
    -------
    the model of the last epoch whose validation loss was as good as any before it (within 5 %);
    `folder` is `out`. When TF_CONFIG names several machines (docs/machines.md) the first writes
    it; on the others `folder` is None, and `watch` is not called.

    Raises
    ------
    UserError : for data or settings that cannot be trained with, or an `out` that exists.
    Cancelled (also Enough), KeyboardInterrupt : when stopped before the first epoch was complete.
    """
    began = time.monotonic()
    out = Path(out)
    folder = out / checkpoint.FOLDER
    if tensorboard and find_spec("tensorboard") is None:
        raise UserError(
            "TensorBoard is not installed",
            remedy="pip install 'imagej-dl[tensorboard]', or leave it out.",
        )
    devices = device_selection.select()
    # Of several machines only the first writes.
    lock = locks.held(out, "a training") if devices.is_chief else nullcontext(lambda: True)
    with lock as owns_folder, devices.connection(), keras_settings.ours():
        if devices.is_chief:
            heal(out)
            heal(folder)
        saved = devices.on_chief(partial(checkpoint.load, folder)) if resume else None
        saved_state = None if saved is None else checkpoint.parse(saved)
        origin, origin_model = _origin(start, saved_state, out)
        chosen = _settings(settings, saved_state, origin)
        warn_if_slow(chosen.precision)
        if saved is None and devices.is_chief:
            warn_unheeded(settings, chosen)
        if saved is None:
            devices.on_chief(partial(_check_output, out, overwrite))
        method = chosen.method
        given = as_given(source, method.learns_from, unlabelled=method.takes_unlabelled)
        earlier = None if saved_state is None else saved_state.split
        examples, parts = _read(given, chosen, origin, earlier, progress)
        if parts.shared is not None and method.gives == "instances":
            note(progress, f"validation on {parts.shared}: its figures say nothing of others")
        chosen = chosen.of_images(examples.channels)
        state = State(chosen.model_dump(mode="json"), parts.record(), examples.fingerprint)
        _check_equal(devices, state, origin)
        if saved_state is not None:
            state = _resumed(saved_state, state, out)
        elif devices.is_chief:
            # A stopped training is deleted only now that the new one has its data.
            discard(folder)
        progress("building", 0, 1)
        run = assemble(chosen, parts, examples, state, devices, folder, progress, origin)
        progress("building", 1, 1)
        if devices.is_chief:
            run.noise = denoising_report.noise(chosen.method, parts.train)
        run.began, run.watch, run.owns_folder = began, watch, owns_folder
        run.tensorboard = out / "tensorboard" if tensorboard and devices.is_chief else None
        if saved is not None:
            _restore(run, saved)
        elif origin is not None and origin_model is not None:
            _start_from(run, origin, origin_model)
        ended = run.run()
        best = devices.on_chief(partial(checkpoint.load_best, folder))
        checkpoint.set_weights(run.model, best, folder)
        run.model = plain(run)
        if not devices.is_chief:
            return ModelBundle.deployed(run.model, run.config)
        bundle = finish(out, run, parts, examples.raw, ended)
        if origin is not None:
            _warn_if_worse(run.state)
        return bundle


def _origin(
    start: str | Path | None, saved: State | None, out: Path
) -> tuple[Start | None, ModelBundle | None]:
    """Return the model that the training starts, or once started, from; its network at first."""
    if saved is None:
        return (None, None) if start is None else fine_tuning.read(start)
    origin = None if saved.start is None else Start.model_validate(saved.start)
    # A model that its own fine-tuning replaces may have changed since.
    if start is not None and ready.find(start).resolve() != out.resolve():
        fine_tuning.check_same(start, origin)
    return origin, None


def _settings(given: dict[str, Any], saved: State | None, origin: Start | None) -> Settings:
    if saved is None:
        return Settings.of(given) if origin is None else fine_tuning.settings(given, origin.config)
    begun = {**EARLIER, **saved.settings}
    before = Settings.of(begun)
    if "method_settings" in given:  # training has added what follows from the images
        given = given | {"method_settings": before.method_settings | given["method_settings"]}
    asked = Settings.of(begun | given)
    for name in sorted(set(given) - set(_CHANGEABLE)):
        if getattr(asked, name) != getattr(before, name):
            raise UserError(
                f"{name} was {getattr(before, name)} when the training started, and cannot change",
                remedy=f"Leave {name} out, or train again.",
            )
    return asked


def _check_output(out: Path, overwrite: bool) -> Arrays:
    preflight.check_output(out, overwrite)
    return {}


def _read(
    given: Given,
    settings: Settings,
    origin: Start | None,
    earlier: dict[str, Any] | None,
    progress: Progress,
) -> tuple[Examples, Split]:
    """Read all examples, and divide them: as `earlier`, where that was the way of its version."""
    examples = Examples(
        given.pairs,
        settings.normalisation,
        frames=settings.window,
        weight_map=settings.weight_map,
        method=settings.method,
        maps=given.maps,
        sparse=settings.sparse,
        ring=settings.border_size,
        slices=settings.patch_slices,
        like=origin.config if origin else None,
        progress=progress,
    )
    known = origin.digests if origin else None
    by_movie = earlier is None or earlier.get("by") == "movies"
    parts = divide(examples, given, settings, known, by_movie=by_movie)
    return examples, target_intensities.matched(parts)


def _check_equal(devices: SingleDevice, state: State, origin: Start | None) -> None:
    """Check that all machines have the same data and settings."""
    sha256 = origin and origin.sha256
    devices.check_equal(repr((state.split, state.fingerprint, sha256)), "the images")
    devices.check_equal(repr(state.settings), "the settings")


def _resumed(saved: State, fresh: State, out: Path) -> State:
    """Return the saved state with the settings asked for; refuse other data."""
    if (saved.fingerprint, saved.split) != (fresh.fingerprint, fresh.split):
        raise UserError(
            "the training was started with other images or labels",
            path=out,
            remedy="Use the same data, or train again with --overwrite.",
        )
    return replace(saved, settings=fresh.settings)


def _restore(run: TrainingRun, saved: Arrays) -> None:
    """Give the run what the checkpoint has."""
    checkpoint.restore(saved, run.model, run.trainer.optimizer, run.folder)
    run.trainer.exchange_averages()  # it was written with the averages in the weights' place
    run.trainer.loss_scale.restore(run.state.factor, run.state.steady)


def _start_from(run: TrainingRun, origin: Start, model: ModelBundle) -> None:
    """Give the run the weights of a model, and record how good these are before training."""
    run.model.set_weights(model.model.get_weights())
    origin = origin.model_copy(update={"before": run.validator(run.model)})
    run.state.start = origin.model_dump(mode="json")


def _warn_if_worse(state: State) -> None:
    origin = Start.model_validate(state.start)
    loss, before = state.rows[state.best_epoch - 1]["val_loss"], origin.before["loss"]
    if loss > before:
        warn(
            f"the model is worse on the validation images than {origin.name}, which it started "
            f"from: validation loss {loss:.3g}, {before:.3g} before. A lower learning rate or "
            "more images may help"
        )
