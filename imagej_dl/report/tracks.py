"""All pictures of a tracking, and a small report that holds them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from imagej_dl.progress import Progress, silent
from imagej_dl.report import film, page
from imagej_dl.report.page import Step
from imagej_dl.report.pictures import png
from imagej_dl.report.timeline import timeline
from imagej_dl.report.tree import tree

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.tracking import Tracks


def write(
    tracks: Tracks,
    folder: Path,
    image: xr.DataArray | None = None,
    command: str = "",
    progress: Progress = silent,
) -> None:
    """Write pictures of tracks into a folder.

    `tracks.png` (all tracks over the last frame), `tracks.gif` (the film; `tracks.mp4` as well
    where imageio-ffmpeg is installed), `lineage.png` (the trees), `timeline.png` (numbers and
    positions over time) and `report.html`, which holds them all. Files there are replaced.

    Parameters
    ----------
    image : the movie (T, Y, X; its first channel is shown); the objects themselves without it.
    command : what made the tracks, for the report.
    """
    begin = time.perf_counter()
    figures = {
        "engine": tracks.engine,
        "tracker": tracks.settings.tracker,
        "frames": tracks.shape[0],
        **tracks.counts,
    }
    step = Step("Tracks", command=command, figures=figures)
    trees, words = tree(tracks)
    stills = {
        "tracks.png": (film.over(tracks, image), "All tracks over the last frame; rings divide."),
        "lineage.png": (trees, words),
        "timeline.png": (
            timeline(tracks),
            "Objects, events and positions over time (as counts, if there are very many); rings "
            "are divisions, grey dots objects without a track.",
        ),
    }
    for name, (picture, caption) in stills.items():
        (folder / name).write_bytes(png(picture))
        step.pictures.append((picture, caption))
    mp4 = folder / "tracks.mp4" if film.has_mp4() else None
    film.write(film.film(tracks, image, progress), folder / "tracks.gif", mp4)
    frames = film.shown(tracks.shape[0])
    words = f"The tracks of the last {film.TAIL} frames"
    if frames.step > 1:
        words += f"; one frame of {frames.step} is shown"
    step.pictures.insert(1, ((folder / "tracks.gif").read_bytes(), f"{words}."))
    step.seconds = time.perf_counter() - begin
    page.write(folder / "report.html", "imagej-dl: tracks", [step], overwrite=True)
