"""`imagej-dl denoise`: train on noisy images, alone or in pairs, then denoise them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imagej_dl.commands import denoise_data, kept_models
from imagej_dl.commands import denoise_record as record
from imagej_dl.commands.base import say
from imagej_dl.commands.denoise_data import Data
from imagej_dl.commands.denoise_options import DenoiseOptions
from imagej_dl.commands.predict import Predict
from imagej_dl.errors import Enough, UserError
from imagej_dl.prediction.inputs import Source, find
from imagej_dl.prediction.results import Results
from imagej_dl.progress import Progress, note
from imagej_dl.training.events import EpochEvent, Watch, ignore
from imagej_dl.training.reporting import line, summary
from imagej_dl.training.settings import Settings

if TYPE_CHECKING:
    from imagej_dl.worker import Session


class Denoise(DenoiseOptions):
    """Denoise images by training on them, alone or in pairs.

    IMAGES are files, or folders of images; no image without noise is needed (Noise2Void and its
    relatives). Where there is one, or a second noisy image of the same place, TARGETS names it for
    the kinds care and noise2noise. A tenth of the images is kept for validation. Each image becomes
    OUT/NAME.tif; the model is kept in OUT/model, for `imagej-dl predict` on further images, and
    that of the last epoch in OUT/model/last. Ctrl-C, or Cancel in ImageJ, ends the training: the
    best model so far is kept, and applied. After a kill the same command goes on. In ImageJ, if no
    image is named, the open one is denoised.
    """

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return set() if self.images else {"image"}

    def live(self) -> bool:
        return True

    def check(self) -> None:
        if self.resume and self.overwrite:
            raise UserError("--resume and --overwrite exclude each other")
        if self.images and self.out is None:
            raise UserError("a folder for the results is needed", remedy="Name it with --out.")
        denoise_data.check(self.learns_from(), self.targets, self.validation, self._opened)
        Settings.of(self.given())

    def run(self, progress: Progress, watch: Watch = ignore) -> None:
        """Train and denoise; `watch` is told each epoch."""
        if not self.images:
            raise UserError("name the images to denoise, or folders of images")
        self.check()
        assert self.out is not None, "checked"
        model, again = self._train(self._data(find(self.images)), self.out, progress, watch)
        values = self.applied(model, again) | {"images": self.images}
        Predict.declare(values).run(_to_the_end(progress))

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        from imagej_dl.worker.training_events import Live

        live = Live(session)
        if self.images:
            self.run(progress, live)
            assert self.out is not None, "checked"
            session.values["model"] = str(self.model_folder(self.out))
            return
        self.check()
        source = denoise_data.of_open(session.open_image(), session.image_path)
        data = self._data([source])
        if self.out is None:
            asked = record.asked(data, self.identity())
            home = kept_models.home(source.name, asked)
            # A folder of ours: a second training may take the place of the first.
            ours = self.model is None and not self.resume
            whole = self.model_copy(update={"overwrite": self.overwrite or ours})
            model, again = whole._train(data, home, progress, live)
            kept_models.used(model)
            kept_models.tidy()
        else:
            model, again = self._train(data, self.out, progress, live)
        metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
        session.values |= {"model": str(model), "ended": metrics["ended"]}
        Predict.declare(self.applied(model, again)).run_in_imagej(session, _to_the_end(progress))

    def _data(self, sources: list[Source]) -> Data:
        """Return what is learnt from."""
        return denoise_data.collect(
            sources, self.learns_from(), self.targets, self.validation, self._opened
        )

    def _train(self, data: Data, out: Path, progress: Progress, watch: Watch) -> tuple[Path, bool]:
        """Train, or go on; return the model, and whether earlier results are to be replaced."""
        model, sources = self.model_folder(out), data.sources
        asked = record.asked(data, self.identity())
        stage = record.stage(out, model, asked, self.resume, self.overwrite)
        again = self.overwrite or self.resume
        if self.out is not None:
            results = Results(out, False, False, overwrite=again or stage != "new", gives="image")
            for source in sources:
                results.need_names(source)
            data.refuse_overwriting(results)
            results.refuse(sources)
        if stage == "trained":
            say(f"{model}: is trained already, and used")
            return model, again
        from imagej_dl import training

        record.write(out, asked)

        def told(epoch: EpochEvent) -> None:
            if epoch.bundle is not None:  # else it was told before the stop
                note(progress, line(epoch))
            watch(epoch)

        bundle = training.train(
            data.given,
            model,
            resume=stage == "resume",
            overwrite=self.overwrite and stage == "new",
            progress=progress,
            watch=told,
            **self.given(),
        )
        metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
        say(summary(model, metrics, bundle.config.method))
        return model, again


def _to_the_end(progress: Progress) -> Progress:
    """Ignore Enough, which has ended the training."""

    def report(stage: str, done: int, total: int) -> None:
        with suppress(Enough):
            progress(stage, done, total)

    return report
