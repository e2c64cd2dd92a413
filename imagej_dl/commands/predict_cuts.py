"""Images that are predicted block by block: how they are cut, and their working folders."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import __version__
from imagej_dl.commands.base import say
from imagej_dl.commands.predict_models import ChosenModels
from imagej_dl.commands.predict_words import outcome
from imagej_dl.distribution.base import Executor
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import discard
from imagej_dl.images import array_storage, grey_rgb, reading
from imagej_dl.images.checks.blank_planes import warn_black
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.results import Results, stamp
from imagej_dl.progress import Progress

if TYPE_CHECKING:
    from imagej_dl.models import ModelBundle, ModelConfig
    from imagej_dl.prediction.blocks.prediction import BlockPrediction

_SUFFIX = ".blocks"
_CORNER = 4096


def cut_of(
    command: ChosenModels,
    config: ModelConfig,
    source: Source,
    results: Results,
    made: dict[str, Any],
) -> Cut | None:
    """Look at an image, and say how it is cut; None where it is predicted as a whole."""
    from imagej_dl.models import ModelBundle
    from imagej_dl.prediction.blocks import cutting
    from imagej_dl.prediction.plane_outputs import check_image

    # As small as that it is one job, however it is cut: nothing more is to be known of it here.
    small = (command.tile or cutting.TILE) ** 2
    if source.image is None and reading.nbytes(source.path) <= small:
        return None
    image = _opened(source, command, config)
    bundle = ModelBundle(None, config, command.chosen)
    shape = (image.sizes["Y"], image.sizes["X"])
    several = image.sizes.get("T", 1) * image.sizes.get("Z", 1) > 1
    why = cutting.obstacle(config, image, command.diameter, bundle)
    if command.samples is not None:
        why = "samples are drawn of the whole image"
    large = shape[0] * shape[1] > array_storage.LARGE
    if why is not None and (large or source.image is not None):
        raise UserError(
            f"cannot be predicted block by block: {why}",
            remedy="Leave --scheduler out"
            + (
                ", or pass --diameter model."
                if config.method.gives == "instances" and "resampled" in why
                else "."
            ),
        )
    if why is not None:
        return None
    rows, columns = cutting.spans(config, shape, command.tile, command.halo)
    if source.image is None and not several and len(rows) * len(columns) == 1:
        return None
    check_image(bundle, image)
    config.method.check_images(_first(bundle, image))
    if several and source.image is None:
        warn_black(image, source.path)
    facts = {
        "version": __version__,
        "made": made,
        "image": stamp(source),
        "rows": [asdict(one) for one in rows],
        "columns": [asdict(one) for one in columns],
        "probabilities": command.probabilities,
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    folder = results.folder / f".{source.name[:100]}-{key}{_SUFFIX}"
    # Its pixels may be in memory, so it is opened again when it is its turn.
    return Cut(source, config, folder, rows, columns)


def _opened(source: Source, command: ChosenModels, config: ModelConfig) -> xr.DataArray:
    from imagej_dl.prediction.blocks import inputs

    image = source.image
    if image is None:
        image = inputs.read(source.path, command.axes, source.scene)
    return grey_rgb.with_channels(image, config.channels)


def absolute(model: Path) -> str:
    """Return the place of a model, for workers that may have another current folder."""
    return str(Path(ready.find(model)).resolve())


def _first(bundle: ModelBundle, image: xr.DataArray) -> Iterator[NDArray[np.float32]]:
    """Yield the first plane, or a corner of a large one; nothing is read unless it is asked for."""
    from imagej_dl.prediction.plane_outputs import first_plane

    yield from first_plane(bundle, image.isel({axis: slice(_CORNER) for axis in "YX"}))


class Cut:
    """An image that is predicted block by block, in a working folder of its own."""

    def __init__(
        self,
        source: Source,
        config: ModelConfig,
        folder: Path,
        rows: tuple[Any, ...],
        columns: tuple[Any, ...],
    ) -> None:
        self.source, self.config, self.folder = source, config, folder
        self.rows, self.columns = rows, columns

    def predict(
        self,
        command: ChosenModels,
        executor: Executor,
        results: Results,
        made: dict[str, Any],
        progress: Progress,
    ) -> None:
        """Predict the image, or what is left of it, and write the results."""
        from imagej_dl.prediction.blocks.plan import FILE

        started = time.perf_counter()
        image = _opened(self.source, command, self.config)
        work = self._begun(command, image, made)
        for path in (work.folder / FILE, work.plan.image["path"], work.plan.model["folder"]):
            executor.sees(str(path))
        work.run(executor, progress)
        result: Any
        hyperstack = "C" in image.dims
        if work.plan.gives == "image":
            result = work.made_image(command.type)
            results.write_image(self.source, result, made)
        else:
            result = work.prediction()
            probable = self.config.method.is_probability
            results.write(self.source, result, hyperstack, made, probable=probable)
        work.remove()
        say(outcome(results, self.source, result, time.perf_counter() - started))

    def _begun(
        self, command: ChosenModels, image: xr.DataArray, made: dict[str, Any]
    ) -> BlockPrediction:
        """Return the prediction as it is in its working folder, or begin it there."""
        from imagej_dl.methods.shared.instance_method import InstanceMethod
        from imagej_dl.prediction.blocks.inputs import Input
        from imagej_dl.prediction.blocks.models import Named
        from imagej_dl.prediction.blocks.plan import FILE, Plan
        from imagej_dl.prediction.blocks.prediction import BlockPrediction

        if (self.folder / FILE).is_file():
            begun = BlockPrediction(self.folder, Plan.read(self.folder), self.config, image)
            say(f"{self.source.name}: goes on, {begun.done} jobs are done")
            return begun
        self._remove_others()
        self.folder.mkdir(parents=True, exist_ok=True)
        method, source = self.config.method, self.source
        together = (
            not isinstance(method, InstanceMethod)
            or method.block_finder((1, 1), self.config.instances) is None
        )
        named = Named(
            absolute(command.chosen),
            tuple(map(absolute, command.ensemble)),
            None if command.weights is None else str(command.weights.resolve()),
            self.config.instances.model_dump(mode="json"),
            command.output,
            made,
        )
        given = Input.of(
            image,
            source.path,
            command.axes,
            source.scene,
            self.config.channels,
            self.folder,
            source.image is not None,
        )
        plan = Plan(
            named.declared(),
            given.declared(),
            image.sizes.get("T", 1),
            image.sizes.get("Z", 1),
            (image.sizes["Y"], image.sizes["X"]),
            self.rows,
            self.columns,
            command.halo,
            command.augment,
            method.gives,
            together,
            command.probabilities,
        )
        plan.write(self.folder)
        return BlockPrediction(self.folder, plan, self.config, image)

    def _remove_others(self) -> None:
        """Remove what was begun with other settings, or of the image before it was changed."""
        begin = f".{self.source.name[:100]}-"
        if not self.folder.parent.is_dir():
            return
        for path in self.folder.parent.iterdir():
            middle = path.name.removeprefix(begin).removesuffix(_SUFFIX)
            ours = path.name == f"{begin}{middle}{_SUFFIX}" and _is_key(middle)
            if ours and path.is_dir() and not path.is_symlink():
                discard(path)


def _is_key(text: str) -> bool:
    """Return whether a text is a key of a working folder."""
    return len(text) == 16 and set(text) <= set("0123456789abcdef")
