"""Which engine tracks."""

from __future__ import annotations

from typing import Any, Literal

from imagej_dl.errors import UserError
from imagej_dl.tracking import trackers
from imagej_dl.tracking.settings import TrackerSettings

Engine = Literal["auto", "trackmate", "embedded", "motile", "btrack", "trackastra"]


def of(engine: Engine, settings: TrackerSettings) -> Engine:
    """The engine of the settings' tracker; UserError where another one was asked for."""
    others = {key: name for name, key in trackers.TRACKERS.items()}
    own = others.get(settings.tracker)
    if engine == "auto":
        return own or "auto"  # type: ignore[return-value]
    if own != engine and (own is not None or engine in trackers.TRACKERS):
        key = trackers.TRACKERS.get(engine, "SPARSE_LAP_TRACKER")
        raise UserError(
            f"the settings are of {settings.tracker}, which {engine} has not",
            remedy=f'Write {{"tracker": "{key}"}}, or leave --engine out.',
        )
    return engine


def trackmate(engine: str, fiji: str | None) -> Any:
    """The bridge to a real TrackMate where there is one; None lets auto fall back."""
    from imagej_dl.fiji import trackmate as bridge

    if bridge.available(fiji):
        return bridge
    if engine == "trackmate" or fiji is not None:
        raise UserError(
            "there is no Fiji with TrackMate",
            path=fiji,
            remedy="Name its folder with --fiji or FIJI_HOME, or use --engine embedded.",
        )
    return None
