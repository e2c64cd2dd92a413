"""Tracks drawn over the movie: one picture of all, and a film (GIF, and MP4 where ffmpeg is)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images import golden_angle_lut
from imagej_dl.progress import Progress, silent
from imagej_dl.report.pictures import Picture, drawn, grey, limits

if TYPE_CHECKING:
    import xarray as xr

    from imagej_dl.tracking import Tracks

SIDE = 512
"""Longest side of a film in pixels."""
FRAMES = 80
"""Longest film; of a longer movie every second, third … frame is shown."""
TAIL = 8
"""Frames that a film's tracks reach back."""
_RATE = 8  # frames a second


@dataclass(frozen=True)
class _Marks:
    """Marks to draw, in pixels of the movie: positions, links, contours, each with its colour."""

    frame: NDArray
    track: NDArray
    place: NDArray
    sources: NDArray
    targets: NDArray
    contours: list[NDArray]
    divides: NDArray
    colours: NDArray


def over(tracks: Tracks, image: xr.DataArray | None = None) -> Picture:
    """Draw all tracks over the movie's last frame; rings are divisions.

    Parameters
    ----------
    image : the movie (T, Y, X; its first channel is shown); the objects without it.
    """
    planes = _Planes(tracks, image)
    return _draw(planes, _marks(tracks), len(planes) - 1, len(planes), 1000)


def film(
    tracks: Tracks, image: xr.DataArray | None = None, progress: Progress = silent
) -> Iterator[Picture]:
    """Draw each frame with the contours of its objects and the tracks of the last `TAIL` frames.

    Of more than `FRAMES` frames every second, third … one is shown: see :func:`shown`.
    """
    planes, marks = _Planes(tracks, image), _marks(tracks)
    for frame in (frames := shown(len(planes))):
        progress("film of the tracks", frames.index(frame), len(frames))
        yield _draw(planes, marks, frame, TAIL, SIDE, f"frame {frame}{_time(tracks, frame)}")
    progress("film of the tracks", len(frames), len(frames))


def shown(frames: int) -> range:
    """Return which of a movie's frames its film shows."""
    return range(0, frames, max(1, -(-frames // FRAMES)))


def write(pictures: Iterable[Picture], gif: Path, mp4: Path | None = None) -> None:
    """Write a film as GIF, and as MP4 if a path is given; see :func:`has_mp4`."""
    from PIL import Image

    stills, video = [], None
    palette = Image.new("P", (1, 1))
    palette.putpalette(_palette().tobytes())
    for picture in pictures:
        # No dithering: it would make of each still place a noise that no file gets small with.
        still = Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
        stills.append(still)
        if mp4 is not None:
            even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
            video = video or _video(mp4, even.shape)
            video.send(np.ascontiguousarray(even))
    if video is not None:
        with closing(video):
            pass
    rest = {"save_all": True, "append_images": stills[1:], "loop": 0}
    stills[0].save(gif, "GIF", duration=1000 // _RATE, **rest)


def _palette() -> Picture:
    """256 colours for all frames: few grey values, as noise has no place in a file, and tracks'."""
    greys = np.repeat(np.linspace(0, 255, 28).astype(np.uint8)[:, None], 3, axis=1)
    bright = golden_angle_lut()[1:115]
    return np.concatenate([greys, bright, (bright * 0.6).astype(np.uint8)])


def has_mp4() -> bool:
    """Return whether MP4 can be written: `imagej-dl[video]` brings ffmpeg."""
    return find_spec("imageio_ffmpeg") is not None


def _video(path: Path, shape: tuple[int, ...]) -> Any:
    import imageio_ffmpeg

    size = (shape[1], shape[0])
    writer = imageio_ffmpeg.write_frames(str(path), size, fps=_RATE, macro_block_size=2)
    writer.send(None)
    return writer


class _Planes:
    """The movie's frames as pictures, all with one black and one white."""

    def __init__(self, tracks: Tracks, image: xr.DataArray | None) -> None:
        self.frames, self.height, self.width = tracks.shape
        self._labels = tracks.labels
        self._image = image
        if image is not None:
            first = {str(axis): 0 for axis in image.dims if axis not in ("T", "Y", "X")}
            self._image = image.isel(first)
            some = np.linspace(0, self.frames - 1, min(self.frames, 8)).astype(int)
            self._limits = limits(np.stack([self._plane(frame) for frame in some]))

    def __len__(self) -> int:
        return self.frames

    def _plane(self, frame: int) -> NDArray:
        assert self._image is not None
        plane = self._image.isel(T=frame) if "T" in self._image.dims else self._image
        step = max(1, max(self.height, self.width) // 1500)
        return np.asarray(plane)[::step, ::step]

    def picture(self, frame: int) -> Picture:
        if self._image is not None:
            # Darker than it could be, so that lines are seen on bright objects.
            shown = grey(self._plane(frame), black_white=self._limits)
            return (shown * 0.75).astype(np.uint8)
        if self._labels is None:
            return np.zeros((1, 1, 3), np.uint8)
        objects = np.asarray(self._labels.isel(T=frame)) > 0
        return np.repeat(np.where(objects, 70, 15).astype(np.uint8)[..., None], 3, axis=-1)


def _marks(tracks: Tracks) -> _Marks:
    size = np.array([tracks.calibration.pixel_width, tracks.calibration.pixel_height])
    place = tracks.spots[["x", "y"]].to_numpy(float) / size
    track = tracks.spots["track_id"].to_numpy()
    colours = golden_angle_lut()[track % 255 + 1] / 255
    colours[track < 0] = 0.75
    contours = [at + corners / size for at, corners in zip(place, tracks.contours, strict=False)]
    divides = tracks.degrees[1] > 1
    frame, links = tracks.spots["frame"].to_numpy(), tracks.links
    return _Marks(frame, track, place, links.sources, links.targets, contours, divides, colours)


def _draw(
    planes: _Planes, marks: _Marks, frame: int, tail: int, side: int, text: str = ""
) -> Picture:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    scale = side / max(planes.height, planes.width)
    dpi = 100
    # Of a movie of few rows or columns something is left: two pixels, since a film's are even.
    width, height = (max(size * scale, 2) / dpi for size in (planes.width, planes.height))
    figure = Figure((width, height), dpi)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    # A pixel's centre is where its number is: its corners lie half a pixel off.
    extent = (-0.5, planes.width - 0.5, planes.height - 0.5, -0.5)
    axes.imshow(planes.picture(frame), extent=extent, aspect="auto")
    end = marks.frame[marks.targets]
    recent = np.flatnonzero((end <= frame) & (end > frame - tail))
    pairs = np.stack([marks.sources[recent], marks.targets[recent]], axis=1)
    shades = np.column_stack([marks.colours[pairs[:, 1]], 1 - 0.7 * (frame - end[recent]) / tail])
    axes.add_collection(LineCollection(list(marks.place[pairs]), colors=shades, linewidths=1.6))
    here = np.flatnonzero(marks.frame == frame)
    if marks.contours:
        closed = [np.vstack([c, c[:1]]) for c in (marks.contours[row] for row in here)]
        axes.add_collection(LineCollection(closed, colors=marks.colours[here], linewidths=0.9))
    else:
        axes.scatter(marks.place[here, 0], marks.place[here, 1], s=8, c=marks.colours[here])
    rings = marks.divides & (marks.frame <= frame) & (marks.frame > frame - tail)
    x, y = marks.place[rings].T
    axes.scatter(x, y, s=45, facecolors="none", edgecolors="w", linewidths=1)
    if text:
        box = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 2}
        axes.text(0.012, 0.985, text, color="w", fontsize=9, va="top", bbox=box,
                  transform=axes.transAxes)  # fmt: skip
    axes.set(xlim=extent[:2], ylim=extent[2:])
    axes.set_axis_off()
    return drawn(figure)


def _time(tracks: Tracks, frame: int) -> str:
    """Return a frame's time; with parts of a second where frames are not whole seconds apart."""
    step = tracks.calibration.frame_interval
    if step <= 0:
        return ""
    digits = 0 if float(step).is_integer() else 2 if step >= 0.1 else 3
    minutes, seconds = divmod(round(step * frame, digits), 60)
    width = digits + 3 if digits else 2
    return f"   {minutes // 60:.0f} h {minutes % 60:02.0f} min {seconds:0{width}.{digits}f} s"
