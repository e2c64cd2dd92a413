"""The work of `imagej-dl train` where an engine of others does it."""

from __future__ import annotations

import time
from typing import Any

from imagej_dl.commands.base import say
from imagej_dl.commands.engine_options import refuse_others, settings_given
from imagej_dl.commands.train_options import TrainOptions
from imagej_dl.engines import model_folder, registry, training
from imagej_dl.engines.base import Engine
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.progress import Progress

_SHARED = {"project", "out", "validation", "validation_folder", "seed", "refresh", "overwrite"}
_OWN = {"engine", "engine_settings", "engine_python", "start"}


def check(options: TrainOptions) -> tuple[Engine, dict[str, Any], str]:
    """Return the engine, its checked settings, and the model that it goes on from ("" for none).

    Raises
    ------
    UserError : for what would end the work as soon as it begins.
    """
    assert options.engine is not None, "else this would be no training by an engine"
    engine = registry.of(options.engine)
    refuse_others(options, _SHARED | _OWN, engine.label)
    settings = engine.training(settings_given(options.engine_settings)).model_dump(mode="json")
    assert options.out is not None, "the declaration asks for it"
    training.check_output(options.out, options.overwrite)
    if not options.project.exists():
        raise UserError("there is no such folder", path=options.project)
    start = ""
    if options.start is not None:
        trained = model_folder.read(options.start)
        if trained is not None and trained.engine != engine.name:
            raise UserError(f"is a model of {trained.engine}", path=options.start)
        start = engine.model(options.start if trained is None else trained.model)
    engine.program.find(options.engine_python)
    return engine, settings, start


def run(options: TrainOptions, progress: Progress) -> None:
    """Train an engine's model on the images of a project or a folder."""
    engine, settings, start = check(options)
    if options.refresh and engine.learns_from == "labels":
        from imagej_dl.commands.searching import refresh

        refresh(options.project, progress)
    options.warn_of_shares()
    source: Any = options.project
    if options.validation_folder is not None:
        from imagej_dl.training.data_sources import find_given

        source = find_given(
            options.project, options.validation_folder, learns_from=engine.learns_from
        )
    assert options.out is not None, "it was checked"
    started = time.perf_counter()
    with locks.held(options.out, "a training"):
        done = training.train(
            engine,
            source,
            options.out,
            settings,
            python=options.engine_python,
            start=start,
            validation=options.validation,
            seed=options.seed,
            overwrite=options.overwrite,
            progress=progress,
        )
    facts = ", ".join(f"{name} {value:g}" for name, value in done.facts.items())
    say(
        f"{options.out}: trained by {engine.label} on {len(done.split.train)} planes, validated "
        f"{done.split.held_out()}"
        + (f"; {facts}" if facts else "")
        + f"; {time.perf_counter() - started:.0f} s"
    )
