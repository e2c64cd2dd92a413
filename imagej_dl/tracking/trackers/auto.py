"""AUTO: links by masks, sizes and motion, with limits that follow the movie.

Two assignment problems, as in Jaqaman et al. (Nature Methods 2008). The first links each frame
to the next, by distance in the objects' own radii, by the overlap of their masks and by their
areas. The second joins what is left: divisions, which keep the area, and gaps. Unlike TrackMate's
trackers AUTO takes jumps of the stage out first, counts no small stray piece of a label as an
object, and says how sure it is of each link.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from imagej_dl.errors import warn
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import linking_distance
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.automatic import certain, events, frames, margins, near, shifts
from imagej_dl.tracking.trackers.automatic.objects import Objects
from imagej_dl.tracking.trackers.base import Detected, Setting, SettingsMap, Tracker

_RADII = 4.2
"""Reach of a link in radii, where objects are not small beside their motion."""
_NEAR = 0.75
"""Share of the reach within which frame-to-frame links are looked for: objects farther apart do not
overlap, so that no link costs less. What is left without a link is looked for in all of it."""
_MEASURED = 2000
"""Objects whose steps are measured are about as many."""
_CONSIDERED = 2.0
"""Gaps and divisions up to this multiple of the cost of no link are known to the margins."""


class AutoSettings(SettingsMap):
    """Costs of AUTO; they have no unit."""

    linking_max_radii: Annotated[float, Setting("radii", search=(0.0, 3.0, 4.0, 5.0, 6.5))] = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Maximal distance of a link in radii of its objects; 0 follows the movie.",
    )
    overlap_weight: Annotated[float, Setting(search=(0.0, 2.0))] = Field(
        1.0, ge=0, description="Weight of the share of the smaller object outside the other."
    )
    area_weight: Annotated[float, Setting(search=(0.0, 0.5))] = Field(
        0.1, ge=0, description="Weight of a change of the area by more than a division makes."
    )
    no_link_cost: Annotated[float, Setting(search=(1.2, 3.0))] = Field(
        2.0, gt=0, le=1e6, description="Cost of no link; dearer links are not made."
    )
    max_frame_gap: Annotated[int, Setting("frames", search=(1, 5))] = Field(
        3, ge=1, le=10**6, description="Maximal number of frames from one spot to the next."
    )
    allow_track_splitting: Annotated[bool, Setting(search=(True, False))] = Field(
        True, description="Objects may divide."
    )
    max_division_cost: Annotated[
        float, Setting(only_with="ALLOW_TRACK_SPLITTING", search=(0.5, 3.0))
    ] = Field(1.5, gt=0, le=1e6, description="Cost above which a division is none.")


@dataclass(frozen=True)
class _Limits:
    """The reach of links, and where it comes from."""

    radii: float
    words: str


class Auto(Tracker):
    """Our own tracker; it uses the masks."""

    key = "AUTO"
    label = "AUTO tracker"
    settings_model: ClassVar[type[SettingsMap]] = AutoSettings
    needs = ("spots", "label image")
    joins_strays = True

    def link(self, detected: Detected, settings: AutoSettings, progress: Progress) -> Links:
        return link(Objects.of(detected), settings, progress, detected.unit)


TRACKERS = (Auto(),)


def link(
    objects: Objects, settings: AutoSettings, progress: Progress = silent, unit: str = "px"
) -> Links:
    """Link objects; the links come with their margins, those of the objects, and notes.

    Warns
    -----
    DataWarning : where all tracks end: before frames without objects, more of them than a gap may
        have, and before a frame in which no object is found again.
    """
    limits = _limits(objects, settings, unit)
    weights = frames.Weights(
        limits.radii, settings.overlap_weight, settings.area_weight, settings.no_link_cost
    )
    stage = np.zeros((objects.frames, 2))
    trees: near.Trees = {}
    found = frames.candidates(objects, stage, _NEAR * limits.radii, trees)
    shift = shifts.common(objects, found)
    if shift.any():
        stage[1:] = np.cumsum(shift, axis=0)[:-1]
        trees = {}
        found = frames.candidates(objects, stage, _NEAR * limits.radii, trees)
    found = frames.overlapping(objects, stage, found)
    place = objects.place - stage[objects.frame]
    known = _CONSIDERED * settings.no_link_cost
    possible, chosen = frames.best_links(objects, stage, found, weights, progress)
    links = possible.take(chosen)
    gap = settings.max_frame_gap
    candidates = [events.gaps(objects, place, links, weights, gap, known, trees)]
    if settings.allow_track_splitting:
        # In units of the cost of no link, so that gaps and divisions compete.
        scale = settings.no_link_cost / settings.max_division_cost
        born = events.divisions(objects, place, found, links, known / scale)
        candidates.append(Links(born.sources, born.targets, born.costs * scale))
    later = Links.join(candidates)
    made = certain.optimal(later, settings.no_link_cost)
    own = (
        margins.of_links(possible, chosen, settings.no_link_cost),
        margins.of_links(later, made, settings.no_link_cost),
    )
    every = Links.join([links, later.take(made)])
    refused = Links.join([possible, later])
    margin = np.concatenate(own)
    of_spots = margins.of_objects(objects, every, margin, refused, settings.no_link_cost)
    _warn_of_breaks(objects, every, gap)
    notes = [f"links reach {limits.radii:.3g} radii of the objects, {limits.words}"]
    notes += [
        f"jump of the stage after frame {frame + 1}: {shift[frame, 0]:.3g}, {shift[frame, 1]:.3g} "
        f"{unit} (x, y) taken out"
        for frame in np.flatnonzero(shift.any(axis=1))
    ]
    return Links(every.sources, every.targets, every.costs, margin, of_spots, tuple(notes))


def _limits(objects: Objects, settings: AutoSettings, unit: str) -> _Limits:
    """Return how far links go: some radii, more where steps are long, never half of the image."""
    if settings.linking_max_radii:
        return _Limits(settings.linking_max_radii, "as the settings say")
    radius = float(np.median(objects.radius))
    step = _step(objects)
    usual = linking_distance.RADII * radius
    radii, why = _RADII, f"whose median is {radius:.3g} {unit}"
    if linking_distance.STEPS * step > usual:
        radii *= linking_distance.STEPS * step / usual
        why = f"whose median step is {step:.3g} {unit}"
    most = linking_distance.SHARE * float(objects.size.max()) / radius
    if 0 < most < radii:
        radii, why = most, "a third of the image"
    return _Limits(radii, f"{why}; that is {radii * radius:.3g} {unit}")


def _step(objects: Objects) -> float:
    """Return the median distance of objects of two frames that are each other's nearest."""
    bounds, place = objects.bounds, objects.place
    pairs = int(np.clip(_MEASURED * objects.frames / len(place), 5, linking_distance.PAIRS))
    starts = np.linspace(0, max(objects.frames - 2, 0), pairs).astype(int)
    steps = [
        linking_distance.steps(
            place[bounds[start] : bounds[start + 1]], place[bounds[start + 1] : bounds[start + 2]]
        )
        for start in np.unique(starts)
        if objects.frames > 1
    ]
    moved = np.concatenate(steps) if steps else np.zeros(0)
    return float(np.median(moved)) if moved.size else 0.0


def _warn_of_breaks(objects: Objects, links: Links, gap: int) -> None:
    """Warn of frames over which no track goes on."""
    seen = np.unique(objects.frame)
    crossed = np.zeros(objects.frames + 1, np.int64)
    np.add.at(crossed, objects.frame[links.sources], 1)
    np.add.at(crossed, objects.frame[links.targets], -1)
    crossed = np.cumsum(crossed)
    for before, after in pairwise(seen.tolist()):
        if crossed[before]:
            continue
        if after - before > gap:
            warn(
                f"no objects in frames {before + 2} to {after}: all tracks end before, and new "
                "ones begin after"
            )
        else:
            warn(
                f"no object of frame {before + 1} is found again in frame {after + 1}: all tracks "
                "end there"
            )
