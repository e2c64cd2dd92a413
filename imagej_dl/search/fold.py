"""One fold of one trial: a short training and its score."""

from __future__ import annotations

import tempfile
from pathlib import Path

from imagej_dl.errors import Cancelled, Enough
from imagej_dl.filesystem import temporaries
from imagej_dl.models import ModelBundle, backend, keras_settings
from imagej_dl.progress import Progress
from imagej_dl.training import (
    builder,
    checkpoint,
    device_selection,
    finalize,
    target_intensities,
)
from imagej_dl.training.checkpoint import State
from imagej_dl.training.examples import Examples
from imagej_dl.training.settings import Settings
from imagej_dl.training.split import Split


@keras_settings.ours()
def score(settings: Settings, parts: Split, examples: Examples, progress: Progress) -> float:
    """Train on a fold exactly as the final training does, and score the other images.

    Returns
    -------
    the score that the method selects by: of objects, with the post-processing settings that
    their search begins with, or of pixels. More is better.

    Raises
    ------
    UserError : when the loss is no number any more.
    Cancelled, Enough : when `progress` has raised them, or at Ctrl-C.
    """
    parts = target_intensities.matched(parts)
    with tempfile.TemporaryDirectory(prefix=temporaries.prefix()) as name:
        folder = Path(name)
        state = State(settings.model_dump(mode="json"), parts.record(), examples.fingerprint)
        used = device_selection.select(several=False)
        loop = builder.assemble(settings, parts, examples, state, used, folder, progress)
        ended = loop.run()
        if ended in (checkpoint.CANCELLED, checkpoint.ENOUGH):
            # The loop keeps what it has when it is stopped; a fold is whole or not at all.
            raise Enough if ended == checkpoint.ENOUGH else Cancelled
        checkpoint.set_weights(loop.model, checkpoint.load_best(folder), folder)
        loop.model = builder.plain(loop)
        row = loop.state.rows[loop.state.best_epoch - 1]
    try:
        method = loop.config.method
        key = method.selection.key
        if method.selection.per_pixel:
            return float(row[f"val_{key}"])
        found = finalize.predicted(ModelBundle.deployed(loop.model, loop.config), parts.validation)
        return float(method.scores(found, loop.config.instances)[key])
    finally:
        del loop
        # Dozens of networks would otherwise stay in memory until the search ends.
        backend.keras().backend.clear_session()
