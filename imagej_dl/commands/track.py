"""`imagej-dl track`: track the objects of a label movie."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from imagej_dl.commands import unused
from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.errors import UserError
from imagej_dl.filesystem import locks
from imagej_dl.filesystem.atomic import heal, refuse_existing, refuse_input
from imagej_dl.progress import Progress
from imagej_dl.tracking.trackers import registry

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.worker import Session

    _Engine = str
else:
    _Engine = Literal[registry.engines()]

*_OTHERS, _LAST = (tracker.label for tracker in registry.foreign().values())
_FOREIGN = f"{', '.join(_OTHERS)} or {_LAST}"
_OWN = registry.default_for("auto").label
_VARIABLE = next(iter(registry.foreign().values())).program.variable


class Track(Command):
    """Track the objects of a label movie with TrackMate, or with its trackers in Python.

    Writes tracks.xml (TrackMate), tracked.tif (one id for each track), spots.csv, edges.csv,
    lineage.csv, settings.json and CTC/01_RES (Cell Tracking Challenge, with parents). In ImageJ
    it tracks the open label movie if none is named, and opens the result in TrackMate if that is
    installed.
    """

    labels: Annotated[
        Path | None, Positional(), Shown("Label movie", once=True, empty="the open one")
    ] = Field(
        None,
        description="Label movie: a TIFF or OME-Zarr with frames, one id for each object; in "
        "ImageJ, if left out, the open one.",
    )
    out: Annotated[Path, Shown("Results", path="folder")] = Field(
        description="Folder for the results; it must not exist."
    )
    image: Annotated[Path | None, Shown("Movie", once=True, empty="none")] = Field(
        None, description="The movie that was segmented, for intensities and TrackMate's window."
    )
    engine: _Engine = Field(
        "auto",
        description=f"TrackMate in a Fiji, or the embedded engine without Java; or {_FOREIGN} "
        "where it is installed (see `imagej-dl doctor`). auto: the engine of the settings' "
        "tracker; TrackMate if it is installed and has enough memory, else the embedded engine; "
        "in ImageJ the embedded one, which makes the same links as TrackMate. Without settings, "
        f"{_OWN}, which uses the masks, in the embedded engine.",
    )
    engine_python: Annotated[Path | None, Shown(advanced=True, empty="our own")] = Field(
        None,
        description=f"The Python of the environment in which {_FOREIGN} is installed. Without it "
        f"the one that a variable such as {_VARIABLE} names, or imagej-dl's own.",
    )
    settings: Annotated[Path | None, Shown(advanced=True, empty="none")] = Field(
        None,
        description='JSON file {"tracker": …, "settings": {…}} with TrackMate\'s keys, '
        f"distances in the image's unit; without it, {_OWN} where the engine is auto, else LAP "
        "with gap closing over 2 frames and splitting. The trackers of foreign engines have keys "
        "of their own.",
    )
    distances: Annotated[Literal["data", "trackmate"], Shown(advanced=True)] = Field(
        "data",
        description="Maximal distances of links where no settings are named. data: by the radius "
        "and the motion of the objects; for LAP three times their median radius, or twice their "
        "median step if that is more, and two thirds of that for divisions. trackmate: LAP with "
        "TrackMate's 15, in the image's unit.",
    )
    fill_gaps: bool = Field(
        False,
        description="Fill in objects missing in single frames before tracking, as `fill-gaps` "
        "does; the tracks then get the original shapes of the objects.",
    )
    split_fused: bool = Field(
        False,
        description="Split objects that are several in the frame before and again within five "
        "frames: cells that touch, which the segmentation fused.",
    )
    ctc_gaps: Annotated[Literal["cut", "fill"], Shown(advanced=True)] = Field(
        "cut",
        description="Gaps in the Cell Tracking Challenge folder, whose format has none. cut: the "
        "rest becomes a separate track, whose parent is the part before the gap; fill: the missing "
        "objects are painted.",
    )
    ctc_merges: Annotated[Literal["cheapest", "end"], Shown(advanced=True)] = Field(
        "cheapest",
        description="Merges, which that format does not have either. cheapest: the track with "
        "the cheapest link continues; end: all tracks end and a new one begins.",
    )
    geff: Annotated[bool, Shown(advanced=True)] = Field(
        False, description="Write tracks.geff as well (Graph Exchange File Format; needs geff)."
    )
    pictures: bool = Field(
        False,
        description="Add report.html and its pictures: lineage trees, tracks over the movie (PNG, "
        "GIF; MP4 where imageio-ffmpeg is installed), numbers over time.",
    )
    open: Annotated[bool, Shown(advanced=True)] = Field(
        False,
        description="Show the result in TrackMate's window with the image, until the window is "
        "closed; needs a Fiji with TrackMate and a screen. In ImageJ it is always shown.",
    )
    axes: Annotated[str | None, Shown(advanced=True, empty="as the file declares")] = Field(
        None, description="Axes of the label file, such as TYX, if it does not declare them."
    )
    image_axes: Annotated[str | None, Shown(advanced=True, empty="as the file declares")] = Field(
        None, description="Axes of the movie, such as TCYX, if its file declares wrong ones."
    )
    fiji: Annotated[str | None, Shown(advanced=True, empty="this one")] = Field(
        None, description="Fiji folder, Maven coordinate or 'endpoint'; FIJI_HOME if left out."
    )
    overwrite: Annotated[bool, Shown(once=True)] = Field(
        False, description="Replace the folder if it exists."
    )

    def inputs(self) -> set[Literal["image", "plane", "rois"]]:
        return {"image"} if self.labels is None else set()

    def run_in_imagej(self, session: Session, progress: Progress) -> None:
        from imagej_dl import images

        update = {"fiji": self.fiji or session.fiji, "open": False, "engine": self._engine()}
        command = self.model_copy(update=update)
        ours: Path | None = None
        if self.labels is None:
            image = session.open_image()
            # With settings the detector decides: labels, a mask or probabilities.
            labels = image if self.settings else session.label_map()
            # TrackMate's file names the movie: one that is not on disk is written beside it.
            name = Path(str(labels.attrs["title"])).stem
            name = "labels" if name.lower() in ("", "tracked") else name  # tracked.tif is a result
            path = session.image_path or self.out / f"{name}.tif"
            if session.image_path is None:
                _forget(path, labels)
            refuse_existing(self.out, self.overwrite)
            if session.image_path is None:
                ours = None if self.out.exists() else path
                images.write(labels, path, overwrite=self.overwrite)
            command = command.model_copy(update={"labels": path, "overwrite": True})
        try:
            command.run(progress)
        except BaseException:
            if ours is not None:  # else the folder would block the next try
                ours.unlink(missing_ok=True)
                with suppress(OSError):
                    self.out.rmdir()
            raise
        session.show_file("image", self.out / "tracked.tif")
        session.show_file("trackmate", self.out / "tracks.xml")
        # Of an open label movie that has no other image its own window is the movie.
        session.shown[-1]["on_source"] = self.labels is None and self.image is None

    def _engine(self) -> str:
        """Return the engine for ImageJ: a second Fiji is started only on request.

        The embedded engine makes the links that TrackMate makes, and TrackMate's window in the
        Fiji that is there opens on them.
        """
        from imagej_dl import tracking

        if self.engine != "auto":
            return self.engine
        if self.settings is None:
            return self._without_settings()
        settings = tracking.read_settings(self.settings)
        return "embedded" if settings.tracker in registry.embedded() else "auto"

    def _without_settings(self) -> str:
        """Return the engine whose defaults are meant: TrackMate's distances are those of LAP."""
        own = self.engine == "auto" and self.distances == "trackmate"
        return "embedded" if own else self.engine

    def run(self, progress: Progress) -> None:
        if self.labels is None:
            raise UserError("name the label movie to track")
        with locks.held(self.out, "a tracking"):
            self._track(progress)

    def _warn_unused(self, engine: str) -> None:
        """Warn of what the movie, the settings or the engine make of no effect."""
        if self.image is None:
            why = "is that of a movie, and none is named, so it has no effect"
            unused.warn_of(self, ["image_axes"], why)
        if self.settings is not None:
            why = "has no effect, as the distances are those of the settings that are named"
            unused.warn_of(self, ["distances"], why)
        if engine not in registry.foreign():
            why = f"is for {_FOREIGN}, which do not track here, so it has no effect"
            unused.warn_of(self, ["engine_python"], why)

    def _track(self, progress: Progress) -> None:
        from imagej_dl import images, tracking
        from imagej_dl.images.formats.registry import is_folder_image
        from imagej_dl.tracking import graphs

        assert self.labels is not None
        heal(self.out)
        refuse_existing(self.out, self.overwrite)
        refuse_input(self.out / "tracked.tif", self.labels, self.image)
        if self.geff:
            graphs.need_geff()  # before the work, which would be lost without it
        settings = (
            tracking.read_settings(self.settings)
            if self.settings
            else tracking.default_settings(self._without_settings())
        )
        self._warn_unused(registry.engine_of(self.engine, settings.tracker))
        if self.fill_gaps:
            settings = settings.filling_gaps()
        if self.split_fused:
            settings = settings.splitting_fused()
        if self.open:
            from imagej_dl.fiji import trackmate

            # Before the work: a process starts its Java once, with a screen or without.
            trackmate.start_window(self.fiji)
        takes_labels = settings.takes_labels
        reader = images.read_labels if takes_labels else images.read
        labels = reader(self.labels, self.axes)
        image = images.read(self.image, self.image_axes) if self.image else None
        if takes_labels:
            labels, image = tracking.pair(labels, image, self.labels, self.image)
        reach = None
        if self.settings is None and self.distances == "data" and settings.has_distances:
            at = labels if image is None else images.calibrated_like(labels, image)
            reach = tracking.measured_distance(at)
            settings = tracking.fitted_settings(settings, reach)
        # TrackMate's window opens the file by itself, and no OME-Zarr: then it shows our own TIFF.
        shown = (self.image or self.labels).resolve()
        tracks = tracking.track(
            labels,
            image,
            settings,
            self.engine,
            image_path=None if is_folder_image(shown) else shown,
            fiji=self.fiji,
            progress=progress,
            python=self.engine_python,
        )

        def draw(folder: Path) -> None:
            from imagej_dl.report import tracks as report

            report.write(tracks, folder, image, progress=progress)

        tracking.write(
            tracks,
            self.out,
            self.overwrite,
            gaps=self.ctc_gaps,
            merges=self.ctc_merges,
            geff=self.geff,
            more=draw if self.pictures else None,
        )
        names = {"trackmate": "TrackMate", "embedded": "the embedded engine"}
        name = names.get(tracks.engine, tracks.engine)
        counts = ", ".join(f"{number} {name}" for name, number in tracks.counts.items())
        say(f"{self.out}: {tracks.settings.tracker} by {name}: {counts}")
        for note in tracks.notes:
            say(f"{note[0].upper()}{note[1:]}.")
        if reach is not None:
            say(f"Maximal linking distance: {reach} (distances=trackmate uses TrackMate's 15).")
        if self.open:
            say("TrackMate shows the tracks; close its windows to end.")
            trackmate.open_window(self.out / "tracks.xml")
            trackmate.wait_until_closed()


def _forget(path: Path, labels: xr.DataArray) -> None:
    """Remove a folder that holds nothing but this movie, which a killed run left."""
    from imagej_dl import images

    folder = path.parent
    if path.is_symlink() or not folder.is_dir() or [*folder.iterdir()] != [path]:
        return
    with suppress(UserError, OSError):
        if np.array_equal(images.read(path).squeeze(), labels.squeeze()):
            path.unlink()
            folder.rmdir()
