"""Writing of a simulated project: images, RoiSets, a movie and its ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagej_dl import ctc, images, project, rois
from imagej_dl.filesystem.atomic import atomic_folder
from imagej_dl.simulation import nuclei
from imagej_dl.simulation.colony import LIVELY


@dataclass(frozen=True)
class Written:
    """The paths of a simulated project: its folder, the movie, and the folder of ground truth."""

    project: Path
    movie: Path
    truth: Path


def write(
    out: str | Path, stills: int = 10, frames: int = 24, seed: int = 0, exposure: float = 1.0
) -> Written:
    """Write OUT/project, OUT/movie.tif and OUT/truth.

    Parameters
    ----------
    stills : images with a RoiSet.zip each, in the project's Labeling.
    frames : of the movie, whose nuclei are not those of the images, and move and divide as cells
        do.
    seed : of the random numbers.
    exposure : share of the light in the movie, see :func:`imagej_dl.simulation.movie`.

    The ground truth has the layout of the Cell Tracking Challenge: man_trackNNN.tif and
    man_track.txt.

    Raises
    ------
    UserError : when one of them exists.
    """
    out = Path(out)
    made = Written(out / "project", out / "movie.tif", out / "truth")
    project.create(made.project)
    for image, labels in nuclei.stills(stills, seed=seed):
        name = Path(image.attrs["title"]).stem
        folder = made.project / "Labeling" / name
        images.write(image, folder / "images" / f"{name}.tif")
        rois.write(rois.trace(labels), folder / "RoiSet.zip")
    film = nuclei.movie(frames, seed=seed, exposure=exposure, motion=LIVELY)
    images.write(film.image, made.movie)
    with atomic_folder(made.truth) as folder:
        ctc.write_masks(enumerate(film.labels.values), folder, "man_track", frames)
        ctc.write_tracks(film.lineage, folder / "man_track.txt")
    return made
