"""Training from pairs of images and label maps to a MODEL folder."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.filesystem import containment, locks
from imagej_dl.filesystem.atomic import discard, heal, load_json, refuse_existing
from imagej_dl.models import ModelBundle
from imagej_dl.models import folder as folders
from imagej_dl.progress import Progress, silent
from imagej_dl.training import checkpoint as states
from imagej_dl.training import fine_tuning as starts
from imagej_dl.training.builder import assemble, divide, plain
from imagej_dl.training.checkpoint import State
from imagej_dl.training.data_sources import Given, Pair, find_pairs
from imagej_dl.training.distributed.meeting import here
from imagej_dl.training.distributed.messages import Content
from imagej_dl.training.events import Watch, ignore
from imagej_dl.training.examples import Examples
from imagej_dl.training.finalize import finish
from imagej_dl.training.fine_tuning import Start
from imagej_dl.training.settings import Settings
from imagej_dl.training.step import warn_of


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
    `folder` is `out`. When TF_CONFIG names several machines (docs/machines.md) the first writes
    it; on the others `folder` is None, and `watch` is told nothing.

    Raises
    ------
    UserError : for data or settings that cannot be trained with, an `out` that is there.
    Cancelled (also Enough), KeyboardInterrupt : when stopped before the first epoch was whole.
    """
    began = time.monotonic()
    out = Path(out)
    if tensorboard and find_spec("tensorboard") is None:
        raise UserError(
            "TensorBoard is not installed", remedy="pip install tensorboard, or leave it out."
        )
    machines = here()
    # Of several machines the first writes.
    alone = locks.held(out, "a training") if machines.chief else nullcontext(lambda: True)
    with alone as ours, machines.together():
        folder = out / states.FOLDER
        if machines.chief:
            heal(out)
            heal(folder)
        arrays = machines.shared(partial(states.content, folder)) if resume else None
        kept = states.of(arrays) if arrays is not None else None
        begun, model = _begun(start, kept, out)
        chosen = _settings(settings, kept, begun)
        warn_of(chosen.precision)
        if kept is None:
            machines.shared(partial(_make_room, out, overwrite))
        given = _given(source)
        like = begun.config if begun else None
        examples = Examples(
            given.pairs,
            chosen.normalisation,
            frames=chosen.window,
            weight_map=chosen.weight_map,
            method=chosen.method,
            maps=given.maps,
            like=like,
            progress=progress,
        )
        known = begun.digests if begun else None
        parts = divide(examples, given, chosen, known)
        fresh = State(chosen.model_dump(mode="json"), parts.record(), examples.fingerprint)
        machines.same(repr((fresh.split, fresh.fingerprint, begun and begun.sha256)), "the images")
        machines.same(repr(fresh.settings), "the settings")
        if kept is not None and (kept.fingerprint, kept.split) != (fresh.fingerprint, fresh.split):
            raise UserError(
                "the training there was begun on other images or labels",
                path=out,
                remedy="Give it the same data, or train anew with --overwrite.",
            )
        state = fresh if kept is None else replace(kept, settings=fresh.settings)
        if kept is None and machines.chief:
            # A stopped training is forgotten only now that the new one has its data.
            discard(folder)
        progress("building", 0, 1)
        loop = assemble(chosen, parts, examples, state, machines, folder, progress, begun)
        progress("building", 1, 1)
        loop.began, loop.watch, loop.ours = began, watch, ours
        loop.tensorboard = out / "tensorboard" if tensorboard and machines.chief else None
        if arrays is not None:
            states.restore(arrays, loop.model, loop.step.optimizer, folder)
            loop.step.go_on(state.factor, state.steady)
        elif begun is not None and model is not None:
            loop.model.set_weights(model.model.get_weights())
            begun = begun.model_copy(update={"before": loop.validator(loop.model)})
            state.start = begun.model_dump(mode="json")
        ended = loop.run()
        best = machines.shared(partial(states.best, folder))
        states.set_weights(loop.model, best, folder)
        loop.model = plain(loop)
        if not machines.chief:
            return ModelBundle(loop.model, loop.config)
        bundle = finish(out, loop, parts, examples.raw, ended)
        if begun is not None:
            _compare(begun, loop.state)
        return bundle


def _given(source: str | Path | Iterable[Pair] | Given) -> Given:
    if isinstance(source, Given):
        return source
    return Given(list(find_pairs(source) if isinstance(source, (str, Path)) else source))


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


def _make_room(out: Path, overwrite: bool) -> Content:
    """Refuse a folder that is there; on overwrite one that is no model."""
    # Killed within its first epoch a training leaves a folder that nothing can go on from.
    bare = out / states.FOLDER if not states.kept(out / states.FOLDER) else None
    if out.is_dir() and all(entry == bare for entry in out.iterdir()):
        return {}
    if (out / states.FOLDER).is_dir() and bare is None and not overwrite:
        raise UserError(
            "holds a training that is not finished",
            path=out,
            remedy="Go on with it with --resume, or begin anew with --overwrite.",
        )
    refuse_existing(out, overwrite)
    containment.check(out / states.FOLDER, folder=True)
    if out.exists() and not ((out / states.FOLDER).is_dir() or _is_replaceable(out)):
        raise UserError(
            "is there and is no model, so it is not overwritten",
            path=out,
            remedy="Choose another name for the model.",
        )
    return {}


def _is_replaceable(out: Path) -> bool:
    """Say whether a folder is a model's: ours, or one of microscopy-dl-suite-tf with its weights.

    All that is in it under other names than ours stays; a config.json of others would not.
    """
    path = out / folders.CONFIG
    if not path.is_file():
        return (out / states.WEIGHTS_FOLDER).is_dir()
    try:
        content = load_json(path)
    except UserError:
        return False
    return isinstance(content, dict) and "format_version" in content
