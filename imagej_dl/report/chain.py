"""The whole chain, once: the same commands that a user gives, with a report of what each did."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from imagej_dl import commands, ctc, images, project, simulation
from imagej_dl.errors import UserError
from imagej_dl.filesystem import containment
from imagej_dl.methods.base import Method
from imagej_dl.methods.registry import DEFAULT, METHODS
from imagej_dl.models.folder import load_config
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction import inputs
from imagej_dl.progress import Progress
from imagej_dl.report import page, pictures
from imagej_dl.report.page import Step

TRAINING_IMAGES = 10
MARK = ".imagej-dl-demo"
"""Marker file: the folder was written by the demo, which may replace it."""
MADE = {
    "project",
    "movie.tif",
    "truth",
    "model",
    "denoised",
    "predicted",
    "tracks",
    "predicted_noisy",
    "tracks_noisy",
    "imagej.png",
    "report.html",
}
"""All that the chain puts into its folder."""


@dataclass
class Chain:
    """The folder that the chain works in, and the steps it has done so far.

    `movie` is what is segmented and tracked, `truth` its lineage in the layout of the Cell
    Tracking Challenge, if there is one.
    """

    out: Path
    progress: Progress
    steps: list[Step] = field(default_factory=list)
    movie: Path | None = None
    truth: Path | None = None

    def command(self, name: str, **values: Any) -> str:
        """Run a command as declared; return how it is written in a shell, in folder `out`.

        Values that are None are left out.
        """
        declaration = commands.load(name)
        values = {key: value for key, value in values.items() if value is not None}
        words = ["imagej-dl", name]
        for key, value in values.items():
            option = f"--{key.replace('_', '-')}"
            positional = declaration.is_positional(key)
            if value is True:
                words.append(option)
                continue
            for part in value if isinstance(value, list) else [value]:
                text = os.path.relpath(part, self.out) if isinstance(part, Path) else str(part)
                words += [text] if positional else [option, text]
        line = shlex.join(words)
        click.echo(f"$ {line}")
        declaration.declare(values).run(self.progress)
        return line

    @contextmanager
    def step(self, title: str, text: str = "") -> Iterator[Step]:
        """Time a step and put it into the report."""
        step = Step(title, text)
        begin = time.perf_counter()
        yield step
        step.seconds = time.perf_counter() - begin
        self.steps.append(step)


def make_room(out: Path) -> None:
    """Make the folder, or empty the one of an earlier demo; no other folder is touched."""
    if out.exists() and any(out.iterdir()):
        if not (out / MARK).exists():
            raise UserError(
                "is not a folder of the demo, so nothing in it is replaced",
                path=out,
                remedy="Name another folder with --out.",
            )
        for name in MADE:
            containment.check(out / name, folder=True)
            if (out / name).is_dir():
                shutil.rmtree(out / name)
            else:
                (out / name).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    containment.check(out / MARK)
    (out / MARK).touch()


def simulate(chain: Chain, seed: int, exposure: float = 1.0) -> None:
    """Make a project with images and RoiSets, and a movie with its ground truth, all simulated.

    The movie has a share of the images' light, the `exposure`.
    """
    with chain.step(
        "A time-lapse and drawn ROIs",
        "Simulated nuclei that move and divide, with noise and uneven light. The ROIs represent "
        "those that a biologist draws in Fiji's ROI Manager.",
    ) as step:
        made = simulation.write(chain.out, stills=TRAINING_IMAGES, seed=seed, exposure=exposure)
        chain.movie, chain.truth = made.movie, made.truth
        film = images.read(made.movie)
        planes = [film.values[i] for i in (0, len(film) // 2, len(film) - 1)]
        row = pictures.side_by_side([pictures.grey(p) for p in planes])
        step.pictures.append((row, "First, middle and last frame of the movie."))
        step.figures = {
            "frames": film.sizes["T"],
            "size": f"{film.sizes['X']} × {film.sizes['Y']} px",
            "pixel size": f"{film.attrs['pixel_width']:g} {film.attrs['unit']}",
            "images with ROIs": TRAINING_IMAGES,
        }
        if exposure != 1:
            step.figures["light of the movie"] = f"{100 * exposure:g} % of the images'"


def take(chain: Chain, drawn: list[project.Drawn]) -> None:
    """Copy the user's images and RoiSets into a project of its own; theirs stay untouched."""
    with chain.step("Your images and ROIs", "Copies; the originals are not changed.") as step:
        project.create(chain.out / "project")
        for item in drawn:
            folder = chain.out / "project" / "Labeling" / item.name
            (folder / "images").mkdir(parents=True)
            shutil.copyfile(item.image, folder / "images" / f"{item.name}{item.image.suffix}")
            if item.rois.is_dir():  # masks of single objects
                shutil.copytree(item.rois, folder / "masks")
            else:
                shutil.copyfile(item.rois, folder / f"RoiSet{item.rois.suffix}")
        step.figures = {"images with ROIs": len(drawn)}


def labels(chain: Chain) -> None:
    """ROIs to label maps."""
    with chain.step("RoiSet.zip → label maps", "Pixel for pixel as ImageJ fills them.") as step:
        step.command = chain.command("labels", source=chain.out / "project")
        pairs = project.pairs(chain.out / "project")
        for pair in pairs[:2]:
            plane, labels = (
                _plane(images.read(pair.image)),
                _plane(images.read_labels(pair.labels, as_is=True)),
            )
            shown = [pictures.grey(plane), pictures.outlined(plane, labels)]
            row = pictures.side_by_side([*shown, pictures.coloured(labels)])
            step.pictures.append((row, f"{pair.name}: image, ROIs, label map."))
        counts = [int(images.read_labels(p.labels, as_is=True).max()) for p in pairs]
        step.figures = {"label maps": len(pairs), "labels": sum(counts)}


def check_start(start: Path) -> None:
    """Refuse a model to start from of which nothing could be tracked."""
    method = load_config(start).method
    if method.gives != "instances":
        raise UserError(
            f"is a model of kind {method.name}, which finds no objects",
            path=start,
            remedy=f"Start from a model of objects, such as {ready.DEFAULT}.",
        )


def train(chain: Chain, minutes: float, seed: int, start: Path | None = None) -> None:
    """Label maps to a model: a new one, or one fine-tuned from `start`."""
    text = f"A U-Net of kind {DEFAULT}: it learns {METHODS[DEFAULT].summary}."
    if start is not None:
        text = f"Fine-tuned: it begins with the weights of {ready.described(start)}."
    with chain.step("Training", text) as step:
        model = chain.out / "model"
        step.command = chain.command(
            "train",
            project=chain.out / "project",
            out=model,
            minutes=minutes,
            seed=seed,
            # As the user gave it: the name of a ready model is no path.
            start=None if start is None else ready.name_of(start) or start,
        )
        if (model / "loss.png").exists():
            step.pictures.append((pictures.read_png(model / "loss.png"), "Loss by epoch."))
        step.figures = metrics(model)


def predict(chain: Chain, denoiser: Path | None = None) -> Path:
    """Images to label maps and ROIs; return the label map of the movie, or of the first image.

    With a denoiser they are denoised first.
    """
    sources = [chain.movie] if chain.movie else [chain.out / "project" / "Processed" / "images"]
    with chain.step(
        "Prediction", "Label map, RoiSet.zip and class probabilities of every plane."
    ) as step:
        out = chain.out / "predicted"
        step.command = chain.command(
            "predict",
            model=chain.out / "model",
            images=sources,
            out=out,
            rois=True,
            probabilities=True,
            denoise=denoiser,
            save_denoised=None if denoiser is None else True,
        )
        source = inputs.find(sources)[0]
        predicted = out / f"{source.name}.tif"
        image, labels = images.read(source.path), images.read_labels(predicted, as_is=True)
        outputs = images.read(out / f"{source.name}_probabilities.tif")
        method = load_config(chain.out / "model").method
        for which in dict.fromkeys((0, (image.sizes.get("T", 1) - 1) // 2)):
            plane = _plane(image, which)
            output = outputs.isel(T=which).values if "T" in outputs.dims else outputs.values
            output, middle = _shown(method, output.reshape(-1, *plane.shape))
            shown = [pictures.grey(plane), pictures.classes(output)]
            row = pictures.side_by_side([*shown, pictures.outlined(plane, _plane(labels, which))])
            text = f"image; {middle}; predicted objects"
            step.pictures.append((row, f"Frame {which + 1}: {text}."))
        per_plane = [len(np.unique(p[p > 0])) for p in labels.values.reshape(-1, *plane.shape)]
        step.figures = {"planes": len(per_plane), "objects": sum(per_plane)}
    return predicted


def imagej(chain: Chain, predicted: Path, fiji: str | None) -> None:
    """The prediction in ImageJ: its picture of it, and the RoiSet read by ImageJ itself."""
    with chain.step("In ImageJ") as step:
        image = chain.movie or inputs.find([chain.out / "project" / "Processed" / "images"])[0].path
        png = chain.out / "imagej.png"
        try:
            step.command = chain.command(
                "show", labels=predicted, image=image, png=png, fiji=fiji or None
            )
        except UserError as error:
            # Without Java the rest of the chain still works, and the report says what is missing.
            click.echo(f"warning: ImageJ is left out: {error}", err=True)
            step.text = f"Left out: {error}"
            return
        step.text = "The image with the outlines, drawn by ImageJ from the ROIs."
        step.pictures.append((pictures.read_png(png), "ImageJ's own drawing."))
        step.figures = _imagej_reads(predicted)


def track(chain: Chain, predicted: Path, fiji: str | None) -> None:
    """The movie's label map to tracks."""
    assert chain.movie is not None
    with chain.step("Tracking") as step:
        out = chain.out / "tracks"
        step.command = chain.command(
            "track",
            labels=predicted,
            image=chain.movie,
            out=out,
            pictures=True,
            fiji=fiji or None,
        )
        for name, text in (
            ("tracks.png", "All tracks over the last frame."),
            ("lineage.png", "Lineages, time downwards."),
        ):
            step.pictures.append((pictures.read_png(out / name), text))
        tracked = images.read_labels(out / "tracked.tif", as_is=True).values
        row = [pictures.coloured(tracked[i]) for i in (0, len(tracked) // 2, len(tracked) - 1)]
        step.pictures.append((pictures.side_by_side(row), "Label movie with one id per track."))
        step.figures = _counts(out / "settings.json")


def evaluate(chain: Chain, predicted: Path) -> dict[str, float]:
    """Score label maps and tracks against the ground truth; return it as :func:`scores` does."""
    assert chain.truth is not None
    with chain.step("Evaluation", "Scores against the ground truth; 1 is perfect.") as step:
        result = chain.out / "tracks" / "CTC" / "01_RES"
        step.command = chain.command("evaluate", pred=result, truth=chain.truth)
        found = scores(chain.truth, predicted, result)
        step.figures = {name: "–" if math.isnan(score) else score for name, score in found.items()}
    return found


def scores(truth: Path, predicted: Path, result: Path) -> dict[str, float]:
    """Return the scores of a label movie and its tracks in words, NaN where there is none.

    Parameters
    ----------
    truth, result : folders of the Cell Tracking Challenge.
    predicted : the label movie before it was tracked.
    """
    from imagej_dl import evaluation

    found = images.read_labels(predicted, as_is=True).values
    frames = zip(ctc.read_truth(truth).tracks.masks, found, strict=True)
    precisions = {
        f"AP at IoU {item.threshold:g}": item.average_precision
        for item in evaluation.total(evaluation.match(t, p) for t, p in frames)
        if round(item.threshold, 2) in (0.5, 0.7, 0.9)
    }
    tracks = evaluation.evaluate(result, truth).tracks
    return precisions | {k: float(tracks[k]) for k in ("SEG", "DET", "TRA")}  # type: ignore[operator]


def finish(chain: Chain) -> Path:
    """Write the report; return its path."""
    path = chain.out / "report.html"
    page.write(path, "imagej-dl: from ROIs to tracks", chain.steps, overwrite=True)
    return path


def _plane(image: Any, frame: int = 0) -> np.ndarray:
    first = {axis: 0 for axis in image.dims if axis not in ("T", "Y", "X")}
    plane = image.isel(first)
    return (plane.isel(T=frame) if "T" in plane.dims else plane).values


_COLOURS = ("blue", "green", "red")
"""Of the classes, in the order of the channels; all from the third on have the last one."""


def _shown(method: Method, output: np.ndarray) -> tuple[np.ndarray, str]:
    """Return which channels of a network's output (C, Y, X) are shown, and in words."""
    if method.target_kind == "classes" and len(method.channels) >= len(_COLOURS):
        background, inside, *borders = method.channels
        named = zip((background, inside, " and ".join(borders)), _COLOURS, strict=True)
        return output, ", ".join(f"{names} {colour}" for names, colour in named)
    likely = method.class_probabilities(np.moveaxis(output, 0, -1))
    return likely[None, ..., 1 if likely.shape[-1] > 1 else 0], "how likely an object is, in white"


def metrics(model: Path) -> dict[str, object]:
    """Return the figures of a training."""
    import json

    found = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
    return {k: v for k, v in found.items() if isinstance(v, (int, float, str))}


def _counts(settings: Path) -> dict[str, object]:
    import json

    found = json.loads(settings.read_text(encoding="utf-8"))
    return {"engine": found["engine"], "tracker": found["tracker"], **found["counts"]}


def _imagej_reads(predicted: Path) -> dict[str, object]:
    """Let ImageJ decode the RoiSet and count the pixels; they must be those of the label map."""
    from imagej_dl import rois
    from imagej_dl.fiji import roi_manager

    roiset = predicted.with_name(f"{predicted.stem}_RoiSet.zip")
    found = rois.read(roiset) if roiset.exists() else []  # nothing was found, so none is written
    area = sum(int(roi_manager.to_java(roi).getStatistics().pixelCount) for roi in found)
    here = int((images.read_labels(predicted, as_is=True) > 0).sum())
    return {"ROIs read by ImageJ": len(found), "their pixels": area, "pixels of the labels": here}
