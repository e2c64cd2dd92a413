"""The one list of trackers, which commands, dialogs, settings files, doctor and tuning read.

Every module of this package with a tuple `TRACKERS` adds its trackers; none is listed by hand.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

from imagej_dl import registries
from imagej_dl.errors import UserError
from imagej_dl.tracking.trackers.base import EMBEDDED, TRACKMATE, Tracker
from imagej_dl.tracking.trackers.foreign import ForeignTracker

DEFAULT = "SPARSE_LAP_TRACKER"
"""Key of TrackMate's tracker that is used where no settings are named."""
BY_MASKS = "AUTO"
"""Key of the tracker that is used where neither settings nor an engine are named."""

# The order of lists in help texts and dialogs; modules that are not named come last.
_ORDER = ("auto", "lap", "kalman", "nearest_neighbor", "overlap", "motile", "btrack", "trackastra")


@cache
def trackers() -> dict[str, Tracker]:
    """Return all trackers by their keys."""
    registered: dict[str, Tracker] = {}
    for module in sorted(registries.modules(__package__), key=_place):
        for tracker in getattr(module, "TRACKERS", ()):
            _add(registered, tracker)
    return registered


def _place(module: ModuleType) -> tuple[int, str]:
    name = module.__name__.rpartition(".")[2]
    return _ORDER.index(name) if name in _ORDER else len(_ORDER), name


def register(tracker: Tracker) -> None:
    """Add a tracker from outside this package, before the commands are imported."""
    _add(trackers(), tracker)


def _add(registered: dict[str, Tracker], tracker: Tracker) -> None:
    if tracker.key in registered:
        raise ValueError(f"there are two trackers {tracker.key}")
    registered[tracker.key] = tracker


def engines() -> tuple[str, ...]:
    """Return the names of all engines: "auto", TrackMate, the embedded one, foreign ones."""
    return ("auto", TRACKMATE, EMBEDDED, *foreign())


def foreign() -> dict[str, ForeignTracker]:
    """Return the trackers of foreign engines by the engines' names."""
    every = trackers().values()
    return {tracker.engine: tracker for tracker in every if isinstance(tracker, ForeignTracker)}


def embedded() -> dict[str, Tracker]:
    """Return the trackers of the embedded engine by their keys."""
    return {key: tracker for key, tracker in trackers().items() if EMBEDDED in tracker.engines}


def tunable() -> tuple[str, ...]:
    """Return the keys of the trackers that have a search space."""
    return tuple(key for key, tracker in trackers().items() if tracker.tunable)


def in_trackmate(key: str | None) -> bool:
    """Return True if TrackMate has a tracker of this key that is known here, too."""
    tracker = trackers().get(key or "")
    return tracker is not None and tracker.in_trackmate


def default_for(engine: str) -> Tracker:
    """Return the tracker of an engine where no settings are named."""
    own = foreign().get(engine)
    if own is not None:
        return own
    return trackers()[BY_MASKS if engine == "auto" else DEFAULT]


def engine_of(engine: str, key: str) -> str:
    """Return the engine that is to run a tracker.

    "auto" stays where both TrackMate and the embedded engine have the tracker.

    Raises
    ------
    UserError : for an engine that does not have this tracker, or that is not known.
    """
    known = engines()
    if engine not in known:
        raise UserError(f"unknown engine {engine!r}", remedy=f"Known are {', '.join(known)}.")
    own = trackers()[key].engines
    if engine == "auto":
        return engine if TRACKMATE in own else own[0]
    if engine not in own:
        raise UserError(
            f"the settings are for {key}, which {engine} does not have",
            remedy=f'Write {{"tracker": "{default_for(engine).key}"}}, or leave --engine out.',
        )
    return engine
