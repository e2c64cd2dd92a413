"""Finalize a training: post-processing parameters, scores, and the MODEL folder."""

from __future__ import annotations

import math
import tempfile
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import Cancelled, Enough
from imagej_dl.filesystem import temporaries
from imagej_dl.filesystem.atomic import discard
from imagej_dl.images.intensities.likeness import FILE as LIKENESS
from imagej_dl.images.intensities.likeness import Likeness
from imagej_dl.methods.base import PostProcessing, Predictions
from imagej_dl.models import ModelBundle, ModelConfig
from imagej_dl.models import folder as folders
from imagej_dl.prediction.network import network
from imagej_dl.progress import Progress
from imagej_dl.training import checkpoint, denoising_report
from imagej_dl.training.checkpoint import CANCELLED, RESUMABLE
from imagej_dl.training.fine_tuning import Start
from imagej_dl.training.patches import Example
from imagej_dl.training.postprocessing_search import choose, some
from imagej_dl.training.reporting import draw, write_log
from imagej_dl.training.run import TrainingRun
from imagej_dl.training.settings import Settings
from imagej_dl.training.split import Split
from imagej_dl.training.training_likeness import likeness

LAST = "last"
"""The folder in MODEL of the model of the last epoch, which methods whose output is an image keep.

Their validation loss is mostly that of the noise, and says little about which epoch is better.
"""

_TEST_SIDE = 256
_VOLUME_SIDE, _TEST_SLICES = 128, 32
_SCORED_SIDE = 2048
_QUICK_SIDE = 1024
_WORTH_COMPILING = 2**19
"""Pixels from which on the network is compiled for the scores: before, that takes longer."""


def finish(out: Path, run: TrainingRun, parts: Split, raw: NDArray, ended: str) -> ModelBundle:
    """Choose the post-processing parameters, score the network and write the folder.

    Parameters
    ----------
    run : whose network has the best weights.
    raw : the model's test image, (Y, X) or (Y, X, C), of a recurrent one with T before it.
    ended : why the run ended. Once it was cancelled the user waits, so the post-processing
        parameters stay as they are, and only some of the validation images are scored.

    Cancelled and Ctrl-C meanwhile have the same effect as before.
    """
    settings, state, config = run.settings, run.state, run.config
    bundle = ModelBundle.deployed(run.model, config)
    scores: dict[str, Any] = {}
    if ended != CANCELLED:
        try:
            best, scores = _scored(bundle, settings, parts, _patient(run.progress))
            config = config.model_copy(update={"instances": best})
        except (Cancelled, KeyboardInterrupt):
            ended = CANCELLED
    if ended == CANCELLED:
        few = parts.validation[: some([e.labels.size for e in parts.validation])]
        if config.method.learns_from == "itself":
            few = []
        found = predicted(bundle, few, _QUICK_SIDE)
        scores = {"validation": _scores(config, found, config.instances)}
    last = state.rows[state.best_epoch - 1]
    scores["validation"] |= {name: v for name, v in last.items() if name.startswith("val_")}
    metrics = {
        "ended": ended,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "seconds": round(state.seconds, 1),
        "device": run.devices.description,
        **scores,
    }
    comparison = denoising_report.compared(config.method, run.validator, run.model, run.noise)
    metrics |= denoising_report.figures(run.noise, comparison)
    if config.method.learns_from == "itself":
        metrics["validated"] = parts.held_out()
    elif parts.shared is not None and config.method.gives == "instances":
        metrics["validated"] = f"on {parts.shared}"
    known = known_record(parts, settings.sparse)
    if known is not None:
        metrics["known"] = known
    if state.start is not None:
        metrics["started_from"] = Start.model_validate(state.start).record()
    if config.volume is not None:
        test_image = raw[(slice(_TEST_SLICES), *(slice(_VOLUME_SIDE),) * 2)]
    else:
        test_image = raw[(slice(None),) * (config.frames > 1) + (slice(_TEST_SIDE),) * 2]
    with tempfile.TemporaryDirectory(prefix=temporaries.prefix()) as name:
        log, curve = Path(name) / "log.csv", Path(name) / "loss.png"
        write_log(state, log)
        draw(state, curve)
        files = {log.name: log, curve.name: curve}
        if (like := _likeness(run, parts)) is not None:
            files[LIKENESS] = Path(name) / LIKENESS
            files[LIKENESS].write_text(like.model_dump_json(indent=2), encoding="utf-8")
        if config.method.gives == "image":
            files[LAST] = _write_last(run, bundle.model, config, Path(name) / LAST, test_image)
        written = folders.save(
            bundle.model,
            config,
            out,
            test_image=test_image,
            metrics=metrics,
            split=state.split,
            files=files,
            overwrite=True,
        )
    denoising_report.warn_if_gaussian(comparison)
    if ended not in RESUMABLE:
        discard(run.folder)
    return written


def _likeness(run: TrainingRun, parts: Split) -> Likeness | None:
    """Return what the images that the model knows are like; None where that cannot be told."""
    if run.config.method.learns_from != "labels" or run.config.normalisation.method == "equalise":
        return None
    settings, camera = run.settings, run.patches.sampling.camera
    found = likeness(parts.train, camera, settings.seed, settings.augmentation)
    if found is None or run.state.start is None:
        return found
    before = Start.model_validate(run.state.start).likeness
    # Of a model that does not say, it is not known what else is no surprise.
    return None if before is None else found + before


def _write_last(
    run: TrainingRun, deployed: Any, config: ModelConfig, folder: Path, test_image: NDArray
) -> Path:
    """Write the model of the last complete epoch; the network keeps the best weights.

    `deployed` is made of the run's network, and shares the weights with it.
    """
    best = run.model.get_weights()
    checkpoint.set_weights(run.model, checkpoint.load(run.folder), run.folder)
    try:
        epochs = {"epochs": run.state.epoch}
        folders.save(deployed, config, folder, test_image=test_image, metrics=epochs)
    finally:
        run.model.set_weights(best)
    return folder


def known_record(parts: Split, sparse: bool) -> dict[str, Any] | None:
    """Return how much of the training and validation images was known; None if all was."""
    examples = parts.train + [e for e in parts.validation if parts.by != "nothing"]
    if all(example.known is None for example in examples):
        return None
    return {
        "sparse": sparse,
        "pixels": sum(
            e.labels.size if e.known is None else int(np.count_nonzero(e.known)) for e in examples
        ),
        "of_pixels": sum(example.labels.size for example in examples),
        "objects": sum(len(np.setdiff1d(example.labels, 0)) for example in examples),
    }


def _patient(progress: Progress) -> Progress:
    """Ignore Enough, which asks for what is being done."""

    def report(stage: str, done: int, total: int) -> None:
        with suppress(Enough):
            progress(stage, done, total)

    return report


def _scored(
    bundle: ModelBundle, settings: Settings, parts: Split, progress: Progress
) -> tuple[PostProcessing, dict[str, dict[str, float | None]]]:
    """Search the post-processing parameters, and score validation and test images with them."""
    if bundle.config.method.learns_from == "itself":
        # Outputs of the images have no ground truth; measures of blind spots are all there is.
        return bundle.config.instances, {"validation": {}}
    found = predicted(bundle, parts.validation)
    # So few parameters do not overfit as weights do, so training images may take part: the
    # validation images alone are often too few to represent all.
    labelled = [example for example in parts.train if not example.is_unlabelled]
    more = predicted(bundle, labelled[: _looked_at(parts)])
    both = [item for pair in zip_longest(found, more) for item in pair if item is not None]
    config = bundle.config
    best, _ = choose(both, config.instances, config.method, progress, settings.postprocessing)
    scores = {"validation": _scores(config, found, best)}
    if parts.test:
        scores["test"] = _scores(config, predicted(bundle, parts.test), best)
    return best, scores


def _looked_at(parts: Split) -> int:
    """Return how many training images take part in the search, which is limited by pixels."""
    pairs = zip(parts.validation, parts.train, strict=False)
    return some([e.labels.size for pair in pairs for e in pair]) // 2


def predicted(
    bundle: ModelBundle, examples: list[Example], side: int = _SCORED_SIDE
) -> Predictions:
    """Return the network's output for examples, cropped to `side` px, with their ground truth.

    Of volumes it is that of 256 px and 32 slices in the middle, as channels.
    """
    part = (slice(0, side),) * 2  # an output of the whole image might not fit into memory
    if bundle.config.volume is not None:
        examples = [_middle(example) for example in examples]
    # Of windows of frames a few are worth it.
    pixels = sum(example.truth[part].size for example in examples)
    large = pixels >= _WORTH_COMPILING and bundle.config.volume is None
    run = network(bundle, pixels) if bundle.config.frames > 1 or large else None
    return [
        (
            bundle.network_output(_seen(e, part), run),
            np.asarray(e.truth[part]),
            *(() if e.known is None else (np.asarray(e.known[part]),)),
        )
        for e in examples
    ]


def _middle(example: Example) -> Example:
    """Return the middle of a volume."""
    sizes = (len(example.image), *example.labels.shape)
    most = (_TEST_SLICES, 2 * _VOLUME_SIDE, 2 * _VOLUME_SIDE)
    z, y, x = (
        slice(max(size - limit, 0) // 2, max(size - limit, 0) // 2 + limit)
        for size, limit in zip(sizes, most, strict=True)
    )
    return example.of_slices(z.start, _TEST_SLICES).part((y, x))


def _seen(example: Example, part: tuple[slice, slice]) -> NDArray[np.float32]:
    return np.stack(example.part(part).planes, axis=-1)


def _scores(
    config: ModelConfig, predictions: Predictions, settings: PostProcessing
) -> dict[str, float | None]:
    values = config.method.scores(predictions, settings)
    # Without any object, true or predicted, there is no score; JSON has no NaN.
    return {name: round(v, 4) if math.isfinite(v) else None for name, v in values.items()}
