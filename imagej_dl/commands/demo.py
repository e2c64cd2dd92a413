"""`imagej-dl demo`: the whole chain, once, with a report."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import Field

from imagej_dl.commands.base import Command, say
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import refuse_existing, refuse_input
from imagej_dl.models.ready import registry as ready
from imagej_dl.progress import Progress


class Demo(Command):
    """Run the whole workflow once, and report it with pictures.

    RoiSet.zip → label maps → training → prediction → ImageJ → tracks → evaluation, on a
    simulated time-lapse, or on your own images and RoiSets. Ends with report.html.
    """

    out: Path = Field(Path("demo"), description="Folder for the results; it is created.")
    data: Path | None = Field(
        None, description="Folder with your images and RoiSets; they are copied, not changed."
    )
    movie: Path | None = Field(None, description="With --data: the movie to segment and track.")
    truth: Path | None = Field(
        None, description="With --movie: its tracks, a Cell Tracking Challenge folder."
    )
    start: Path | None = Field(
        None,
        description="Folder of a model to fine-tune, or the name of a ready model "
        f"({', '.join(ready.names())}), instead of a new network.",
    )
    noisy: bool = Field(
        False,
        description="Simulate the movie with few photons, denoise it (n2v2) before it is segmented "
        "and tracked, and compare that with the noisy movie.",
    )
    minutes: float = Field(2.5, gt=0, description="Longest training, in minutes.")
    seed: int = Field(1, ge=0, lt=2**32, description="Seed of the simulation and the training.")
    fiji: str | None = Field(
        None, description="Fiji folder, Maven coordinate, 'endpoint' or 'embedded'."
    )
    overwrite: bool = Field(False, description="Replace the folder if it exists.")

    def run(self, progress: Progress) -> None:
        from imagej_dl import project
        from imagej_dl.report import chain, denoising

        if self.data is None and (self.movie or self.truth):
            raise UserError("--movie and --truth need --data", remedy="Give the images with ROIs.")
        if self.truth is not None and self.movie is None:
            raise UserError("--truth needs --movie", path=self.truth)
        if self.noisy and self.data is not None:
            raise UserError(
                "--noisy is for the simulated movie, not for --data",
                remedy="Denoise your movie with `imagej-dl denoise`.",
            )
        begin = time.perf_counter()
        refuse_existing(self.out, self.overwrite)
        begun = None if self.start is None else ready.find(self.start)
        refuse_input(self.out, self.data, self.movie, self.truth, begun)
        if self.start is not None:
            chain.check_start(self.start)
        for path in (self.movie, self.truth):
            if path is not None and not path.exists():
                raise UserError("there is no such file or folder", path=path)
        drawn = None if self.data is None else project.drawn(self.data)
        chain.make_room(self.out)
        work = chain.Chain(self.out, progress, movie=self.movie, truth=self.truth)
        if drawn is None:
            chain.simulate(work, self.seed, denoising.EXPOSURE if self.noisy else 1.0)
        else:
            chain.take(work, drawn)
        chain.labels(work)
        chain.train(work, self.minutes, self.seed, self.start)
        denoiser = denoising.denoise(work, self.seed) if self.noisy else None
        predicted = chain.predict(work, denoiser)
        chain.imagej(work, predicted, self.fiji)
        if work.movie is not None:
            chain.track(work, predicted, self.fiji)
        if work.truth is not None:
            found = chain.evaluate(work, predicted)
            if self.noisy:
                say(denoising.compare(work, predicted, found, self.fiji))
        report = chain.finish(work)
        say(f"{report}: the whole chain in {time.perf_counter() - begin:.0f} s")
