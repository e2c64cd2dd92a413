"""The interface of a tracker: its settings, its input, and the links it makes of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from imagej_dl.errors import UserError
from imagej_dl.progress import Progress
from imagej_dl.tracking.links import Links

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

IMAGE_UNIT = "image unit"
"""The unit of the image's calibration, such as µm."""
EMBEDDED, TRACKMATE = "embedded", "trackmate"
"""The engines that are no foreign program: this process, and TrackMate in a Fiji."""
BY_SIZE: Literal["by size"] = "by size"
"""A search space that follows the objects' median radius and motion."""
Need = Literal["spots", "contours", "label image", "movie"]

# Scripts give TrackMate infinity for a distance without a limit.
Distance = Annotated[float, Field(ge=0, allow_inf_nan=True)]


@dataclass(frozen=True)
class Setting:
    """Properties of a setting that commands need besides its type, limits and description.

    Parameters
    ----------
    unit : of its value; empty where it has none.
    distance : for a maximal linking distance the share of the distance measured in the label
        movie that it has where no settings are named; 0 for all other settings.
    only_with : key of the setting that switches this one on.
    search : two bounds or the values that `tune-tracking` searches; empty if it is not tuned.
    usual : its value where no settings are named, if that is not the default of the model.
    """

    unit: str = ""
    distance: float = 0.0
    only_with: str = ""
    search: tuple[Any, ...] | Literal["by size"] = ()
    usual: Any = None


class SettingsMap(BaseModel):
    """Base of the settings of trackers and detectors, under upper-case keys as in TrackMate.

    Unknown keys and numbers that are not finite are refused.
    """

    model_config = ConfigDict(
        alias_generator=str.upper,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )

    def to_map(self) -> dict[str, Any]:
        """Return all settings by their keys; infinity as the word "Infinity"."""
        values = self.model_dump(by_alias=True)
        return {k: "Infinity" if v == math.inf else v for k, v in values.items()}

    @classmethod
    def declared(cls) -> dict[str, Setting]:
        """Return what is declared of each setting, by its key, in order."""
        return {
            str(field.alias): next((m for m in field.metadata if isinstance(m, Setting)), Setting())
            for field in cls.model_fields.values()
        }

    @classmethod
    def usual_values(cls) -> dict[str, Any]:
        """Return the values, where no settings are named, that are not the model's defaults."""
        return {key: s.usual for key, s in cls.declared().items() if s.usual is not None}


def _no_label_image() -> np.ndarray:
    raise ValueError("these spots come without a label image")


@dataclass(frozen=True)
class Detected:
    """The input of a tracker: the spots of a movie, in the order of the frames.

    Parameters
    ----------
    spots : table of :func:`imagej_dl.tracking.spots.find`, ordered by frame.
    contours : for each spot the (N, 2) corners x, y relative to its centre, in the image's unit.
    frames : number of frames of the movie.
    size : rows and columns of a frame.
    pixel : width and height of a pixel in the image's unit.
    label_image : returns the label movie (T, Y, X) in which each spot has its row number + 1.
    movie : the movie itself (T, Y, X and others), if there is one.
    python : the Python in which a foreign engine is installed, if one was named.
    masks : returns a frame's labels (Y, X) and by label its row number + 1, 0 for no spot; None
        where there are no masks.
    unit : of positions and sizes.
    kept : what trackers keep of their work for the next settings; empty at first.
    """

    spots: pd.DataFrame
    contours: list[np.ndarray]
    frames: int
    size: tuple[int, int] = (0, 0)
    pixel: tuple[float, float] = (1.0, 1.0)
    label_image: Callable[[], np.ndarray] = _no_label_image
    movie: xr.DataArray | None = None
    python: Path | None = None
    masks: Callable[[int], tuple[np.ndarray, np.ndarray]] | None = None
    unit: str = "px"
    kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def frame_of_spot(self) -> np.ndarray:
        """(N,) frame of each spot, from 0."""
        return self.spots["frame"].to_numpy()

    @property
    def positions(self) -> np.ndarray:
        """(N, 2) x, y of each spot in the image's unit."""
        return self.spots[["x", "y"]].to_numpy(float)

    def squared_distances(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the squared distance of each pair of rows, in the image's unit squared."""
        return ((self.positions[sources] - self.positions[targets]) ** 2).sum(axis=1)


class Tracker(ABC):
    """A way to link spots from frame to frame.

    Subclasses set the attributes and implement :meth:`link`; :mod:`imagej_dl.tracking.trackers`
    describes where an instance goes.

    Attributes
    ----------
    key : its name in settings files and TrackMate files; TrackMate's where TrackMate has it.
    label : its name in sentences.
    settings_model : its settings; every field has a description.
    engines : the engines that run it: :data:`EMBEDDED`, :data:`TRACKMATE`, or a foreign one.
    needs : the parts of its input that it uses.
    joins_strays : small stray pieces of a label belong to its largest one, and are no spots.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    settings_model: ClassVar[type[SettingsMap]]
    engines: tuple[str, ...] = (EMBEDDED,)
    needs: ClassVar[tuple[Need, ...]] = ("spots",)
    joins_strays: ClassVar[bool] = False

    @abstractmethod
    def link(self, detected: Detected, settings: Any, progress: Progress) -> Links:
        """Link spots.

        Parameters
        ----------
        detected : the spots, one at least, and what they were detected in.
        settings : instance of :attr:`settings_model`.
        progress : called as the work goes on; it may raise Cancelled.

        Returns
        -------
        links : between row numbers of the table of spots, forward in time, with their costs.

        Raises
        ------
        UserError : for input or settings that it cannot work with.
        """

    def check(self, detected: Detected) -> None:
        """Raise UserError where the movie itself is needed and missing."""
        if "movie" in self.needs and detected.movie is None:
            raise UserError(
                f"{self.label} needs the intensities of the movie", remedy="Name it with --image."
            )

    @property
    def in_trackmate(self) -> bool:
        """True if TrackMate has this tracker, under the same key and settings."""
        return TRACKMATE in self.engines

    @property
    def tunable(self) -> bool:
        """True if a setting of it has a search space."""
        return any(setting.search for setting in self.settings_model.declared().values())

    def search_space(self, radius: float, distance: float | None = None) -> dict[str, list[Any]]:
        """Return for each setting that is tuned two bounds or the values to choose from.

        Parameters
        ----------
        radius : median radius of the objects in the image's unit. Distances are searched from
            half of it to four and a half times of it: in the former eight lie many wrong links.
        distance : linking distance measured in the label movie; distances are searched up to
            half as much again, if that is more. Those of divisions end sooner, as they do where
            no settings are named.
        """
        farthest = max(4.5 * radius, 1.5 * (distance or 0.0))
        return {
            key: [round(0.5 * radius, 3), round((setting.distance or 1) * farthest, 3)]
            if setting.search == BY_SIZE
            else list(setting.search)
            for key, setting in self.settings_model.declared().items()
            if setting.search
        }
