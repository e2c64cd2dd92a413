"""`imagej-dl predict --scheduler`: images as jobs of processes or machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imagej_dl.commands import unused
from imagej_dl.commands.base import say
from imagej_dl.commands.predict_cuts import Cut, absolute, cut_of
from imagej_dl.commands.predict_models import ChosenModels
from imagej_dl.commands.predict_words import error_of
from imagej_dl.distribution import registry
from imagej_dl.distribution.base import Executor, Job
from imagej_dl.errors import UserError, warn
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.results import Results
from imagej_dl.progress import Progress

_WHOLE = "imagej_dl.commands.predict_jobs:whole"


def spread(
    command: ChosenModels,
    sources: list[Source],
    results: Results,
    made: dict[str, Any],
    progress: Progress,
) -> list[UserError]:
    """Predict images by an executor and write their results; return what went wrong with some.

    An image that one tile shows is a job; a larger one, or a video, many. What cannot be cut into
    blocks is one, too, if its planes are small enough, and is refused in words if not.
    """
    if not sources:
        return []
    if command.denoise is not None:
        raise UserError(
            "scheduler: images are not denoised and segmented block by block at once",
            remedy="Predict them with the model that denoises first, and then what it gave.",
        )
    config = command.post_processed()
    failed: list[UserError] = []
    single: list[Source] = []
    cut: list[Cut] = []
    for source in sources:
        try:
            results.need_names(source)
            found = cut_of(command, config, source, results, made)
        except UserError as error:
            failed.append(error_of(source, error))
            continue
        if found is None:
            single.append(source)
        else:
            cut.append(found)
    if not single and not cut:
        return failed
    if cut:
        words = "has no effect on what is predicted block by block: a job predicts one block"
        unused.warn_of(command, ["batch"], words)
    assert command.scheduler is not None
    with registry.executor(command.scheduler, command.workers) as executor:
        failed += _each(command, single, executor, made, progress)
        for one in cut:
            try:
                one.predict(command, executor, results, made, progress)
            except UserError as error:
                failed.append(error_of(one.source, error))
    return failed


def _each(
    command: ChosenModels,
    sources: list[Source],
    executor: Executor,
    made: dict[str, Any],
    progress: Progress,
) -> list[UserError]:
    """Have images predicted as a whole, each a job; return what went wrong."""
    here = {"scheduler", "workers", "videos"}  # which are no matter of one image
    declared = command.model_dump(mode="json", exclude_unset=True, exclude=here)
    # Workers may have another current folder.
    declared |= {"images": [], "model": absolute(command.chosen)}
    declared |= {"out": str(Path(command.out or "").resolve())}
    declared |= {"ensemble": list(map(absolute, command.ensemble))}
    if command.weights is not None:
        declared["weights"] = str(command.weights.resolve())
    jobs = [
        Job(
            _WHOLE,
            {
                "declared": declared,
                "path": str(source.path.resolve()),
                "name": source.name,
                "scene": source.scene,
                "made": made,
            },
        )
        for source in sources
    ]
    failed: list[UserError] = []
    done = 0

    def pulse() -> None:
        progress("predict", done, len(jobs))

    for number, result in executor.run(jobs, pulse):
        for text in result.warnings:
            warn(text)
        try:
            result.check()
            say(result.value)
        except UserError as error:
            failed.append(error_of(sources[number], error))
        done += 1
        pulse()
    return failed
