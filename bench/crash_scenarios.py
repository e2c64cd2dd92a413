"""What bench/crash.py kills: commands of imagej-dl, each on tiny data of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

THERE = ("is already there", "is there already")
QUICK = {"steps": 2, "depth": 2, "width": 4, "last_width": 4}
PATCH = ["--patch", "32", "--batch", "2", "--epochs", "2"]


@dataclass(frozen=True)
class Scenario:
    """A command and its data.

    prepare : makes the data in an empty folder, in which the command is run.
    outputs : what it replaces, by the folder's name: for a moment that may be missing.
    done : words of an error that says that the result is there.
    points : at how many operations it is killed unless more is asked for; None: at all.
    network : whether TensorFlow is needed.
    """

    name: str
    arguments: list[str]
    prepare: Callable[[Path], None]
    outputs: str = " "
    done: tuple[str, ...] = THERE
    points: int | None = None
    network: bool = False

    def load(self) -> None:
        """Import what the command needs, once for all of its runs."""
        import scipy.ndimage  # noqa: F401
        import tifffile  # noqa: F401

        from imagej_dl import images, project, rois, tracking  # noqa: F401
        from imagej_dl.commands import corrections, labels, predict, train  # noqa: F401

        if self.network:
            from imagej_dl.models import backend

            backend.keras()


def discs(seed: int, shape: tuple[int, int] = (64, 64)) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of some discs, 16 bits, and its label map."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.uint16)
    for number in range(1, 6):
        row, column = 12 + 20 * divmod(number, 3)[0], 12 + 20 * (number % 3)
        labels[(y - row) ** 2 + (x - column) ** 2 < 40] = number
    return (random.normal(200, 20, shape) + 800 * (labels > 0)).astype(np.uint16), labels


def drawn(place: Path, names: str = "ab") -> None:
    """Make a project P of drawn images."""
    from imagej_dl import images, project, rois

    project.create(place / "P")
    for seed, name in enumerate(names):
        image, labels = discs(seed)
        folder = place / "P" / "Labeling" / name
        images.write(images.make(image), folder / "images" / f"{name}.tif")
        rois.write(rois.trace(images.make(labels)), folder / "RoiSet.zip")


def half_made(place: Path) -> None:
    """A project of which one label map is there, one behind its ROIs and one without a table."""
    from imagej_dl import images, rois

    drawn(place, "abcd")
    run(place, "labels", "P")
    _, labels = discs(0)
    labels[labels == 2] = 0
    again = place / "P" / "Labeling" / "b" / "RoiSet.zip"
    rois.write(rois.trace(images.make(labels)), again, overwrite=True)
    (place / "P" / "Processed" / "masks" / "c.csv").unlink()
    for gone in ("images/d.tif", "masks/d.tif", "masks/d.csv"):
        (place / "P" / "Processed" / gone).unlink()


def one_image(place: Path) -> None:
    """Make image.tif and RoiSet.zip."""
    from imagej_dl import images, rois

    image, labels = discs(0)
    images.write(images.make(image), place / "image.tif")
    rois.write(rois.trace(images.make(labels)), place / "RoiSet.zip")


def label_map(place: Path) -> None:
    """Make labels.tif."""
    from imagej_dl import images

    images.write(images.coloured(images.make(discs(0)[1])), place / "labels.tif")


def raw(place: Path) -> None:
    """Make a project P with a plain image, a stack and a PNG in Raw."""
    import tifffile
    from PIL import Image

    from imagej_dl import images, project

    project.create(place / "P")
    image = discs(0)[0]
    images.write(images.make(image), place / "P" / "Raw" / "a.tif")
    tifffile.imwrite(place / "P" / "Raw" / "b.tif", np.stack([image, image]), compression="zlib")
    Image.fromarray((image // 8).astype(np.uint8)).save(place / "P" / "Raw" / "c.png")


def movie(place: Path) -> None:
    """Make labels.tif and movie.tif of four frames, in which discs move."""
    from imagej_dl import images

    image, labels = discs(0)
    for name, plane in (("labels", labels), ("movie", image)):
        frames = np.stack([np.roll(plane, 2 * t, axis=1) for t in range(4)])
        made = images.make(frames, "TYX", frame_interval=60.0)
        images.write(images.coloured(made) if name == "labels" else made, place / f"{name}.tif")


def tracked(place: Path) -> None:
    """Make a movie and its tracks T."""
    movie(place)
    run(place, "track", "labels.tif", "--out", "T", "--engine", "embedded")


def edited(place: Path) -> None:
    """Make tracks T and edited.xml, in which a spot's name was changed."""
    tracked(place)
    shutil.copyfile(place / "T" / "tracks.xml", place / "edited.xml")


def labelled(place: Path) -> None:
    """Make a project P with its label maps."""
    drawn(place, "abc")
    run(place, "labels", "P")


def trained(place: Path) -> None:
    """Make a project P with its label maps, and a model M."""
    labelled(place)
    run(place, *TRAIN)


def predictable(place: Path) -> None:
    """Make a model M and a folder of images."""
    from imagej_dl import images

    trained(place)
    for seed in range(3):
        images.write(images.make(discs(seed)[0]), place / "images" / f"{seed}.tif")


def correctable(place: Path) -> None:
    """Make a model M and a project P with two drawn images and two that are not."""
    from imagej_dl import images

    trained(place)
    for seed, name in ((7, "y"), (8, "z")):
        images.write(images.make(discs(seed)[0]), place / "P" / "Raw" / f"{name}.tif")


def proposed(place: Path) -> None:
    """Make a project whose image y has a proposal, and its corrected ROIs."""
    from imagej_dl import images, rois

    correctable(place)
    run(place, "correct", "P", "--model", "M", "--step", "next", "--name", "y")
    rois.write(rois.trace(images.make(discs(7)[1])), place / "mine.zip")


def corrected(place: Path) -> None:
    """Make a project in which one image was corrected."""
    proposed(place)
    run(place, "correct", "P", "--step", "save", "--name", "y", "--rois", "mine.zip")


def run(place: Path, *arguments: str) -> None:
    """Run a command in a folder."""
    import os

    from imagej_dl.cli import cli

    os.chdir(place)
    cli(list(arguments), standalone_mode=False)


TRAIN = ["train", "P", "--out", "M", *PATCH, "--settings", json.dumps(QUICK)]
TRACK = ["track", "labels.tif", "--image", "movie.tif", "--out", "T", "--engine", "embedded"]
MOVIE = ["--automatic", "T", "--image", "movie.tif"]
LEARN = ["--learning-rate", "0.001", "--epochs", "1"]
SPACE = ["--trials", "1", "--folds", "2", "--trial-epochs", "1", "--steps", "1", "--epochs", "1"]

_ALL = [
    Scenario("labels", ["labels", "P"], drawn),
    Scenario("labels-rest", ["labels", "P"], half_made),
    Scenario("labels-one", ["labels", "image.tif", "RoiSet.zip", "--out", "l.tif"], one_image),
    Scenario("rois", ["rois", "labels.tif", "--out", "R.zip"], label_map),
    Scenario("prepare", ["prepare", "P"], raw),
    Scenario("prepare-all", ["prepare", "P", "--slices", "all"], raw),
    Scenario("track", TRACK, movie),
    Scenario("track-over", [*TRACK, "--overwrite"], tracked, outputs="T/", points=60),
    Scenario(
        "corrections",
        ["corrections", "edited.xml", *MOVIE, "--frames", "all", "--out", "C"],
        edited,
        points=60,
    ),
    Scenario(
        "predict",
        ["predict", "M", "images", "--out", "found", "--probabilities"],
        predictable,
        points=40,
        network=True,
    ),
    Scenario("train", TRAIN, labelled, points=30, network=True),
    Scenario("train-over", [*TRAIN, "--overwrite"], trained, outputs="M/", points=20, network=True),
    Scenario(
        "correct",
        ["correct", "P", "--model", "M", "--step", "next"],
        correctable,
        points=30,
        network=True,
    ),
    Scenario(
        "save",
        ["correct", "P", "--step", "save", "--name", "y", "--rois", "mine.zip"],
        proposed,
        network=True,
    ),
    Scenario(
        "retrain",
        ["correct", "P", "--step", "retrain", *LEARN],
        corrected,
        done=("no image was corrected since",),
        points=20,
        network=True,
    ),
    Scenario(
        "search",
        ["search", "P", "--out", "S", "--patch", "32", *SPACE],
        labelled,
        points=15,
        network=True,
    ),
]
SCENARIOS = {scenario.name: scenario for scenario in _ALL}
